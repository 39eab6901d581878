/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_seal_again.c - whatever this machine lacks while it seals: it is tried again, nothing half
 * made is left, and the user is told at last. */
#include "seal_bench.h"
#include "base/texts.h"
#include "store/contacts.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

/* ---- what this machine may lack: tried again, until it is there */

static int64_t submit_small(char **m, size_t *n)
{
    *m = peer_writes(&alice, "bob@demo", 2000, n);
    return peer_submits(&alice, *m, *n, to_bob);
}

static void seals_at_last(int64_t message, char *m, size_t n)
{
    int64_t r = receiver_of(message, "bob@demo");
    until_sealed(message, r);
    announces(&bob, r, m, n, "", false);
    assert_int_equal(peer_count(&alice, "outbox", ""), 1);
    free(m);
}

static void no_spool_file(void **state)
{
    size_t n;
    char *m;
    again(false); /* nobody seals meanwhile */
    int64_t message = submit_small(&m, &n);
    peer_spoil(&alice, "spool");
    again(true);
    until(TRIES(message) >= 2);
    assert_int_equal(state_of(receiver_of(message, "bob@demo")), RCV_READY);
    nothing_was_made();
    peer_mend(&alice, "spool");
    seals_at_last(message, m, n);
}

static void an_outbox_that_takes_nothing(void **state)
{
    size_t n;
    char *m;
    peer_spoil(&alice, "outbox");
    int64_t message = submit_small(&m, &n);
    until(TRIES(message) >= 2);
    assert_int_equal(state_of(receiver_of(message, "bob@demo")), RCV_READY);
    peer_mend(&alice, "outbox");
    assert_true(peer_int(&alice, "SELECT count(*) FROM blob WHERE ?", 1) == 0 ||
                state_of(receiver_of(message, "bob@demo")) == RCV_SEALED);
    seals_at_last(message, m, n);
}

/* A disk that is full while the blob is written. */
static void no_room(void **state)
{
    struct rlimit old, small = {.rlim_cur = CHUNK_LEN / 2};
    size_t n;
    char *m = peer_writes(&alice, "bob@demo", CHUNK_LEN - 100000, &n);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    again(false);
    int64_t message = peer_submits(&alice, m, n, to_bob);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    again(true);
    until(TRIES(message) >= 2);
    until(!work_under_way(&alice.sv, &queue_seal, message));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    if (state_of(receiver_of(message, "bob@demo")) == RCV_READY &&
        !work_under_way(&alice.sv, &queue_seal, message))
        nothing_was_made();
    seals_at_last(message, m, n);
}

/* A key that left the cache meanwhile. */
static int forget_run(struct db *db, void *arg)
{
    return contact_forget(db, arg) < 0 ? -1 : 0;
}

static void no_key(void **state)
{
    size_t n;
    char *m;
    assert_int_equal(commit(alice.sv.store, forget_run, (char *)(uintptr_t) "bob@demo"), 0);
    int64_t message = submit_small(&m, &n);
    until(TRIES(message) >= 2);
    nothing_was_made();
    peer_knows(&alice, &bob);
    seals_at_last(message, m, n);
}

/* It failed for days: no receiver waits for ever. */
static void given_up(void **state)
{
    size_t n;
    char *m;
    peer_spoil(&alice, "outbox");
    int64_t message = submit_small(&m, &n), r = receiver_of(message, "bob@demo");
    until(TRIES(message) >= 1);
    commit_sql(alice.sv.store, "UPDATE message SET created_ms=created_ms-%lld",
               (long long)alice.sv.c.give_up + 1000);
    until(state_of(r) == RCV_FAILED);
    struct out_receiver row;
    assert_int_equal(rcv_get(peer_db(&alice), r, &row), 0);
    assert_string_equal((const char *)row.why.p, TEXT_NOT_SEALED);
    out_receiver_free(&row);
    until(!work_under_way(&alice.sv, &queue_seal, message));
    peer_mend(&alice, "outbox");
    nothing_was_made();
    free(m);
}

/* A database that takes nothing: the blob that was made stays for fsck, and the try is repeated. */
static void no_commit(void **state)
{
    size_t n;
    char *m;
    commit_sql(alice.sv.store, "CREATE TRIGGER full BEFORE INSERT ON blob BEGIN"
                               " SELECT RAISE(ABORT,'no room'); END");
    int64_t message = submit_small(&m, &n), r = receiver_of(message, "bob@demo");
    until(TRIES(message) >= 2);
    assert_int_equal(state_of(r), RCV_READY);
    assert_int_equal(peer_int(&alice, "SELECT count(*) FROM expected WHERE ?", 1), 0);
    commit_sql(alice.sv.store, "DROP TRIGGER full");
    until_sealed(message, r);
    announces(&bob, r, m, n, "", false);
    free(m);
}

/* What a run left that was killed in the middle is in nobody's way. */
static void after_a_crash(void **state)
{
    size_t n;
    char *m, path[PATH_CAP];
    struct out_message row;
    again(false);
    int64_t message = submit_small(&m, &n);
    assert_int_equal(out_get(peer_db(&alice), message, &row), 0);
    home_path(&alice.sv, path, "outbox", row.id, MESSAGE_ID_LEN, ".part");
    assert_int_equal(file_write(path, "half a blob", 11, NULL), 0);
    out_message_free(&row);
    again(true);
    seals_at_last(message, m, n);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, clean)
    const struct CMUnitTest tests[] = {
        TEST(no_spool_file), TEST(an_outbox_that_takes_nothing),
        TEST(no_room),       TEST(no_key),
        TEST(given_up),      TEST(no_commit),
        TEST(after_a_crash),
    };
    assert_int_equal(argc, 2);
    peer_mime_helper = argv[1];
    return cmocka_run_group_tests(tests, seal_open, seal_shut);
}
