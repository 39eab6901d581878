/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_stub.c - the receiver's second step by the real scheduler: a notification becomes a stub
 * with real headers and the real structure, once, in the folder where it belongs; or it is
 * declined; or, for whatever this machine or the network lacks, tried again (P-7). */
#include "receive_bench.h"
#include "base/clock.h"
#include "proto/stub.h"
#include "store/cancel.h"
#include "store/senders.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

extern const struct step step_stub;
static const struct step *const steps[] = {&step_stub, NULL}, *const none[] = {NULL};

static int fresh(void **state)
{
    bob_new(steps);
    return 0;
}

static int fresh_idle(void **state)
{
    bob_new(none);
    return 0;
}

static void own_path(int64_t n, char path[PATH_CAP])
{
    struct incoming in = row_of(n);
    home_path(&bob.sv, path, "inbox/stubs", in.nid, HASH_LEN, "");
    incoming_free(&in);
}

/* It stands in this folder, once, and says what the message is. */
static void stands(int64_t n, const char *folder)
{
    char path[PATH_CAP];
    struct stat st;
    struct stub stub;
    struct error e = {""};
    struct buf b = BUF_INIT(STUB_MAX);
    until(peer_in_state(&bob, n) == IN_STUB);
    struct incoming in = row_of(n);
    own_path(n, path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_nlink, 2);
    assert_int_equal(st.st_mtime, in.arrived_ms / 1000);
    assert_int_equal(copies_in(folder, path), 1);
    assert_true(mail_in(folder, in.file, &b));
    if (stub_decode(b.data, b.len, bob.sv.stub_key, &stub, &e) < 0)
        fail_msg("%s", e.text);
    assert_memory_equal(stub.id, in.nid, HASH_LEN);
    const char *end = memmem(sent, sent_len, "\r\n\r\n", 4);
    size_t header = (size_t)(end - sent) + 4;
    assert_int_equal(stub.header_len, in.trace.n + header);
    assert_memory_equal(stub.header, in.trace.p, in.trace.n);
    assert_memory_equal(stub.header + in.trace.n, sent, header);
    assert_true(stub.structure_len > 20);
    assert_non_null(memmem(stub.structure, stub.structure_len, "\"text\" \"plain\"", 14));
    char size[64]; /* what Dovecot reads from the name: of the whole message */
    (void)snprintf(size, sizeof size, ",S=%zu,W=%zu", in.trace.n + sent_len, in.trace.n + sent_len);
    assert_non_null(strstr(in.file, size));
    assert_int_equal(peer_count(&bob, "inbox/parts", ""), 0);
    incoming_free(&in);
    buf_free(&b);
}

/* No stub: the sender hears of it by another step. */
static void ends_as(int64_t n, enum outcome o)
{
    until(peer_in_state(&bob, n) == IN_ANSWER);
    assert_int_equal(outcome_of(n), o);
    assert_int_equal(peer_count(&bob, "inbox/stubs", ""), 0);
    assert_int_equal(peer_count(&bob, "inbox/parts", ""), 0);
    assert_false(mail_in("", "", NULL));
    assert_false(mail_in(".Requests", "", NULL));
}

static void the_good_way(void **state)
{
    int64_t n = arrives_of(3000);
    stands(n, "");
    struct incoming in = row_of(n);
    assert_int_equal(in.place, PLACE_INBOX);
    assert_false(in.wanted);
    assert_non_null(strstr((char *)in.trace.p, alice.address));
    incoming_free(&in);
}

/* ---- where it belongs */

static void a_strangers(void **state)
{
    bob.sv.c.strangers = STRANGERS_REQUESTS;
    stands(arrives_of(100), ".Requests");
    assert_false(mail_in("", "", NULL));
    peer_knows(&bob, &alice);
    stands(arrives_of(100), "");
}

/* Whose From is not its signer's. */
static void a_foreign_from(void **state)
{
    size_t n;
    char *m = peer_writes(&bob, bob.address, 100, &n);
    free(sent);
    sent = m;
    sent_len = n;
    int64_t row = arrives(m, n);
    stands(row, ".Requests");
    assert_int_equal(peer_int(&bob, "SELECT place FROM incoming WHERE n=?", row), PLACE_FOREIGN);
}

static int block_run(struct db *db, void *arg)
{
    return sender_set(db, alice.address, SENDER_BLOCKED) < 0 ? -1 : 0;
}

static void a_blocked_senders(void **state)
{
    assert_int_equal(commit(bob.sv.store, block_run, NULL), 0);
    ends_as(arrives_of(100), OUTCOME_DECLINED);
}

static void nobody_takes_strangers(void **state)
{
    bob.sv.c.strangers = STRANGERS_NOWHERE;
    ends_as(arrives_of(100), OUTCOME_DECLINED);
}

static int cancel_run(struct db *db, void *arg)
{
    struct incoming *in = arg;
    return cancelled_add(db, in->nid, in->fpr, in->expiry_s) < 0 ? -1 : 0;
}

static void taken_back_before(void **state)
{
    int64_t n = arrives_of(100);
    struct incoming in = row_of(n);
    assert_int_equal(commit(bob.sv.store, cancel_run, &in), 0);
    incoming_free(&in);
    bob_again(steps);
    ends_as(n, OUTCOME_CANCELLED);
}

/* ---- a header in a blob of its own */

static int64_t with_long_header(void)
{
    size_t n, at;
    char *body = peer_writes(&alice, bob.address, 300, &n);
    free(sent);
    sent = malloc(n + 30000);
    assert_non_null(sent);
    at = (size_t)sprintf(sent, "X-Long:");
    for (size_t i = 0; i < 12000; i++)
        at += (size_t)sprintf(sent + at, "%s%c", i % 70 == 0 ? "\r\n " : "",
                              (char)(33 + random() % 94));
    at += (size_t)sprintf(sent + at, "\r\n");
    memcpy(sent + at, body, n);
    free(body);
    sent_len = at + n;
    return arrives(sent, sent_len);
}

