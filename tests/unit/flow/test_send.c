/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_send.c - the sender's steps after sealing, by the real scheduler: publish, announce, the
 * look for receipts, and what goes when nobody waits for it: blob, entries, spool (P-10.4, P-10.6,
 * P-10.14). */
#include "flow_peer.h"
#include "base/clock.h"
#include "flow/core/scheduler.h"
#include "flow/core/stream_worker.h"
#include "flow/core/trusted_clock.h"
#include "flow/sender/collect.h"
#include "flow/sender/seal_stream.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

extern const struct step step_seal, step_publish, step_announce, step_reput, step_blob_gc,
    step_dht_gc, step_spool_gc;

static struct flow_peer alice, bob;
static bool net, publishing;
static bool may_publish(const struct services *sv)
{
    return publishing;
}
static bool says_net(const struct services *sv)
{
    return net;
}
static struct step publish; /* step_publish, when the test lets it */
static const struct step *const steps[] = {&step_seal,    &publish,     &step_announce, &step_reput,
                                           &step_blob_gc, &step_dht_gc, &step_spool_gc, NULL};
static const struct module *const modules[] = {&trusted_clock_module, &stream_worker_module,
                                               &seal_stream_module,   &scheduler_module,
                                               &collection_module,    NULL};
static int64_t message, receiver;
static struct out_receiver r;
static struct out_blob b;
static char key[DHT_KEY_MAX + 1], nr_key[DHT_KEY_MAX + 1];
static struct entry_binding ns;

/* Under addresses of their own, so that nothing of the test before stands in the DHT. */
static int fresh(void **state)
{
    static int number;
    char address[32];
    publish = step_publish;
    publish.may = may_publish;
    net = publishing = true;
    (void)snprintf(address, sizeof address, "bob%d@demo", ++number);
    peer_make(&bob, address);
    (void)snprintf(address, sizeof address, "alice%d@demo", number);
    peer_make(&alice, address);
    alice.sv.may_go = says_net;
    alice.sv.c.poll = 100;
    peer_start(&alice, modules, steps);
    peer_knows(&alice, &bob);
    (void)snprintf(nr_key, sizeof nr_key, "nr:%s", alice.address);
    return 0;
}

static int gone(void **state)
{
    out_receiver_free(&r);
    bytes_free(&b.chunks);
    peer_remove(&alice);
    peer_remove(&bob);
    return 0;
}

static enum rcv_state rcv(void)
{
    return (enum rcv_state)peer_int(&alice, "SELECT state FROM receiver WHERE n=?", receiver);
}

static enum blob_state blob(void)
{
    return (enum blob_state)peer_int(&alice, "SELECT state FROM blob WHERE message=?", message);
}

/* A message of so many octets, until it is in this state. */
static void send_one(size_t body, enum rcv_state until_state)
{
    const char *const to[] = {bob.address, NULL};
    size_t n;
    char *m = peer_writes(&alice, bob.address, body, &n);
    message = peer_submits(&alice, m, n, to);
    free(m);
    receiver = peer_int(&alice, "SELECT n FROM receiver WHERE message=?", message);
    until(rcv() == until_state);
    assert_int_equal(rcv_get(peer_db(&alice), receiver, &r), 0);
    assert_int_equal(blob_get(peer_db(&alice), r.blob, &b), 0);
    dht_ns_key(key, bob.address, r.shard);
    entry_bind(r.p, key, r.ns.p, r.ns.n, &ns);
}

static bool outbox(const char *suffix)
{
    return peer_file(&alice, "outbox", b.hash, HASH_LEN, suffix, NULL);
}

static bool done;
static void on_done(void *ctx, enum dht_result result, const char *why)
{
    done = true;
}

static void put(const char *at, const void *p, size_t n, const uint8_t lock[HASH_LEN])
{
    done = false;
    dht_put(peer_dht, at, p, n, clock_wall_ms() / 1000 + 3600, lock, on_done, NULL);
    until(done);
}

static void take_away(const char *at, const struct entry_binding *e)
{
    done = false;
    dht_del(peer_dht, at, e->value_hash, e->token, on_done, NULL);
    until(done);
}

static struct entry_binding answer(enum outcome o)
{
    uint8_t value[HASH_LEN];
    struct entry_binding nr;
    receipt_value(r.p, o, b.hash, value);
    entry_bind(r.p, nr_key, value, sizeof value, &nr);
    put(nr_key, value, sizeof value, nr.lock);
    return nr;
}

/* ---- publish */

static void a_list_of_chunks(void **state)
{
    struct buf list = BUF_INIT(10 * HASH_LEN);
    publishing = false;
    send_one(2 * CHUNK_LEN, RCV_SEALED);
    pass(50);
    assert_int_equal(blob(), BLOB_SEALED);
    assert_true(outbox(".sealed") && !outbox("") && !outbox(".chunks"));
    assert_int_equal(peer_look(key, ns.id), DHT_ABSENT); /* not before it can be fetched */
    publishing = true;
    kick(&alice.sv);
    until(blob() == BLOB_PUBLISHED);
    assert_true(!outbox(".sealed") && outbox(""));
    assert_true(peer_file(&alice, "outbox", b.hash, HASH_LEN, ".chunks", &list));
    assert_int_equal(list.len, b.chunks.n);
    assert_memory_equal(list.data, b.chunks.p, list.len);
    buf_free(&list);
    until(rcv() == RCV_ANNOUNCED);
}

