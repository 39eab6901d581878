/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_pull.c - the pull by the real scheduler from a real HTTP server: what arrives is decided
 * only when it is exactly what was announced; what can never be is given up, what may come is tried
 * again, and who opens the message is told which (P-5.4, P-6, P-10.5). */
#include "receive_bench.h"
#include <stdio.h>

extern const struct step step_stub, step_pull;
QUEUE(pull);
static const struct step *const steps[] = {&step_stub, &step_pull, NULL};

static struct opened o; /* what the one who opens the message was told */

static int fresh(void **state)
{
    bob_new(steps);
    return 0;
}

/* A stub, nobody having opened it yet; where Alice's peer keeps the blob. */
static char blob[PATH_CAP];
static int64_t stub_of(size_t body)
{
    int64_t n = arrives_of(body);
    until(peer_in_state(&bob, n) == IN_STUB);
    struct incoming in = row_of(n);
    blob_path(in.blob.hash, "", blob);
    incoming_free(&in);
    assert_true(file_exists(blob));
    return n;
}

static void set(int64_t n, const char *what)
{
    commit_sql(bob.sv.store, "UPDATE incoming SET %s WHERE n=%lld", what, (long long)n);
}

static bool here(int64_t n, const char *dir, const char *suffix, struct buf *b)
{
    struct incoming in = row_of(n);
    bool yes = peer_file(&bob, dir, in.nid, HASH_LEN, suffix, b);
    incoming_free(&in);
    return yes;
}

/* It is here, whole, and nothing else is. */
static void comes(int64_t n)
{
    struct buf b = BUF_INIT(sent_len + 4096);
    until(peer_in_state(&bob, n) == IN_PULLED && !work_under_way(&bob.sv, &queue_pull, n));
    assert_int_equal(outcome_of(n), OUTCOME_PULLED);
    assert_true(here(n, "inbox/full", "", &b));
    is_whole(n, &b);
    assert_int_equal(peer_count(&bob, "inbox/full", ""), 1);
    assert_int_equal(peer_count(&bob, "inbox/parts", ""), 0);
    assert_string_equal(why_of(n), "");
    buf_free(&b);
}

/* It is tried again; the one who opened it was told why, and that. */
static void fails_for_now(int64_t n, const char *why)
{
    until(o.told && tries_of(n) >= 2);
    assert_false(o.ok);
    if (strstr(o.why, why) == NULL)
        fail_msg("%s", o.why);
    assert_non_null(strstr(o.why, &TEXT_PULL_AGAIN[2]));
    assert_int_equal(peer_in_state(&bob, n), IN_STUB);
    assert_int_equal(peer_int(&bob, "SELECT wanted FROM incoming WHERE n=?", n), 1);
    assert_non_null(strstr(why_of(n), why));
    assert_false(here(n, "inbox/full", "", NULL));
}

/* It is not tried again; what was fetched is gone. */
static void is_given_up(int64_t n, const char *why)
{
    until(o.told && !work_under_way(&bob.sv, &queue_pull, n));
    assert_false(o.ok);
    if (strstr(o.why, why) == NULL)
        fail_msg("%s", o.why);
    assert_int_equal(peer_int(&bob, "SELECT wanted FROM incoming WHERE n=?", n), 0);
    assert_non_null(strstr(why_of(n), why));
    assert_int_equal(peer_in_state(&bob, n), IN_STUB); /* the user may ask again, or decline it */
    assert_int_equal(peer_count(&bob, "inbox/full", ""), 0);
    assert_int_equal(peer_count(&bob, "inbox/parts", ""), 0);
}

static void the_good_way(void **state)
{
    int64_t n = stub_of(3000);
    pass(50);
    assert_int_equal(peer_in_state(&bob, n), IN_STUB); /* not before somebody asks */
    open_it(n, &o);
    comes(n);
    assert_false(o.told); /* it does not stand in the Maildir yet */
    assert_int_equal(peer_int(&bob, "SELECT wanted FROM incoming WHERE n=?", n), 0);
}

static void several_chunks(void **state)
{
    int64_t n = stub_of(2 * CHUNK_LEN + 5000);
    open_it(n, &o);
    comes(n);
}

/* ---- what the sender, or who answers in its place, gives */

static void a_forged_blob(void **state)
{
    int64_t n = stub_of(3000);
    flip(blob, 1000);
    open_it(n, &o);
    fails_for_now(n, said(TEXT_PEER_OTHER, alice.address));
    flip(blob, 1000);
    comes(n);
}

