/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_transfer.c - a blob's way into a file, from the real HTTP server, whose place stands in a
 * DHT of this process's memory: it arrives whole or not at all, goes on where it stopped, and what
 * the sender did not announce never reaches the file (P-5.4, P-6). */
#include "base/clock.h"
#include "flow/peers/transfer.h"
#include "base/file.h"
#include "base/jobs.h"
#include "dht/dht.h"
#include "flow/core/path.h"
#include "flow/core/sign.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "pgp/pgp.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define SENDER "alice@demo"
#define NETWORK 7u
#define SIZE (2 * CHUNK_LEN + 12345)

static uv_loop_t loop;
static struct services sv;
static char home[] = "/tmp/restante-transfer-XXXXXX";
static struct bytes pubkey;
static uint8_t fpr[FPR_LEN], *data;
static struct blob_ref blob;
static char blob_path[PATH_CAP], chunks_path[PATH_CAP], part[PATH_CAP];

/* Not UV_RUN_ONCE: that waits for another event when a timer was all there was. */
static void turn(void)
{
    if (uv_run(&loop, UV_RUN_NOWAIT) != 0)
        (void)usleep(500);
}

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
    (void)transfer_start(&sv, SENDER, &pubkey, fpr, b, part, on_end, &r);
    assert_false(r.done); /* later, never from within */
    while (!r.done)
        turn();
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
    home_path(&sv, path, "outbox", small.hash, HASH_LEN, "");
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
    (void)snprintf(part, sizeof part, "%s/no/such/part", home);
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

/* ---- the sender: a key, a descriptor, a blob */

static void put_done(void *ctx, enum dht_result r, const char *why)
{
    assert_int_equal(r, DHT_OK);
    *(bool *)ctx = r == DHT_OK;
}

static void post_descriptor(struct pgp *pgp, uint16_t port)
{
    struct descriptor d = {.seq = 1, .expiry = clock_wall_ms() / 1000 + 3600};
    struct record_place place = {NETWORK, SENDER};
    struct buf payload = BUF_INIT(RECORD_MAX), record = BUF_INIT(RECORD_MAX);
    struct error e = {""};
    uint8_t lock[HASH_LEN] = {1};
    char url[64];
    bool ok = false;
    (void)strcpy(d.address, SENDER);
    memcpy(d.fpr, fpr, FPR_LEN);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", port);
    assert_int_equal(endpoint_parse(url, &d.endpoints[0]), 0);
    d.endpoint_count = 1;
    assert_int_equal(descriptor_encode(&d, &place, &payload), 0);
    assert_int_equal(sign_record(pgp, &payload, &record, &e), 0);
    dht_put(sv.dht, SENDER, record.data, record.len, d.expiry, lock, put_done, &ok);
    while (!ok)
        turn();
    buf_free(&payload);
    buf_free(&record);
}

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
    home_path(&sv, blob_path, "outbox", blob.hash, HASH_LEN, "");
    home_path(&sv, chunks_path, "outbox", blob.hash, HASH_LEN, ".chunks");
    assert_int_equal(file_write(chunks_path, list, sizeof list, NULL), 0);
}

static void *no_context(void *arg)
{
    return arg;
}

static int make(void **state)
{
    static char outbox[PATH_CAP], database[PATH_CAP];
    struct error e = {""};
    struct pgp *pgp = NULL;
    struct buf secret = BUF_INIT(16384), pub = BUF_INIT(PUBKEY_MAX);
    struct jobs_config files = {.name = "files", .threads = 2};
    struct jobs_config keys = {
        .name = "keys", .threads = 1, .thread_start = no_context, .arg = &sv};
    struct http_client_config client = {.connect_seconds = 5};
    struct http_server_config server = {.host = "127.0.0.1", .outbox_dir = outbox};
    if (mkdtemp(home) == NULL || uv_loop_init(&loop) < 0)
        return -1;
    (void)snprintf(outbox, sizeof outbox, "%s/outbox", home);
    (void)snprintf(database, sizeof database, "%s/state.db", home);
    (void)snprintf(part, sizeof part, "%s/part", home);
    sv = (struct services){.loop = &loop,
                           .c = {.home = home, .address = "bob@demo", .network = NETWORK},
                           .policy = {.loopback = true}};
    if (dir_make(outbox, &e) < 0 || pgp_generate(SENDER, &secret, &pub, &e) < 0 ||
        pgp_new(&pgp, &e) < 0 || pgp_load_secret(pgp, secret.data, secret.len, &e) < 0)
        return -1;
    pgp_own_fpr(pgp, fpr);
    (void)bytes_set(&pubkey, pub.data, pub.len);
    sv.files = jobs_create(&loop, &files, &e);
    sv.pgp = jobs_create(&loop, &keys, &e);
    sv.store = store_open(&loop, database, &e);
    sv.dht = dht_memory(&loop);
    sv.http = http_client_new(&loop, &client, &e);
    sv.server = http_server_start(&server, &e);
    if (sv.store == NULL || sv.files == NULL || sv.pgp == NULL || sv.dht == NULL ||
        sv.http == NULL || sv.server == NULL)
        return -1;
    post_descriptor(pgp, http_server_port(sv.server));
    make_blob();
    pgp_free(&pgp);
    buf_wipe(&secret);
    buf_free(&pub);
    return 0;
}

static int unmake(void **state)
{
    char command[64];
    http_client_free(&sv.http);
    http_server_stop(&sv.server);
    dht_free(&sv.dht);
    jobs_free(&sv.files);
    jobs_free(&sv.pgp);
    store_close(&sv.store);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    bytes_free(&pubkey);
    free(data);
    (void)snprintf(command, sizeof command, "rm -rf %s", home);
    return uv_loop_close(&loop) < 0 || system(command) != 0 ? -1 : 0;
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
