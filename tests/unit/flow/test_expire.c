/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_expire.c - stubs whose time is over, or whose sender took the message back, and a contact's
 * that are pulled before: by the real scheduler, on stubs of what was really sent (P-13.3 to
 * P-13.5, P-14.5). */
#include "receive_bench.h"
#include "base/clock.h"
#include "flow/core/events.h"
#include "store/cancel.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

extern const struct step step_stub, step_expire, step_expiry_notice, step_recall_apply,
    step_prefetch;
QUEUE(expire);
QUEUE(expiry_notice);
static const struct step *const stubs[] = {&step_stub, NULL};
static const struct step *const expires[] = {&step_expire, &step_expiry_notice, NULL};
static const struct step *const recalls[] = {&step_recall_apply, NULL};
static const struct step *const prefetches[] = {&step_prefetch, NULL};

static struct opened o;
static int64_t n; /* the message's row */
static struct incoming in;

static int fresh(void **state)
{
    bob_new(stubs);
    n = arrives_of(1000);
    until(peer_in_state(&bob, n) == IN_STUB);
    in = row_of(n);
    return 0;
}

static int gone(void **state)
{
    incoming_free(&in);
    return bob_gone(state);
}

/* Its time, in seconds from now. */
static void set_expiry(int64_t s)
{
    commit_sql(bob.sv.store, "UPDATE incoming SET expiry_s=%lld WHERE n=%lld",
               (long long)(clock_wall_ms() / 1000 + s), (long long)n);
}

static void receipts_were_looked_for(void)
{
    event_raise(&bob.sv, EVENT_RECEIPTS_LOOKED);
    kick(&bob.sv);
}

static bool noticed(void)
{
    return peer_int(&bob, "SELECT lapsed FROM incoming WHERE n=?", n) == 1 &&
           !work_under_way(&bob.sv, &queue_expiry_notice, n);
}

/* The stub is gone everywhere; in this folder stands one message that says so, in its thread. */
static void notice_in(const char *folder)
{
    struct buf b = BUF_INIT(HEADER_MAX);
    char begin[64];
    until(peer_in_state(&bob, n) == IN_EXPIRED && noticed());
    assert_false(mail_in(folder, in.file, NULL));
    (void)snprintf(begin, sizeof begin, "%lld.E",
                   (long long)peer_int(&bob, "SELECT changed_ms/1000 FROM incoming WHERE n=?", n));
    if (!mail_in(folder, begin, &b))
        fail_msg("no notice %s in \"%s\"", begin, folder);
    assert_non_null(memmem(b.data, b.len, "\r\nSubject: A test\r\n", 19));
    assert_non_null(memmem(b.data, b.len, "\r\nIn-Reply-To: <", 16));
    assert_non_null(memmem(b.data, b.len, "Auto-Submitted: auto-generated", 30));
    assert_non_null(memmem(b.data, b.len, alice.address, strlen(alice.address)));
    buf_free(&b);
    assert_int_equal(peer_count(&bob, "Maildir/new", "") + peer_count(&bob, "Maildir/cur", "") +
                         peer_count(&bob, "Maildir/.Kept/cur", "") +
                         peer_count(&bob, "Maildir/.Kept/new", ""),
                     1);
    assert_int_equal(peer_count(&bob, "inbox/stubs", ""), 0);
}

static void its_time_is_over(void **state)
{
    bob_again(expires);
    open_it(n, &o); /* nobody pulls here: it waits */
    set_expiry(-3600);
    receipts_were_looked_for();
    notice_in("");
    until(o.told);
    assert_false(o.ok);
    assert_int_equal(peer_int(&bob, "SELECT wanted FROM incoming WHERE n=?", n), 0);
}

/* The grace is for a clock that is ahead. */
static void within_its_grace(void **state)
{
    bob_again(expires);
    set_expiry(-30); /* of 60 s */
    receipts_were_looked_for();
    pass(200);
    assert_int_equal(peer_in_state(&bob, n), IN_STUB);
    assert_true(mail_in("", in.file, NULL));
}

/* Nothing ends in a run that has not been connected. */
static void not_before_receipts_were_looked_for(void **state)
{
    bob_again(expires);
    set_expiry(-3600);
    kick(&bob.sv);
    pass(200);
    assert_int_equal(peer_in_state(&bob, n), IN_STUB);
    receipts_were_looked_for();
    notice_in("");
}

/* The notice stands where the user had put the stub. */
static void in_another_folder(void **state)
{
    char from[PATH_CAP], to[PATH_CAP];
    (void)snprintf(from, sizeof from, "%s/Maildir/new", bob.home);
    (void)snprintf(to, sizeof to, "%s/Maildir/.Kept", bob.home);
    assert_int_equal(mkdir(to, 0700), 0);
    (void)snprintf(to, sizeof to, "%s/Maildir/.Kept/cur", bob.home);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(mkdir(from, 0700), 0);
    bob_again(expires);
    set_expiry(-3600);
    receipts_were_looked_for();
    notice_in(".Kept");
}