static void a_long_header(void **state)
{
    int64_t n = with_long_header();
    stands(n, "");
    assert_int_equal(peer_int(&bob, "SELECT length(head)>6000 FROM incoming WHERE n=?", n), 1);
}

static void its_sender_is_away(void **state)
{
    int64_t n = with_long_header();
    alice_leaves();
    bob_again(steps);
    until(tries_of(n) >= 2);
    assert_int_equal(peer_in_state(&bob, n), IN_NOTICED);
    assert_non_null(strstr(why_of(n), alice.address));
    alice_returns();
    stands(n, "");
}

/* Another blob under that name is not looked into; the right one is still waited for. */
static void a_forged_header(void **state)
{
    char path[PATH_CAP];
    int64_t n = with_long_header();
    struct incoming in = row_of(n);
    blob_path(in.head_blob.hash, "", path);
    flip(path, 100);
    bob_again(steps);
    until(tries_of(n) >= 2);
    assert_int_equal(peer_in_state(&bob, n), IN_NOTICED);
    assert_non_null(strstr(why_of(n), said(TEXT_PEER_OTHER, alice.address)));
    flip(path, 100);
    stands(n, "");
    incoming_free(&in);
}

/* What is as announced and cannot be opened will never be: it is refused. */
static void a_header_for_others(void **state)
{
    int64_t n = with_long_header();
    commit_sql(bob.sv.store, "UPDATE incoming SET head_skp=x'c15e0123456789' WHERE n=%lld",
               (long long)n);
    bob_again(steps);
    ends_as(n, OUTCOME_DECLINED);
}

static void no_header_at_all(void **state)
{
    int64_t n = with_long_header();
    commit_sql(bob.sv.store, "UPDATE incoming SET head_skp=NULL WHERE n=%lld", (long long)n);
    bob_again(steps);
    ends_as(n, OUTCOME_DECLINED);
}

static void a_header_of_nonsense(void **state)
{
    int64_t n = arrives_of(100);
    commit_sql(bob.sv.store, "UPDATE incoming SET head=x'0102030405' WHERE n=%lld", (long long)n);
    bob_again(steps);
    ends_as(n, OUTCOME_DECLINED);
}

/* ---- what this machine may lack */

static void lacks(const char *dir)
{
    peer_spoil(&bob, dir);
    int64_t n = arrives_of(100);
    until(tries_of(n) >= 2);
    assert_int_equal(peer_in_state(&bob, n), IN_NOTICED);
    assert_true(why_of(n)[0] != '\0');
    peer_mend(&bob, dir);
    stands(n, "");
}

static void no_place_for_stubs(void **state)
{
    lacks("inbox/stubs");
}

static void no_inbox(void **state)
{
    lacks("Maildir/new");
}

static void no_helper(void **state)
{
    const char *helper = peer_mime_helper;
    int64_t n = arrives_of(100);
    peer_mime_helper = "/nowhere/restante-mime";
    bob_again(steps);
    until(tries_of(n) >= 1);
    assert_int_equal(peer_in_state(&bob, n), IN_NOTICED);
    assert_non_null(strstr(why_of(n), begins(TEXT_MIME_START)));
    peer_mime_helper = helper;
    bob_again(steps);
    stands(n, "");
}

/* The stub stands there and the row does not say so, as after a crash: it stays the only one, also
 * when the user has moved it meanwhile. */
static void no_commit(void **state)
{
    char path[PATH_CAP], from[PATH_CAP], to[PATH_CAP];
    int64_t n = arrives_of(100);
    commit_sql(bob.sv.store, "CREATE TRIGGER full BEFORE UPDATE OF file ON incoming BEGIN"
                             " SELECT RAISE(ABORT,'no room'); END");
    bob_again(steps);
    until(tries_of(n) >= 2);
    assert_int_equal(peer_in_state(&bob, n), IN_NOTICED);
    own_path(n, path);
    assert_int_equal(copies_in("", path), 1);
    bob_again(none);
    (void)snprintf(from, sizeof from, "%s/Maildir/new", bob.home);
    (void)snprintf(to, sizeof to, "%s/Maildir/.Kept", bob.home);
    assert_int_equal(mkdir(to, 0700), 0);
    (void)snprintf(to, sizeof to, "%s/Maildir/.Kept/cur", bob.home);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(mkdir(from, 0700), 0);
    commit_sql(bob.sv.store, "DROP TRIGGER full");
    bob_again(steps);
    stands(n, ".Kept");
    assert_false(mail_in("", "", NULL));
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, bob_gone)
#define LATER(name) cmocka_unit_test_setup_teardown(name, fresh_idle, bob_gone)
    const struct CMUnitTest tests[] = {
        TEST(the_good_way),
        TEST(a_strangers),
        TEST(a_foreign_from),
        TEST(a_blocked_senders),
        TEST(nobody_takes_strangers),
        LATER(taken_back_before),
        TEST(a_long_header),
        LATER(its_sender_is_away),
        LATER(a_forged_header),
        LATER(a_header_for_others),
        LATER(no_header_at_all),
        LATER(a_header_of_nonsense),
        TEST(no_place_for_stubs),
        TEST(no_inbox),
        LATER(no_helper),
        LATER(no_commit),
    };
    assert_int_equal(argc, 2);
    peer_mime_helper = argv[1];
    return cmocka_run_group_tests(tests, receive_open, receive_shut);
}
