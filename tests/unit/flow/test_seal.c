/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_seal.c - step two by the real scheduler: m in the spool becomes a blob in the outbox and a
 * notification for each receiver, which that receiver can open (P-3, P-4.3, P-5). */
#include "seal_bench.h"
#include <stdio.h>
#include <stdlib.h>

/* A small one is published with it. */
static void one_small(void **state)
{
    size_t n;
    char *m = peer_writes(&alice, "bob@demo", 5000, &n);
    int64_t message = peer_submits(&alice, m, n, to_bob), r = receiver_of(message, "bob@demo");
    until_sealed(message, r);
    announces(&bob, r, m, n, "", false);
    assert_int_equal(peer_int(&alice, "SELECT state FROM blob WHERE message=?", message),
                     BLOB_PUBLISHED);
    assert_int_equal(peer_count(&alice, "outbox", ""), 1);
    assert_int_equal(peer_count(&alice, "spool", ""), 1); /* it goes by a step of its own */
    free(m);
}

/* One of several chunks waits for its list (step_publish). */
static void a_large_one(void **state)
{
    size_t n;
    char *m = peer_writes(&alice, "bob@demo", CHUNK_LEN + 3000000, &n);
    int64_t message = peer_submits(&alice, m, n, to_bob), r = receiver_of(message, "bob@demo");
    until_sealed(message, r);
    announces(&bob, r, m, n, ".sealed", false);
    assert_int_equal(peer_int(&alice, "SELECT state FROM blob WHERE message=?", message),
                     BLOB_SEALED);
    assert_int_equal(peer_int(&alice, "SELECT length(chunks) FROM blob WHERE message=?", message),
                     2 * HASH_LEN);
    assert_int_equal(peer_count(&alice, "outbox", ""), 1);
    free(m);
}

/* One blob for all; each with a notification that the others cannot open. */
static void several_receivers(void **state)
{
    static const char *const to[] = {"bob@demo", "carol@demo", NULL};
    size_t n;
    char *m = peer_writes(&alice, "bob@demo", 500, &n);
    int64_t message = peer_submits(&alice, m, n, to), b = receiver_of(message, "bob@demo"),
            c = receiver_of(message, "carol@demo");
    until_sealed(message, b);
    until_sealed(message, c);
    announces(&bob, b, m, n, "", false);
    announces(&carol, c, m, n, "", false);
    assert_int_equal(peer_count(&alice, "outbox", ""), 1);
    struct out_receiver x, y;
    assert_int_equal(rcv_get(peer_db(&alice), b, &x), 0);
    assert_int_equal(rcv_get(peer_db(&alice), c, &y), 0);
    assert_memory_not_equal(x.p, y.p, SECRET_LEN);
    struct pgp *pgp = peer_pgp(&carol);
    struct error e = {""};
    struct buf plain = BUF_INIT(2 * RECORD_MAX);
    assert_int_equal(pgp_decrypt(pgp, x.ns.p, x.ns.n, &plain, &e), -1);
    pgp_free(&pgp);
    buf_free(&plain);
    out_receiver_free(&x);
    out_receiver_free(&y);
    free(m);
}

/* A header that no notification holds becomes a blob of its own. */
static void a_long_header(void **state)
{
    size_t n, head = 12000;
    char *body = peer_writes(&alice, "bob@demo", 300, &n), *m = malloc(n + 2 * head);
    assert_non_null(m);
    size_t at = (size_t)sprintf(m, "X-Long:");
    for (size_t i = 0; i < head; i++)
        at +=
            (size_t)sprintf(m + at, "%s%c", i % 70 == 0 ? "\r\n " : "", (char)(33 + random() % 94));
    at += (size_t)sprintf(m + at, "\r\n");
    memcpy(m + at, body, n);
    int64_t message = peer_submits(&alice, m, at + n, to_bob), r = receiver_of(message, "bob@demo");
    until_sealed(message, r);
    announces(&bob, r, m, at + n, "", true);
    assert_int_equal(peer_count(&alice, "outbox", ""), 2);
    assert_int_equal(peer_count(&alice, "spool", ".head"), 0);
    free(body);
    free(m);
}

/* ---- what happens meanwhile */

static int cancel_run(struct db *db, void *arg)
{
    return rcv_end(db, *(int64_t *)arg, RCV_CANCELLED, false, NULL) == 1 ? 0 : -1;
}

/* A receiver that ended while it was sealed for stays ended; the other is sealed for. */
static void taken_back_meanwhile(void **state)
{
    static const char *const to[] = {"bob@demo", "carol@demo", NULL};
    size_t n;
    char *m = peer_writes(&alice, "bob@demo", CHUNK_LEN - 100000, &n);
    int64_t message = peer_submits(&alice, m, n, to), b = receiver_of(message, "bob@demo"),
            c = receiver_of(message, "carol@demo");
    until(work_under_way(&alice.sv, &queue_seal, message));
    assert_int_equal(commit(alice.sv.store, cancel_run, &b), 0);
    until_sealed(message, c);
    assert_int_equal(state_of(b), RCV_CANCELLED);
    announces(&carol, c, m, n, "", false);
    free(m);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, clean)
    const struct CMUnitTest tests[] = {
        TEST(one_small),     TEST(a_large_one),          TEST(several_receivers),
        TEST(a_long_header), TEST(taken_back_meanwhile),
    };
    assert_int_equal(argc, 2);
    peer_mime_helper = argv[1];
    return cmocka_run_group_tests(tests, seal_open, seal_shut);
}