/* Who has removed it is told nothing. */
static void expunged(void **state)
{
    char command[PATH_CAP];
    (void)snprintf(command, sizeof command, "rm -f %s/Maildir/new/*", bob.home);
    assert_int_equal(system(command), 0);
    bob_again(expires);
    set_expiry(-3600);
    receipts_were_looked_for();
    until(peer_in_state(&bob, n) == IN_EXPIRED && noticed());
    assert_false(mail_in("", "", NULL));
    assert_int_equal(peer_count(&bob, "inbox/stubs", ""), 0);
}

/* ---- what this machine may lack */

static void no_place_for_the_notice(void **state)
{
    bob_again(expires);
    peer_spoil(&bob, "Maildir/new");
    set_expiry(-3600);
    receipts_were_looked_for();
    until(peer_in_state(&bob, n) == IN_EXPIRED && tries_of(n) >= 2);
    assert_false(noticed());
    peer_mend(&bob, "Maildir/new");
    notice_in("");
}

static void no_commit(void **state)
{
    commit_sql(bob.sv.store, "CREATE TRIGGER full BEFORE UPDATE OF lapsed ON incoming BEGIN"
                             " SELECT RAISE(ABORT,'no room'); END");
    bob_again(expires);
    set_expiry(-3600);
    receipts_were_looked_for();
    until(tries_of(n) >= 2);
    assert_false(noticed());
    commit_sql(bob.sv.store, "DROP TRIGGER full");
    notice_in("");
}

/* A row that cannot be read is tried after a delay, not at once for ever. */
static void no_row(void **state)
{
    bob_again(expires);
    commit_sql(bob.sv.store, "UPDATE incoming SET state=7,p=x'00' WHERE n=%lld", (long long)n);
    kick(&bob.sv);
    pass(300);
    until(tries_of(n) >= 1);
    assert_false(noticed());
}

/* ---- taken back */

static int cancel_run(struct db *db, void *arg)
{
    return cancelled_add(db, in.nid, arg == NULL ? in.fpr : bob.sv.fpr, in.expiry_s) < 0 ? -1 : 0;
}

static void taken_back(void **state)
{
    bob_again(recalls);
    open_it(n, &o);
    assert_int_equal(commit(bob.sv.store, cancel_run, NULL), 0);
    kick(&bob.sv);
    until(peer_in_state(&bob, n) == IN_ANSWER);
    assert_int_equal(outcome_of(n), OUTCOME_CANCELLED);
    until(o.told);
    assert_string_equal(o.why, TEXT_OPEN_TAKEN);
}

/* By a key that has not signed it. */
static void taken_back_by_another(void **state)
{
    bob_again(recalls);
    assert_int_equal(commit(bob.sv.store, cancel_run, &bob), 0);
    kick(&bob.sv);
    pass(200);
    assert_int_equal(peer_in_state(&bob, n), IN_STUB);
}

/* ---- before its time is over */

static int64_t wanted(void)
{
    return peer_int(&bob, "SELECT wanted FROM incoming WHERE n=?", n);
}

static void a_contacts_is_pulled_in_time(void **state)
{
    bob.sv.c.pull_before = 3600000;
    bob.sv.c.pull_before_max = 100000;
    bob_again(prefetches);
    set_expiry(600);
    commit_sql(bob.sv.store, "UPDATE incoming SET arrived_ms=1");
    kick(&bob.sv);
    pass(200);
    assert_int_equal(wanted(), 0); /* a stranger's is not */
    peer_knows(&bob, &alice);
    commit_sql(bob.sv.store, "UPDATE incoming SET due_ms=0");
    kick(&bob.sv);
    until(wanted() == 1);
    commit_sql(bob.sv.store, "UPDATE incoming SET wanted=0"); /* given up, say */
    kick(&bob.sv);
    pass(200);
    assert_int_equal(wanted(), 0); /* asked for once */
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, gone)
    const struct CMUnitTest tests[] = {
        TEST(its_time_is_over),
        TEST(within_its_grace),
        TEST(not_before_receipts_were_looked_for),
        TEST(in_another_folder),
        TEST(expunged),
        TEST(no_place_for_the_notice),
        TEST(no_commit),
        TEST(no_row),
        TEST(taken_back),
        TEST(taken_back_by_another),
        TEST(a_contacts_is_pulled_in_time),
    };
    assert_int_equal(argc, 2);
    peer_mime_helper = argv[1];
    return cmocka_run_group_tests(tests, receive_open, receive_shut);
}
