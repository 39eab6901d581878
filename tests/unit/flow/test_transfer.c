/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_transfer.c - a blob's way into a file, from the real HTTP server, whose place stands in a
 * DHT of this process's memory: it arrives whole or not at all, goes on where it stopped, and what
 * the sender did not announce never reaches the file (P-5.4, P-6). */
#include "flow_peer.h"
#include "flow/peers/transfer.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SENDER "alice@demo"
#define SIZE (2 * CHUNK_LEN + 12345)

static struct flow_peer alice, bob;
static uint8_t fpr[FPR_LEN], *data;
static struct blob_ref blob;
static char blob_path[PATH_CAP], chunks_path[PATH_CAP], part[PATH_CAP];

struct result {
    bool done, ok;
    char why[320];
};

static void on_end(void *ctx, bool ok, const char *why)
{
    struct result *r = ctx;
    assert_false(r->done);
    r->done = true;
    r->ok = ok;
    (void)snprintf(r->why, sizeof r->why, "%s", why);
}

static struct result fetch_as(const struct blob_ref *b)
{
    struct result r = {0};
    (void)transfer_start(&bob.sv, SENDER, &alice.sv.pubkey, fpr, b, part, on_end, &r);
    assert_false(r.done); /* later, never from within */
    until(r.done);
    return r;
}

static struct result fetch(void)
{
    return fetch_as(&blob);
}

static bool arrived(void)
{
    struct buf b = BUF_INIT(SIZE);
    bool same = file_read(part, &b, NULL) == 0 && b.len == SIZE && memcmp(b.data, data, SIZE) == 0;
    buf_free(&b);
    return same;
}

static off_t part_size(void)
{
    struct stat st;
    return stat(part, &st) == 0 ? st.st_size : -1;
}

/* What the sender serves: these octets under the announced name. */
static void serve(const uint8_t *p, size_t n)
{
    assert_int_equal(file_write(blob_path, p, n, NULL), 0);
}

static int fresh(void **state)
{
    (void)unlink(part);
    serve(data, SIZE);
    return 0;
}

static void test_whole(void **state)
{
    struct result r = fetch();
    assert_true(r.ok);
    assert_true(arrived());
    r = fetch(); /* it is all there already */
    assert_true(r.ok);
    assert_true(arrived());
}

static void test_one_chunk(void **state)
{
    struct blob_ref small = {.size = 5};
    char path[PATH_CAP];
    sha256("small", 5, small.hash);
    sha256(small.hash, HASH_LEN, small.chunks_hash);
    home_path(&alice.sv, path, "outbox", small.hash, HASH_LEN, "");
    assert_int_equal(file_write(path, "small", 5, NULL), 0);
    assert_true(fetch_as(&small).ok); /* without a list of chunks */
    assert_int_equal(part_size(), 5);
    (void)unlink(part);
    assert_int_equal(file_write(path, "smaLL", 5, NULL), 0);
    assert_false(fetch_as(&small).ok);
    assert_int_equal(part_size(), 0);
    small.chunks_hash[0] ^= 1;
    struct result r = fetch_as(&small);
    assert_false(r.ok);
    assert_non_null(strstr(r.why, "contradicts itself"));
}

/* A part file from before a crash, with its last octets torn: only what is verified stays. */
static void test_resume(void **state)
{
    assert_int_equal(file_write(part, data, CHUNK_LEN + 777, NULL), 0);
    uint8_t *other = malloc(SIZE); /* the first chunk cannot come from there again */
    assert_non_null(other);
    memcpy(other, data, SIZE);
    memset(other, 0, CHUNK_LEN);
    serve(other, SIZE);
    free(other);
    assert_true(fetch().ok);
    assert_true(arrived());
}

static void test_damaged_part(void **state)
{
    assert_int_equal(file_write(part, data, SIZE, NULL), 0);
    int fd = open(part, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "X", 1, CHUNK_LEN + 5), 1);
    (void)close(fd);
    assert_true(fetch().ok);
    assert_true(arrived());
    assert_int_equal(truncate(part, SIZE + 100), 0); /* longer than announced */
    assert_true(fetch().ok);
    assert_true(arrived());
}

static void test_flipped(void **state)
{
    data[CHUNK_LEN + 1] ^= 1;
    serve(data, SIZE);
    data[CHUNK_LEN + 1] ^= 1;
    struct result r = fetch();
    assert_false(r.ok);
    assert_non_null(strstr(r.why, "sent is not what was announced"));
    assert_int_equal(part_size(), CHUNK_LEN); /* the good chunk stays, nothing of the bad one */
    serve(data, SIZE);
    assert_true(fetch().ok);
    assert_true(arrived());
}

static void test_truncated(void **state)
{
    serve(data, CHUNK_LEN + 10);
    assert_false(fetch().ok);
    assert_int_equal(part_size(), CHUNK_LEN);
    serve(data, SIZE);
    assert_true(fetch().ok);
    assert_true(arrived());
}

