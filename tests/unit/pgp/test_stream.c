/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_stream.c - large messages stream: 600 MB go from one thread's seal through a socket to
 * another's unseal within a few megabytes; and contexts of several threads do not disturb each
 * other. */
#include "pgp_peer.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define SIZE (600 * 1000 * 1000)
#define PEAK_KB (64 * 1024)

static struct peer alice, bob;

static int setup(void **state)
{
    peer_make(&alice, "alice@demo");
    peer_make(&bob, "bob@demo");
    return 0;
}

static int teardown(void **state)
{
    peer_free(&alice);
    peer_free(&bob);
    return 0;
}

/* A file of zeros and, where the choice of compression looks, noise: so nothing is compressed. */
static int large_file(void)
{
    static uint8_t noise[64 * 1024];
    int fd = memfd_create("large", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, SIZE), 0);
    random_bytes(noise, sizeof noise);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pwrite(fd, noise, sizeof noise, SIZE / 4 * i), sizeof noise);
    return fd;
}

static void hash_file(int fd, uint8_t hash[HASH_LEN])
{
    static uint8_t piece[1024 * 1024];
    struct sha256 *s = sha256_new();
    ssize_t n;
    while ((n = read(fd, piece, sizeof piece)) > 0)
        sha256_add(s, piece, (size_t)n);
    sha256_end(&s, hash);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
}

struct sealer {
    struct pgp_seal seal;
    struct error error;
    int result;
};

static void *seal_thread(void *arg)
{
    struct sealer *s = arg;
    s->result = pgp_seal(alice.p, &s->seal, &s->error);
    close(s->seal.out_fd);
    return NULL;
}

static void test_large(void **state)
{
    struct buf pkesk = BUF_INIT(512), chunks = BUF_INIT(HASH_LEN * 200);
    uint8_t hash[HASH_LEN];
    int in = large_file(), out = open("/dev/null", O_WRONLY | O_CLOEXEC), ends[2];
    struct sealer s = {.seal = {.in_fd = in,
                                .to = &bob.pub,
                                .to_count = 1,
                                .ocb = true,
                                .in_size = SIZE,
                                .pkesk = &pkesk,
                                .chunks = &chunks}};
    struct pgp_unseal u = {.out_fd = out, .max_size = SIZE, .from = alice.pub};
    struct rusage usage;
    pthread_t thread;
    hash_file(in, hash);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    s.seal.out_fd = ends[1];
    u.blob_fd = ends[0];
    assert_int_equal(pthread_create(&thread, NULL, seal_thread, &s), 0);
    /* The session key is complete before the blob's first octet. */
    assert_int_equal(recv(ends[0], &(char){0}, 1, MSG_PEEK), 1);
    u.pkesk = pkesk.data;
    u.pkesk_len = pkesk.len;
    ok(pgp_unseal(bob.p, &u, e));
    assert_int_equal(pthread_join(thread, NULL), 0);
    if (s.result != 0)
        fail_msg("%s", s.error.text);
    assert_int_equal(u.size, SIZE);
    assert_memory_equal(u.hash, hash, HASH_LEN);
    assert_in_range(s.seal.blob_size, SIZE, SIZE + SIZE / 1000);
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
#ifndef __SANITIZE_ADDRESS__
    assert_in_range(usage.ru_maxrss, 1, PEAK_KB);
#endif
    buf_free(&pkesk);
    buf_free(&chunks);
    close(ends[0]);
    close(in);
    close(out);
}

static void *worker(void *arg)
{
    struct error e = {{0}};
    struct buf sig = BUF_INIT(1024);
    struct pgp *p = NULL;
    const char *result = NULL;
    if (pgp_new(&p, &e) < 0 || pgp_load_secret(p, alice.secret.data, alice.secret.len, &e) < 0)
        result = "setup";
    for (int i = 0; i < 200 && result == NULL; i++) {
        buf_free(&sig);
        if (pgp_sign(p, &i, sizeof i, &sig, &e) < 0)
            result = "sign";
        else if (pgp_verify(&alice.pub, &i, sizeof i, sig.data, sig.len, &e) < 0)
            result = "verify";
        else if (pgp_verify(&bob.pub, &i, sizeof i, sig.data, sig.len, &e) == 0)
            result = "wrong key";
    }
    buf_free(&sig);
    pgp_free(&p);
    return (void *)(uintptr_t)result;
}

static void test_threads(void **state)
{
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, worker, NULL), 0);
    for (size_t i = 0; i < 4; i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_null(result);
    }
}

/* RNP's remarks, as on a foreign signature, stay away from standard error; everybody else's lines
 * arrive. */
static void test_quiet(void **state)
{
    struct buf sig = BUF_INIT(1024);
    char seen[256] = "";
    int ends[2], saved = dup(STDERR_FILENO);
    ok(pgp_sign(alice.p, "x", 1, &sig, e));
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    (void)fflush(stderr);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    (void)fputs("before\n", stderr);
    fails(pgp_verify(&bob.pub, "x", 1, sig.data, sig.len, e), "another key");
    (void)fputs("after\n", stderr);
    (void)fflush(stderr);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    assert_true(read(ends[0], seen, sizeof seen - 1) > 0);
    assert_string_equal(seen, "before\nafter\n");
    buf_free(&sig);
    close(ends[0]);
    close(ends[1]);
    close(saved);
}

/* What this machine cannot do says nothing about the message; what is wrong with the message is
 * nobody else's fault. */
static void test_local(void **state)
{
    static uint8_t m[300000];
    struct sealed s;
    random_bytes(m, sizeof m);
    seal_octets(&s, &alice, &bob.pub, 1, m, sizeof m, true);
    struct buf blob = BUF_INIT(1000000);
    file_all(s.fd, &blob);
    struct {
        int in, out;
        bool local;
    } x[] = {
        {file_of(blob.data, blob.len), open("/dev/full", O_WRONLY | O_CLOEXEC), true},
        {open("/dev/null", O_WRONLY | O_CLOEXEC), file_of("", 0), true},
        {file_of(blob.data, blob.len / 2), file_of("", 0), false},
        {(blob.data[blob.len / 2] ^= 1, file_of(blob.data, blob.len)), file_of("", 0), false},
        {file_of("nonsense", 8), file_of("", 0), false},
    };
    for (size_t i = 0; i < sizeof x / sizeof *x; i++) {
        struct error why = {""};
        struct pgp_unseal u = {.pkesk = s.pkesk[0].data,
                               .pkesk_len = s.pkesk[0].len,
                               .blob_fd = x[i].in,
                               .out_fd = x[i].out,
                               .max_size = sizeof m,
                               .from = alice.pub};
        assert_int_equal(pgp_unseal(bob.p, &u, &why), -1);
        if (u.local != x[i].local)
            fail_msg("case %zu: %s", i, why.text);
        close(x[i].in);
        close(x[i].out);
    }
    buf_free(&blob);
    sealed_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_quiet),
        cmocka_unit_test(test_local),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
