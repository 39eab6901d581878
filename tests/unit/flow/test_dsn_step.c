/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_dsn_step.c - the user hears of what failed, by the real scheduler: one report for all of a
 * message, once, in the inbox, however often the step runs (P-13.6, RFC 3461). */
#include "flow_peer.h"
#include "base/clock.h"
#include "flow/core/scheduler.h"
#include "flow/mail/maildir.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

extern const struct step step_dsn;
QUEUE(dsn);

static struct flow_peer alice, bob, carol;
static const struct step *const steps[] = {&step_dsn, NULL};
static const struct module *const modules[] = {&maildir_module, &scheduler_module, NULL};
static int64_t message, to_bob, to_carol; /* rows */

static int fresh(void **state)
{
    const char *const to[] = {bob.address, carol.address, NULL};
    size_t n;
    peer_make(&alice, "alice@demo");
    peer_start(&alice, modules, steps);
    char *m = peer_writes(&alice, bob.address, 500, &n);
    message = peer_submits(&alice, m, n, to);
    free(m);
    to_bob = peer_int(&alice, "SELECT min(n) FROM receiver WHERE message=?", message);
    to_carol = peer_int(&alice, "SELECT max(n) FROM receiver WHERE message=?", message);
    return 0;
}

static int gone(void **state)
{
    peer_remove(&alice);
    return 0;
}

struct ending {
    int64_t n;
    enum rcv_state state;
};

static int end_run(struct db *db, void *arg)
{
    const struct ending *e = arg;
    return rcv_end(db, e->n, e->state, false, "Its key is not known.") == 1 ? 0 : -1;
}

static void end(int64_t n, enum rcv_state state)
{
    struct ending e = {n, state};
    assert_int_equal(commit(alice.sv.store, end_run, &e), 0);
    kick(&alice.sv);
}

static bool told(int64_t n)
{
    return peer_int(&alice, "SELECT told FROM receiver WHERE n=?", n) == 1 &&
           !work_under_way(&alice.sv, &queue_dsn, message);
}

static int64_t tries(void)
{
    return peer_int(&alice, "SELECT max(tries) FROM receiver WHERE message=?", message);
}

static size_t reports(void)
{
    return peer_count(&alice, "Maildir/new", "");
}

/* Does the newest report name this address? */
static bool names(const char *address)
{
    char dir[PATH_CAP], path[PATH_CAP];
    bool found = false;
    (void)snprintf(dir, sizeof dir, "%s/Maildir/new", alice.home);
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *at; (at = readdir(d)) != NULL;) {
        struct buf b = BUF_INIT(200000);
        if (at->d_name[0] == '.')
            continue;
        assert_int_equal(path_join(path, dir, at->d_name, NULL), 0);
        assert_int_equal(file_read(path, &b, NULL), 0);
        assert_non_null(memmem(b.data, b.len, "report-type=delivery-status", 27));
        found = found || memmem(b.data, b.len, address, strlen(address)) != NULL;
        buf_free(&b);
    }
    (void)closedir(d);
    return found;
}

static void one_that_failed(void **state)
{
    end(to_bob, RCV_FAILED);
    until(told(to_bob));
    assert_int_equal(reports(), 1);
    assert_true(names("rfc822; bob@demo") || names("rfc822;bob@demo"));
    assert_false(told(to_carol));
    assert_int_equal(peer_count(&alice, "spool", ".notice"), 0);
    end(to_carol, RCV_FAILED);
    until(told(to_carol));
    assert_int_equal(reports(), 2);
}

static void who_asked_for_no_report(void **state)
{
    commit_sql(alice.sv.store, "UPDATE receiver SET notify=0");
    end(to_bob, RCV_FAILED);
    pass(200);
    assert_int_equal(reports(), 0);
}

/* The report of what expired waits for those of the same time. */
static void two_that_expired(void **state)
{
    commit_sql(alice.sv.store, "UPDATE receiver SET expiry_s=1000,state=4");
    end(to_bob, RCV_EXPIRED);
    pass(200);
    assert_int_equal(reports(), 0);
    end(to_carol, RCV_EXPIRED);
    until(told(to_bob) && told(to_carol));
    assert_int_equal(reports(), 1);
    assert_true(names(bob.address) && names(carol.address));
}

static void an_inbox_that_takes_nothing(void **state)
{
    peer_spoil(&alice, "Maildir/new");
    end(to_bob, RCV_FAILED);
    until(tries() >= 2);
    assert_false(told(to_bob));
    peer_mend(&alice, "Maildir/new");
    until(told(to_bob));
    assert_int_equal(reports(), 1);
}

/* It stands there, and the row does not say so: it stays the only one. Who fails meanwhile is in a
 * report of its own, so that the first one does not change. */
static void no_commit(void **state)
{
    commit_sql(alice.sv.store, "CREATE TRIGGER full BEFORE UPDATE OF told ON receiver WHEN"
                               " NEW.told=1 BEGIN SELECT RAISE(ABORT,'no room'); END");
    end(to_bob, RCV_FAILED);
    until(tries() >= 2);
    assert_int_equal(reports(), 1);
    end(to_carol, RCV_FAILED);
    until(tries() >= 3);
    assert_int_equal(reports(), 1);
    assert_false(names("rfc822; carol@demo") || names("rfc822;carol@demo"));
    commit_sql(alice.sv.store, "DROP TRIGGER full");
    until(told(to_bob) && told(to_carol));
    assert_int_equal(reports(), 2);
}

static int open_all(void **state)
{
    if (peers_open(state) < 0)
        return -1;
    peer_make(&bob, "bob@demo");
    peer_make(&carol, "carol@demo");
    return 0;
}

static int shut_all(void **state)
{
    peer_remove(&bob);
    peer_remove(&carol);
    return peers_shut(state);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, gone)
    const struct CMUnitTest tests[] = {
        TEST(one_that_failed),  TEST(who_asked_for_no_report),
        TEST(two_that_expired), TEST(an_inbox_that_takes_nothing),
        TEST(no_commit),
    };
    assert_int_equal(argc, 2);
    peer_mime_helper = argv[1];
    return cmocka_run_group_tests(tests, open_all, shut_all);
}