static void test_too_long(void **state)
{
    uint8_t *longer = calloc(1, SIZE + 100);
    assert_non_null(longer);
    memcpy(longer, data, SIZE);
    serve(longer, SIZE + 100);
    free(longer);
    (void)fetch();
    assert_true(part_size() <= SIZE);
}

static void test_gone(void **state)
{
    assert_int_equal(unlink(blob_path), 0);
    struct result r = fetch();
    assert_false(r.ok);
    assert_non_null(strstr(r.why, "does not offer this message any more"));
}

static void test_false_list(void **state)
{
    struct buf b = BUF_INIT(1000);
    assert_int_equal(file_read(chunks_path, &b, NULL), 0);
    b.data[40] ^= 1;
    assert_int_equal(file_write(chunks_path, b.data, b.len, NULL), 0);
    struct result r = fetch();
    assert_false(r.ok);
    assert_non_null(strstr(r.why, "not what was announced"));
    assert_int_equal(part_size(), 0);
    assert_int_equal(file_write(chunks_path, b.data, b.len - 1, NULL), 0);
    assert_false(fetch().ok);
    b.data[40] ^= 1;
    assert_int_equal(file_write(chunks_path, b.data, b.len, NULL), 0);
    buf_free(&b);
}

/* Sizes no disk holds are refused before anything is fetched or allocated. */
static void test_impossible_sizes(void **state)
{
    static const uint64_t size[] = {0, UINT64_MAX, UINT64_MAX - CHUNK_LEN, 1ULL << 44,
                                    (1ULL << 44) + 1};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        struct blob_ref b = blob;
        b.size = size[i];
        struct result r = fetch_as(&b);
        assert_false(r.ok);
        assert_true(strstr(r.why, "impossible") != NULL ||
                    strstr(r.why, "enough free space") != NULL);
        assert_int_equal(part_size(), 0);
    }
}

static void test_nowhere_to_write(void **state)
{
    char good[PATH_CAP];
    (void)strcpy(good, part);
    (void)snprintf(part, sizeof part, "%s/no/such/part", bob.home);
    struct result r = fetch();
    (void)strcpy(part, good);
    assert_false(r.ok);
    assert_non_null(strstr(r.why, "cannot be stored on this machine"));
}

/* The descriptor counts only under the key that announced the message. */
static void test_other_key(void **state)
{
    uint8_t good = fpr[0];
    fpr[0] ^= 1;
    struct result r = fetch();
    fpr[0] = good;
    assert_false(r.ok);
    assert_non_null(strstr(r.why, "is offline"));
}

/* ---- the sender: a blob */

static void make_blob(void)
{
    uint8_t list[3 * HASH_LEN];
    data = malloc(SIZE);
    assert_non_null(data);
    random_bytes(data, SIZE);
    blob.size = SIZE;
    sha256(data, SIZE, blob.hash);
    for (size_t i = 0; i < 3; i++)
        sha256(data + i * CHUNK_LEN, i < 2 ? CHUNK_LEN : SIZE - 2 * CHUNK_LEN, list + i * HASH_LEN);
    sha256(list, sizeof list, blob.chunks_hash);
    home_path(&alice.sv, blob_path, "outbox", blob.hash, HASH_LEN, "");
    home_path(&alice.sv, chunks_path, "outbox", blob.hash, HASH_LEN, ".chunks");
    assert_int_equal(file_write(chunks_path, list, sizeof list, NULL), 0);
}

static int make(void **state)
{
    static const struct module *const modules[] = {NULL};
    if (peers_open(state) < 0)
        return -1;
    peer_make(&alice, SENDER);
    peer_make(&bob, "bob@demo");
    peer_start(&alice, modules, NULL);
    peer_start(&bob, modules, NULL);
    peer_posts_descriptor(&alice);
    memcpy(fpr, alice.sv.fpr, FPR_LEN);
    (void)snprintf(part, sizeof part, "%s/part", bob.home);
    make_blob();
    return 0;
}

static int unmake(void **state)
{
    peer_remove(&alice);
    peer_remove(&bob);
    free(data);
    return peers_shut(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_whole, fresh),
        cmocka_unit_test_setup(test_one_chunk, fresh),
        cmocka_unit_test_setup(test_resume, fresh),
        cmocka_unit_test_setup(test_damaged_part, fresh),
        cmocka_unit_test_setup(test_flipped, fresh),
        cmocka_unit_test_setup(test_truncated, fresh),
        cmocka_unit_test_setup(test_too_long, fresh),
        cmocka_unit_test_setup(test_gone, fresh),
        cmocka_unit_test_setup(test_false_list, fresh),
        cmocka_unit_test_setup(test_impossible_sizes, fresh),
        cmocka_unit_test_setup(test_nowhere_to_write, fresh),
        cmocka_unit_test_setup(test_other_key, fresh),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
