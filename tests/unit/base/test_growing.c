/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_growing.c - a reader gets exactly what it may read of a growing file, waits for the rest,
 * and ends when the file does, is given up, or is shorter than was said. */
#include "base/growing.h"
#include "base/crypt.h"
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define SIZE (3u * 1024 * 1024 + 17)

struct reader {
    struct growing *g;
    int fd, failed;
    size_t got;
    uint8_t hash[HASH_LEN];
    pthread_t thread;
};

static void *read_all(void *arg)
{
    struct reader *r = arg;
    static uint8_t piece[10000];
    struct sha256 *s = sha256_new();
    ssize_t n;
    while ((n = growing_read(r->g, r->fd, piece, sizeof piece)) > 0) {
        sha256_add(s, piece, (size_t)n);
        r->got += (size_t)n;
    }
    r->failed = n < 0 ? errno : 0;
    sha256_end(&s, r->hash);
    return NULL;
}

static void begin(struct reader *r, int *fd)
{
    *fd = memfd_create("growing", MFD_CLOEXEC);
    assert_true(*fd >= 0);
    *r = (struct reader){.g = growing_new(), .fd = *fd};
    assert_non_null(r->g);
}

static void end(struct reader *r, int fd)
{
    assert_int_equal(pthread_join(r->thread, NULL), 0);
    growing_free(&r->g);
    assert_null(r->g);
    close(fd);
}

static void test_follows(void **state)
{
    uint8_t *m = malloc(SIZE), hash[HASH_LEN];
    struct reader r;
    int fd;
    assert_non_null(m);
    random_bytes(m, SIZE);
    sha256(m, SIZE, hash);
    begin(&r, &fd);
    assert_int_equal(pthread_create(&r.thread, NULL, read_all, &r), 0);
    for (size_t at = 0; at < SIZE; at += 65536) {
        size_t n = SIZE - at < 65536 ? SIZE - at : 65536;
        /* what lies beyond what may be read is not looked at */
        assert_int_equal(pwrite(fd, "unfinished", 10, (off_t)(at + n)), 10);
        assert_int_equal(pwrite(fd, m + at, n, (off_t)at), n);
        growing_to(r.g, at + n);
    }
    growing_to(r.g, 1); /* never fewer */
    growing_end(r.g);
    end(&r, fd);
    assert_int_equal(r.failed, 0);
    assert_int_equal(r.got, SIZE);
    assert_memory_equal(r.hash, hash, HASH_LEN);
    free(m);
}

static void test_given_up(void **state)
{
    struct reader r;
    int fd;
    begin(&r, &fd);
    assert_int_equal(pwrite(fd, "half", 4, 0), 4);
    growing_to(r.g, 4);
    assert_int_equal(pthread_create(&r.thread, NULL, read_all, &r), 0);
    growing_abort(r.g);
    growing_end(r.g); /* too late */
    end(&r, fd);
    assert_int_equal(r.failed, ECANCELED);
}

static void test_shorter_than_said(void **state)
{
    struct reader r;
    int fd;
    begin(&r, &fd);
    assert_int_equal(pwrite(fd, "half", 4, 0), 4);
    growing_to(r.g, 5);
    growing_end(r.g);
    assert_int_equal(pthread_create(&r.thread, NULL, read_all, &r), 0);
    end(&r, fd);
    assert_int_equal(r.failed, EIO);
}

static void test_complete(void **state)
{
    char p[8];
    int fd = memfd_create("complete", MFD_CLOEXEC);
    assert_int_equal(write(fd, "whole", 5), 5);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(growing_read(NULL, fd, p, sizeof p), 5);
    assert_int_equal(growing_read(NULL, fd, p, sizeof p), 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_follows),
        cmocka_unit_test(test_given_up),
        cmocka_unit_test(test_shorter_than_said),
        cmocka_unit_test(test_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
