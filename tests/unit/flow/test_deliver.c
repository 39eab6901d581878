/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_deliver.c - what was pulled takes its stub's place by the real scheduler, wherever the user
 * put that, under the same name and time, once; and until it stands there, it is kept (P-7.3,
 * P-7.14, P-10.5). */
#include "receive_bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

extern const struct step step_stub, step_pull, step_deliver;
QUEUE(pull);
QUEUE(deliver);
static bool held_back; /* the step does not start yet */
static bool may_start(const struct services *sv)
{
    return !held_back;
}
static struct step slow_start; /* step_deliver, with that */
static const struct step *const before[] = {&step_stub, &step_pull, NULL};
static const struct step *const steps[] = {&slow_start, NULL};

static struct opened o; /* what the one who opens the message is told */
static int64_t n;       /* the message's row */
static struct incoming in;
static char stub[PATH_CAP], full[PATH_CAP], watch[PATH_CAP];

/* It was pulled, and stands there; nobody has touched its stub. */
static int fresh(void **state)
{
    slow_start = step_deliver;
    slow_start.may = may_start;
    held_back = false;
    bob_new(before);
    n = arrives_of(2000);
    open_it(n, &o);
    until(peer_in_state(&bob, n) == IN_PULLED && !work_under_way(&bob.sv, &queue_pull, n));
    bob_again((const struct step *const[]){NULL});
    in = row_of(n);
    home_path(&bob.sv, stub, "inbox/stubs", in.nid, HASH_LEN, "");
    home_path(&bob.sv, full, "inbox/full", in.nid, HASH_LEN, "");
    home_path(&bob.sv, watch, "inbox/moves", in.nid, HASH_LEN, "");
    assert_true(file_exists(stub) && file_exists(full));
    return 0;
}

static int gone(void **state)
{
    incoming_free(&in);
    return bob_gone(state);
}

static void maildir_path_of(char path[PATH_CAP], const char *name)
{
    (void)snprintf(path, PATH_CAP, "%s/Maildir/%s", bob.home, name);
}

/* A link of a file in a folder, which is made. */
static void link_into(const char *file, const char *folder, const char *name)
{
    char path[PATH_CAP], dir[200];
    maildir_path_of(path, folder);
    (void)mkdir(path, 0700);
    (void)snprintf(dir, sizeof dir, "%s/cur", folder);
    maildir_path_of(path, dir);
    (void)mkdir(path, 0700);
    (void)snprintf(dir, sizeof dir, "%s/cur/%s", folder, name);
    maildir_path_of(path, dir);
    assert_int_equal(link(file, path), 0);
}

static void until_over(void)
{
    until(peer_in_state(&bob, n) == IN_ANSWER && !work_under_way(&bob.sv, &queue_deliver, n));
}

/* The message stands in this folder under a name that begins so, and nothing else of it but the
 * link by which it is watched. */
static void stands(const char *folder, const char *name)
{
    struct buf b = BUF_INIT(sent_len + 4096);
    struct stat st;
    until_over();
    if (!mail_in(folder, name, &b))
        fail_msg("%s does not stand in \"%s\"", name, folder);
    is_whole(n, &b);
    buf_free(&b);
    assert_int_equal(copies_in(folder, watch), 1);
    assert_int_equal(stat(watch, &st), 0);
    if (strcmp(name, in.file) == 0)
        assert_int_equal(st.st_mtime, in.arrived_ms / 1000);
    assert_false(file_exists(stub));
    assert_false(file_exists(full));
    assert_int_equal(peer_count(&bob, "Maildir/tmp", ""), 0);
}

/* ... in as many files in all. */
static size_t mails(void)
{
    return peer_count(&bob, "Maildir/new", "") + peer_count(&bob, "Maildir/cur", "") +
           peer_count(&bob, "Maildir/.Kept/cur", "") + peer_count(&bob, "Maildir/.Trash/cur", "");
}

static void the_good_way(void **state)
{
    bob_again(steps);
    open_it(n, &o);
    stands("", in.file);
    assert_int_equal(mails(), 1);
    until(o.told);
    assert_true(o.ok);
}

/* Read by the user meanwhile, and moved, and copied: each copy is the message. */
static void wherever_it_is(void **state)
{
    struct buf b = BUF_INIT(sent_len + 4096);
    struct stat st;
    link_into(stub, ".Kept", "another.name:2,FS");
    link_into(stub, ".Trash", "in.trash:2,T");
    assert_int_equal(stat(stub, &st), 0);
    assert_int_equal(st.st_nlink, 4);
    bob_again(steps);
    until_over();
    assert_true(mail_in(".Kept", "another.name:2,FS", &b));
    is_whole(n, &b);
    assert_true(mail_in(".Trash", "in.trash:2,T", &b));
    is_whole(n, &b);
    assert_true(mail_in("", in.file, &b));
    is_whole(n, &b);
    assert_int_equal(mails(), 3);
    buf_free(&b);
}

