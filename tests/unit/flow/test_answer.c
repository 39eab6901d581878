/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_answer.c - the receiver's last steps by the real scheduler: the receipt reaches the sender,
 * itself or through the DHT, before the notification goes; whatever stood there before, it is said
 * once, and nothing is over before it is (P-10.6, P-10.7, P-14.5). */
#include "receive_bench.h"
#include "base/clock.h"
#include "net/http_server.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

extern const struct step step_stub, step_pull, step_deliver, step_answer, step_receipt_refresh;
QUEUE(answer);
#define NR "nr:alice@demo"

static const struct step *const stubs[] = {&step_stub, NULL};
static const struct step *const answers[] = {&step_answer, NULL};
static const struct step *const until_settled[] = {&step_answer, &step_receipt_refresh, NULL};
static const struct step *const all[] = {&step_stub, &step_pull, &step_deliver, &step_answer, NULL};

static struct opened o;
static int64_t n; /* the message's row */
static struct incoming in;
static struct entry_binding nr, ns; /* its receipt, and its notification */
static uint8_t value[HASH_LEN];     /* of the receipt */

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

static int decide_run(struct db *db, void *arg)
{
    return in_decide(db, n, *(enum outcome *)arg) == 1 ? 0 : -1;
}

static void will_say(enum outcome what)
{
    receipt_value(in.p, what, in.blob.hash, value);
    entry_bind(in.p, NR, value, sizeof value, &nr);
    entry_bind_hash(in.p, in.ns_key, in.ns_hash, &ns);
    assert_int_equal(peer_look(NR, nr.id), DHT_ABSENT);
    assert_int_equal(peer_look(in.ns_key, ns.id), DHT_PRESENT);
}

static void decide(enum outcome what)
{
    will_say(what);
    assert_int_equal(commit(bob.sv.store, decide_run, &what), 0);
}

static void until_state(enum in_state s)
{
    until(peer_in_state(&bob, n) == s && !work_under_way(&bob.sv, &queue_answer, n));
}

/* Of the message just sent. */
static enum rcv_state senders_state(void)
{
    return (enum rcv_state)peer_int(
        &alice, "SELECT state FROM receiver WHERE n=(SELECT max(n) FROM receiver WHERE n>?)", 0);
}

/* Alice has what Bob decided, from the DHT, and his notification is no more. */
static void said_through_the_dht(enum rcv_state expected)
{
    until_state(IN_ANSWERED);
    assert_int_equal(peer_look(in.ns_key, ns.id), DHT_DELETED);
    assert_int_equal(peer_look(NR, nr.id), DHT_PRESENT);
    until(senders_state() == expected);
    assert_false(peer_file(&bob, "inbox/stubs", in.nid, HASH_LEN, "", NULL));
}

static void declined(void **state)
{
    char part[PATH_CAP];
    home_path(&bob.sv, part, "inbox/parts", in.nid, HASH_LEN, "");
    assert_int_equal(file_write(part, "what came of it", 15, NULL), 0);
    decide(OUTCOME_DECLINED);
    bob_again(answers);
    said_through_the_dht(RCV_DECLINED);
    until(!file_exists(part));
}

/* Where it was just fetched, the sender takes the receipt itself: nothing goes through the DHT. */
static void handed_over(void **state)
{
    will_say(OUTCOME_PULLED);
    bob_again(all);
    open_it(n, &o);
    until_state(IN_SETTLED);
    until(senders_state() == RCV_PULLED);
    assert_int_equal(peer_look(NR, nr.id), DHT_ABSENT);
    assert_true(o.told && o.ok);
}

/* It does not: then through the DHT. */
static void not_taken(void **state)
{
    will_say(OUTCOME_PULLED);
    http_server_on_post(alice.sv.server, NULL, NULL);
    bob_again(all);
    open_it(n, &o);
    said_through_the_dht(RCV_PULLED);
    alice_leaves();
    alice_returns();
}

/* ---- what stands there already, as after a crash or a restored backup */

static bool done;
static void on_done(void *ctx, enum dht_result r, const char *why)
{
    done = true;
}

static void put_receipt(void)
{
    done = false;
    dht_put(peer_dht, NR, value, HASH_LEN, clock_wall_ms() / 1000 + 3600, nr.lock, on_done, NULL);
    until(done);
}

static void take_away(const char *key, const struct entry_binding *b)
{
    done = false;
    dht_del(peer_dht, key, b->value_hash, b->token, on_done, NULL);
    until(done);
    assert_int_equal(peer_look(key, b->id), DHT_DELETED);
}

static void its_receipt_is_there(void **state)
{
    decide(OUTCOME_DECLINED);
    put_receipt();
    bob_again(answers);
    said_through_the_dht(RCV_DECLINED);
    assert_int_equal(tries_of(n), 0);
}