static void an_outbox_that_takes_nothing(void **state)
{
    publishing = false;
    send_one(2 * CHUNK_LEN, RCV_SEALED);
    peer_spoil(&alice, "outbox");
    publishing = true;
    kick(&alice.sv);
    until(peer_int(&alice, "SELECT tries FROM blob WHERE message=?", message) >= 2);
    assert_int_equal(blob(), BLOB_SEALED);
    assert_int_equal(rcv(), RCV_SEALED);
    peer_mend(&alice, "outbox");
    until(blob() == BLOB_PUBLISHED);
    until(rcv() == RCV_ANNOUNCED);
}

/* It got its name before a crash. */
static void named_already(void **state)
{
    char from[PATH_CAP], to[PATH_CAP];
    publishing = false;
    send_one(2 * CHUNK_LEN, RCV_SEALED);
    home_path(&alice.sv, from, "outbox", b.hash, HASH_LEN, ".sealed");
    home_path(&alice.sv, to, "outbox", b.hash, HASH_LEN, "");
    assert_int_equal(rename(from, to), 0);
    publishing = true;
    kick(&alice.sv);
    until(blob() == BLOB_PUBLISHED);
    assert_true(outbox("") && outbox(".chunks"));
}

/* ---- announce */

static void announced(void **state)
{
    net = false;
    send_one(1000, RCV_SEALED);
    pass(100);
    assert_int_equal(rcv(), RCV_SEALED);
    assert_int_equal(peer_look(key, ns.id), DHT_ABSENT);
    net = true;
    kick(&alice.sv);
    until(rcv() == RCV_ANNOUNCED);
    assert_int_equal(peer_look(key, ns.id), DHT_PRESENT);
    int64_t again = peer_int(&alice, "SELECT due_ms FROM receiver WHERE n=?", receiver);
    assert_in_range(again - clock_wall_ms(), alice.sv.c.reput - 60000, alice.sv.c.reput);
    assert_true(outbox(""));
}

/* After a restart from a backup: the receiver was there, and what it said is not known. */
static void answered_before_a_restart(void **state)
{
    net = false;
    send_one(1000, RCV_SEALED);
    put(key, r.ns.p, r.ns.n, ns.lock);
    take_away(key, &ns);
    peer_stop(&alice);
    net = true;
    peer_start(&alice, modules, steps);
    until(rcv() == RCV_ANSWERED);
    assert_int_equal(peer_look(key, ns.id), DHT_DELETED);
}

/* ---- receipts, and what goes then */

static void pulled(void **state)
{
    send_one(1000, RCV_ANNOUNCED);
    struct entry_binding nr = answer(OUTCOME_PULLED);
    until(rcv() == RCV_PULLED);
    until(blob() == BLOB_GONE && peer_look(key, ns.id) == DHT_DELETED);
    assert_int_equal(peer_count(&alice, "outbox", ""), 0);
    until(peer_look(nr_key, nr.id) == DHT_DELETED);
    commit_sql(alice.sv.store, "UPDATE message SET sent=3"); /* Sent has its copy */
    kick(&alice.sv);
    until(peer_int(&alice, "SELECT state FROM message WHERE n=?", message) == OUT_DONE);
    until(peer_count(&alice, "spool", "") == 0);
}

static void declined(void **state)
{
    send_one(1000, RCV_ANNOUNCED);
    (void)answer(OUTCOME_DECLINED);
    until(rcv() == RCV_DECLINED);
    until(blob() == BLOB_GONE);
}

/* Who does not know p cannot answer, whatever stands at the key. */
static void a_forged_receipt(void **state)
{
    uint8_t value[HASH_LEN], lock[HASH_LEN];
    send_one(1000, RCV_ANNOUNCED);
    random_bytes(value, sizeof value);
    random_bytes(lock, sizeof lock);
    put(nr_key, value, sizeof value, lock);
    receipt_value(r.p, OUTCOME_PULLED, b.hash, value); /* the right octets, another lock */
    put(nr_key, value, sizeof value, lock);
    pass(500);
    assert_int_equal(rcv(), RCV_ANNOUNCED);
    assert_int_equal(blob(), BLOB_PUBLISHED);
    assert_true(outbox(""));
}

/* Nobody came: after the grace, and after receipts were looked for. */
static void expired(void **state)
{
    send_one(1000, RCV_ANNOUNCED);
    commit_sql(alice.sv.store, "UPDATE receiver SET due_ms=0,expiry_s=%lld",
               (long long)(clock_wall_ms() / 1000 - 3600));
    kick(&alice.sv);
    until(rcv() == RCV_EXPIRED);
    until(blob() == BLOB_GONE && peer_look(key, ns.id) == DHT_DELETED);
    assert_int_equal(peer_count(&alice, "outbox", ""), 0);
}

/* A blob that cannot be removed is one that is still to be removed. */
static void an_outbox_that_lets_nothing_go(void **state)
{
    send_one(1000, RCV_ANNOUNCED);
    peer_spoil(&alice, "outbox");
    (void)answer(OUTCOME_PULLED);
    until(rcv() == RCV_PULLED);
    until(peer_int(&alice, "SELECT tries FROM blob WHERE message=?", message) >= 1 ||
          blob() == BLOB_GONE);
    assert_int_equal(blob(), BLOB_PUBLISHED);
    peer_mend(&alice, "outbox");
    until(blob() == BLOB_GONE);
    assert_int_equal(peer_count(&alice, "outbox", ""), 0);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, gone)
    const struct CMUnitTest tests[] = {
        TEST(a_list_of_chunks),
        TEST(an_outbox_that_takes_nothing),
        TEST(named_already),
        TEST(announced),
        TEST(answered_before_a_restart),
        TEST(pulled),
        TEST(declined),
        TEST(a_forged_receipt),
        TEST(expired),
        TEST(an_outbox_that_lets_nothing_go),
    };
    assert_int_equal(argc, 2);
    peer_mime_helper = argv[1];
    return cmocka_run_group_tests(tests, peers_open, peers_shut);
}