/* The user has removed it: nobody wants it any more, and its sender is told that it came. */
static void expunged(void **state)
{
    char path[PATH_CAP];
    maildir_path_of(path, "new");
    char command[PATH_CAP + 16];
    (void)snprintf(command, sizeof command, "rm -f %s/*", path);
    assert_int_equal(system(command), 0);
    bob_again(steps);
    until_over();
    assert_int_equal(mails(), 0);
    assert_false(file_exists(full));
    assert_int_equal(outcome_of(n), OUTCOME_PULLED);
}

/* The stub showed another structure: clients must not keep what they know of it. */
static void as_a_new_message(void **state)
{
    char name[160];
    (void)snprintf(name, sizeof name, "F%s", in.file);
    commit_sql(bob.sv.store, "UPDATE incoming SET fresh=1 WHERE n=%lld", (long long)n);
    open_it(n, &o);
    bob_again(steps);
    stands("", name);
    assert_int_equal(mails(), 1);
}

/* The link by which the stub's copies are known is lost. */
static void without_its_own_link(void **state)
{
    char name[160];
    (void)snprintf(name, sizeof name, "F%s", in.file);
    assert_int_equal(unlink(stub), 0);
    bob_again(steps);
    stands("", name);
    assert_int_equal(mails(), 1);
}

/* A copy that stands in no folder is waited for, and not for ever. */
static void a_copy_elsewhere(void **state)
{
    char path[PATH_CAP];
    (void)snprintf(path, sizeof path, "%s/backup", bob.home);
    assert_int_equal(link(stub, path), 0);
    bob_again(steps);
    open_it(n, &o);
    until(tries_of(n) >= 1);
    until(o.told); /* where it can be seen, it is there */
    assert_true(o.ok);
    assert_true(file_exists(full));
    stands("", in.file);
    assert_int_equal(mails(), 1);
}

/* ---- what this machine may lack */

static void no_message(void **state)
{
    char away[PATH_CAP + 8];
    (void)snprintf(away, sizeof away, "%s.away", full);
    assert_int_equal(rename(full, away), 0);
    bob_again(steps);
    open_it(n, &o);
    until(o.told && tries_of(n) >= 2);
    assert_false(o.ok);
    assert_string_equal(o.why, TEXT_NOT_PLACED);
    assert_int_equal(peer_in_state(&bob, n), IN_PULLED);
    assert_int_equal(rename(away, full), 0);
    stands("", in.file);
}

static int undo_run(struct db *db, void *arg)
{
    return queue_delay(db, &queue_deliver, n, 0, NULL);
}

/* Folders that cannot be read, for however long: the message is kept until they can. */
static void an_inbox_that_cannot_be_read(void **state)
{
    char path[PATH_CAP], away[PATH_CAP];
    held_back = true;
    bob_again(steps);
    maildir_path_of(path, "new");
    maildir_path_of(away, "new.away");
    assert_int_equal(rename(path, away), 0);
    assert_int_equal(symlink("new", path), 0); /* ELOOP */
    held_back = false;
    open_it(n, &o);
    kick(&bob.sv);
    for (int64_t tries = 1; tries < 7; tries++) { /* not a copy that stands in no folder */
        until(tries_of(n) >= tries);
        assert_int_equal(commit(bob.sv.store, undo_run, NULL), 0);
        kick(&bob.sv);
    }
    until(o.told);
    assert_false(o.ok);
    assert_string_equal(o.why, TEXT_NOT_PLACED);
    assert_int_equal(peer_in_state(&bob, n), IN_PULLED);
    assert_true(file_exists(full) && file_exists(stub));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rename(away, path), 0);
    stands("", in.file);
    assert_int_equal(mails(), 1);
}

static void no_place_to_exchange(void **state)
{
    held_back = true;
    bob_again(steps);
    peer_spoil(&bob, "Maildir/tmp");
    held_back = false;
    open_it(n, &o);
    kick(&bob.sv);
    until(o.told && tries_of(n) >= 2);
    assert_false(o.ok);
    assert_string_equal(o.why, TEXT_NOT_PLACED);
    assert_int_equal(peer_in_state(&bob, n), IN_PULLED);
    peer_mend(&bob, "Maildir/tmp");
    stands("", in.file);
}

static void no_commit(void **state)
{
    commit_sql(bob.sv.store, "CREATE TRIGGER full BEFORE UPDATE OF state ON incoming BEGIN"
                             " SELECT RAISE(ABORT,'no room'); END");
    bob_again(steps);
    until(tries_of(n) >= 2);
    assert_true(file_exists(full));
    assert_int_equal(mails(), 1);
    commit_sql(bob.sv.store, "DROP TRIGGER full");
    stands("", in.file);
    assert_int_equal(mails(), 1);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, gone)
    const struct CMUnitTest tests[] = {
        TEST(the_good_way),
        TEST(wherever_it_is),
        TEST(expunged),
        TEST(as_a_new_message),
        TEST(without_its_own_link),
        TEST(a_copy_elsewhere),
        TEST(no_message),
        TEST(an_inbox_that_cannot_be_read),
        TEST(no_place_to_exchange),
        TEST(no_commit),
    };
    assert_int_equal(argc, 2);
    peer_mime_helper = argv[1];
    return cmocka_run_group_tests(tests, receive_open, receive_shut);
}