/* Of a blob whose second chunk is forged the first stays, and is not fetched again. */
static void a_forged_chunk(void **state)
{
    struct buf b = BUF_INIT(3 * CHUNK_LEN);
    int64_t n = stub_of(2 * CHUNK_LEN);
    flip(blob, CHUNK_LEN + 7);
    open_it(n, &o);
    fails_for_now(n, said(TEXT_PEER_OTHER, alice.address));
    until(!work_under_way(&bob.sv, &queue_pull, n));
    if (here(n, "inbox/parts", "", &b) && peer_in_state(&bob, n) == IN_STUB)
        assert_int_equal(b.len, CHUNK_LEN);
    buf_free(&b);
    flip(blob, CHUNK_LEN + 7);
    flip(blob, 5); /* it would be noticed */
    comes(n);
}

static void its_sender_is_away(void **state)
{
    int64_t n = stub_of(3000);
    alice_leaves();
    open_it(n, &o);
    fails_for_now(n, alice.address);
    alice_returns();
    comes(n);
}

static void not_there_any_more(void **state)
{
    int64_t n = stub_of(3000);
    char away[PATH_CAP + 8];
    (void)snprintf(away, sizeof away, "%s.away", blob);
    assert_int_equal(rename(blob, away), 0);
    open_it(n, &o);
    fails_for_now(n, said(TEXT_PEER_LACKS, alice.address));
    assert_int_equal(rename(away, blob), 0);
    comes(n);
}

static void another_message(void **state)
{
    int64_t n = stub_of(3000);
    set(n, "m_hash=zeroblob(32)");
    open_it(n, &o);
    is_given_up(n, said(TEXT_PULL_TAMPERED, alice.address));
}

static void a_longer_message(void **state)
{
    int64_t n = stub_of(3000);
    set(n, "m_size=m_size-1");
    open_it(n, &o);
    is_given_up(n, begins(TEXT_PULL_SEALED));
}

/* The header of the stub is not the message's. */
static void another_header(void **state)
{
    int64_t n = stub_of(3000);
    announced_otherwise(n, ANNOUNCED_HEADER);
    open_it(n, &o);
    is_given_up(n, said(TEXT_PULL_TAMPERED, alice.address));
}

static void sealed_for_somebody_else(void **state)
{
    int64_t n = stub_of(3000);
    set(n, "skp=x'c15e0123456789'");
    open_it(n, &o);
    is_given_up(n, begins(TEXT_PULL_SEALED));
}

static void its_time_is_over(void **state)
{
    int64_t n = stub_of(3000);
    alice_leaves();
    open_it(n, &o);
    until(tries_of(n) >= 1);
    set(n, "expiry_s=1000,due_ms=0");
    kick(&bob.sv);
    until(peer_int(&bob, "SELECT wanted FROM incoming WHERE n=?", n) == 0);
    until(!work_under_way(&bob.sv, &queue_pull, n));
    assert_non_null(strstr(why_of(n), said(TEXT_PULL_OVER, alice.address)));
    assert_int_equal(peer_count(&bob, "inbox/parts", ""), 0);
    alice_returns();
}

/* It is declined while it comes: what came later is thrown away, and nothing is decided again. */
static int decline_run(struct db *db, void *arg)
{
    return in_decide(db, *(int64_t *)arg, OUTCOME_DECLINED) == 1 ? 0 : -1;
}

static void declined_meanwhile(void **state)
{
    int64_t n = stub_of(3 * CHUNK_LEN);
    open_it(n, &o);
    until(work_under_way(&bob.sv, &queue_pull, n));
    assert_int_equal(commit(bob.sv.store, decline_run, &n), 0);
    until(!work_under_way(&bob.sv, &queue_pull, n));
    assert_int_equal(peer_in_state(&bob, n), IN_ANSWER);
    assert_int_equal(outcome_of(n), OUTCOME_DECLINED);
    assert_int_equal(peer_count(&bob, "inbox/full", ""), 0);
    assert_int_equal(peer_count(&bob, "inbox/parts", ""), 0);
    until(o.told);
    assert_false(o.ok);
}

/* Stopped while it comes; it goes on by itself, and what was verified is kept. */
static void stopped_meanwhile(void **state)
{
    int64_t n = stub_of(3 * CHUNK_LEN);
    open_it(n, &o);
    until(work_under_way(&bob.sv, &queue_pull, n));
    bob_again(steps);
    assert_true(o.told);
    comes(n);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, bob_gone)
    const struct CMUnitTest tests[] = {
        TEST(the_good_way),       TEST(several_chunks),
        TEST(a_forged_blob),      TEST(a_forged_chunk),
        TEST(its_sender_is_away), TEST(not_there_any_more),
        TEST(another_message),    TEST(a_longer_message),
        TEST(another_header),     TEST(sealed_for_somebody_else),
        TEST(its_time_is_over),   TEST(declined_meanwhile),
        TEST(stopped_meanwhile),
    };
    assert_int_equal(argc, 2);
    peer_mime_helper = argv[1];
    return cmocka_run_group_tests(tests, receive_open, receive_shut);
}