/* The sender took the receipt before the commit: it is not put again, at whichever try. */
static void its_receipt_was_taken(void **state)
{
    decide(OUTCOME_DECLINED);
    put_receipt();
    take_away(NR, &nr);
    bob_again(answers);
    until_state(IN_ANSWERED);
    assert_int_equal(peer_look(NR, nr.id), DHT_DELETED);
    assert_int_equal(peer_look(in.ns_key, ns.id), DHT_DELETED);
}

static void its_notification_is_gone(void **state)
{
    decide(OUTCOME_DECLINED);
    take_away(in.ns_key, &ns);
    bob_again(answers);
    said_through_the_dht(RCV_DECLINED);
}

/* ---- a message that its sender took back */

static void taken_back(void **state)
{
    decide(OUTCOME_CANCELLED);
    assert_true(mail_in("", in.file, NULL));
    bob_again(answers);
    said_through_the_dht(RCV_CANCELLED);
    assert_false(mail_in("", "", NULL));
}

/* It is not confirmed while it stands in the mailbox. */
static void taken_back_and_there_still(void **state)
{
    char path[PATH_CAP], kept[PATH_CAP];
    decide(OUTCOME_CANCELLED);
    home_path(&bob.sv, path, "inbox/stubs", in.nid, HASH_LEN, "");
    (void)snprintf(kept, sizeof kept, "%s/kept", bob.home); /* in no folder that can be read */
    assert_int_equal(link(path, kept), 0);
    bob_again(answers);
    until(tries_of(n) >= 2);
    assert_int_equal(peer_in_state(&bob, n), IN_ANSWER);
    assert_int_equal(peer_look(NR, nr.id), DHT_ABSENT);
    assert_int_equal(peer_look(in.ns_key, ns.id), DHT_PRESENT);
    assert_int_equal(unlink(kept), 0);
    said_through_the_dht(RCV_CANCELLED);
}

/* ---- what this machine may lack */

static bool net;
static bool says_net(const struct services *sv)
{
    return net;
}

static void no_net(void **state)
{
    decide(OUTCOME_DECLINED);
    net = false;
    bob.sv.may_go = says_net;
    bob_again(answers);
    pass(100);
    assert_int_equal(peer_in_state(&bob, n), IN_ANSWER);
    assert_int_equal(peer_look(NR, nr.id), DHT_ABSENT);
    net = true;
    kick(&bob.sv);
    said_through_the_dht(RCV_DECLINED);
}

static void no_commit(void **state)
{
    decide(OUTCOME_DECLINED);
    commit_sql(bob.sv.store, "CREATE TRIGGER full BEFORE UPDATE OF state ON incoming BEGIN"
                             " SELECT RAISE(ABORT,'no room'); END");
    bob_again(answers);
    until(tries_of(n) >= 2);
    assert_int_equal(peer_in_state(&bob, n), IN_ANSWER);
    commit_sql(bob.sv.store, "DROP TRIGGER full");
    said_through_the_dht(RCV_DECLINED);
}

/* ---- until the sender took it */

static void refresh(void)
{
    bob.sv.c.poll = 50;
    decide(OUTCOME_DECLINED);
    bob_again(until_settled);
    until(peer_in_state(&bob, n) == IN_ANSWERED && tries_of(n) >= 2);
    assert_int_equal(peer_look(NR, nr.id), DHT_PRESENT);
}

static void settled_when_taken(void **state)
{
    refresh();
    take_away(NR, &nr);
    until(peer_in_state(&bob, n) == IN_SETTLED);
    assert_int_equal(outcome_of(n), OUTCOME_DECLINED);
}

static void settled_after_a_month(void **state)
{
    refresh();
    commit_sql(bob.sv.store, "UPDATE incoming SET changed_ms=changed_ms-%lld WHERE n=%lld",
               31 * 86400000LL, (long long)n);
    until(peer_in_state(&bob, n) == IN_SETTLED);
    assert_int_equal(peer_look(NR, nr.id), DHT_PRESENT); /* its life ends it */
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, gone)
    const struct CMUnitTest tests[] = {
        TEST(declined),
        TEST(handed_over),
        TEST(not_taken),
        TEST(its_receipt_is_there),
        TEST(its_receipt_was_taken),
        TEST(its_notification_is_gone),
        TEST(taken_back),
        TEST(taken_back_and_there_still),
        TEST(no_net),
        TEST(no_commit),
        TEST(settled_when_taken),
        TEST(settled_after_a_month),
    };
    assert_int_equal(argc, 2);
    peer_mime_helper = argv[1];
    return cmocka_run_group_tests(tests, receive_open, receive_shut);
}
