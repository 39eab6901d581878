/* SPDX-License-Identifier: GPL-3.0-or-later */
/* announce.c - step four: the notification goes into the DHT (the paper's step 5), and again about
 * every hour until it is answered: always the same octets under the same lock (P-10.4). */
#include "base/clock.h"
#include "base/mem.h"
#include "flow/core/trusted_clock.h"
#include "flow/sender/collect.h"
#include "flow/core/message_log.h"
#include "flow/core/step.h"
#include "store/outgoing.h"
#include "dht/dht.h"
#include "proto/entry.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "announce"

QUEUE(announce);
QUEUE(reput);

struct announcing {
    struct work *w;
    struct out_receiver r;
    char key[DHT_KEY_MAX + 1];
    uint8_t blob_hash[HASH_LEN];
    bool answered;        /* it was deleted, and not by us: the receiver was there */
    enum rcv_state known; /* what its receipt said, when that is in the DHT as deleted by us */
    int probe;            /* which receipt is looked for */
    bool waits;           /* its time is over, the grace not yet */
    bool expired;         /* nobody came, and the grace is over */
};

static void announce_end(struct announcing *a, const char *why)
{
    work_over(a->w, why);
    out_receiver_free(&a->r);
    free(a);
}

/* Put again, unless its time is over by then: then its end is looked at. */
static int64_t next_look(const struct announcing *a)
{
    const struct flow_config *c = &a->w->services->c;
    int64_t now = clock_wall_ms(), again = now + c->reput, expiry = a->r.expiry_s * 1000;
    /* past by this clock, and not by the trusted time: this clock may be wrong */
    return again < expiry || expiry + c->expiry_grace <= now ? again : expiry + c->expiry_grace;
}

static int announce_commit_run(struct db *db, void *arg)
{
    struct announcing *a = arg;
    if (a->expired)
        return rcv_end(db, a->r.n, RCV_EXPIRED, true, NULL) < 0 ? -1 : 0;
    if (a->answered)
        return rcv_end(db, a->r.n, a->known, true, NULL) < 0 ? -1 : 0;
    if (a->waits)
        return queue_delay(db, &queue_reput, a->r.n, next_look(a), NULL);
    return rcv_set_announced(db, a->r.n, next_look(a));
}

static void announce_commit_done(void *arg, int rc)
{
    store_crash_point("announce.after");
    announce_end(arg, rc != 0 ? store_refused(NULL, "an announcement") : NULL);
}

static void announce_on_put(void *ctx, enum dht_result r, const char *why)
{
    struct announcing *a = ctx;
    store_crash_point("announce.before");
    /* deleted already: the receiver was there before this commit; the next look tells
     * (announce_on_look) */
    bool ok = r == DHT_OK || r == DHT_WAS_DELETED;
    if (!ok || dht_link_state(a->w->services->dht) == DHT_DOWN) {
        announce_end(a, !ok ? why : "The DHT did not take the notification.");
        return;
    }
    if (a->r.state == RCV_SEALED)
        work_info(a->w, "announced");
    store_do(a->w->services->store, announce_commit_run, announce_commit_done, a);
}

/* Its time is over. A receipt may still come during the grace; and none may be missed: the end is
 * declared only after a complete look for receipts while connected (P-10.14). */
static void announce_on_last_look(void *ctx, bool ok, const uint8_t *ids, size_t n)
{
    struct announcing *a = ctx;
    enum outcome o;
    if (!ok || dht_link_state(a->w->services->dht) != DHT_CONNECTED) {
        announce_end(a, "Receipts cannot be looked for now.");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (expected_find(store_reader(a->w->services->store), ids + i * DHT_ID_LEN, &o) ==
            a->r.n) {
            collection_poll(a->w->services);
            announce_end(a, "A receipt stands in the DHT.");
            return;
        }
    }
    a->expired = true;
    work_info(a->w, "not fetched in time");
    store_do(a->w->services->store, announce_commit_run, announce_commit_done, a);
}

static void wait_or_expire(struct announcing *a)
{
    struct services *sv = a->w->services;
    if (trusted_now_ms(sv) < a->r.expiry_s * 1000 + sv->c.expiry_grace) {
        a->waits = true;
        work_info(a->w, "its time is over; a late receipt is waited for");
        store_do(sv->store, announce_commit_run, announce_commit_done, a);
        return;
    }
    if (!trusted_clock_holds(sv)) {
        announce_end(a, "Nothing expires until receipts were looked for in this run.");
        return;
    }
    (void)dht_key(a->key, "nr:", sv->c.address);
    dht_list(sv->dht, a->key, announce_on_last_look, a);
}

static void announce_put(struct announcing *a, bool fresh)
{
    int64_t now = clock_wall_ms() / 1000;
    if (a->r.expiry_s <= now) {
        wait_or_expire(a);
        return;
    }
    int64_t until = a->r.expiry_s < now + DHT_LIFE_MAX ? a->r.expiry_s : now + DHT_LIFE_MAX;
    /* at the first try nobody but this peer has seen these octets */
    (fresh ? dht_add : dht_put)(a->w->services->dht, a->key, a->r.ns.p, a->r.ns.n, until, a->r.lock,
                                announce_on_put, a);
}

static void conclude(struct announcing *a, enum rcv_state known)
{
    a->answered = true;
    a->known = known;
    work_info(a->w, "its recipient deleted the notification%s",
              known == RCV_ANSWERED ? " without a receipt" : "; its receipt was taken already");
    store_do(a->w->services->store, announce_commit_run, announce_commit_done, a);
}

static void probe(struct announcing *a);

static void on_probe(void *ctx, bool ok, enum dht_presence presence)
{
    struct announcing *a = ctx;
    static const enum rcv_state state[] = {[OUTCOME_PULLED] = RCV_PULLED,
                                           [OUTCOME_DECLINED] = RCV_DECLINED,
                                           [OUTCOME_CANCELLED] = RCV_CANCELLED};
    if (ok && presence == DHT_DELETED)
        conclude(a, state[a->probe]);
    else if (ok && a->probe < OUTCOME_CANCELLED)
        probe(a);
    else if (a->r.tries < 3)
        announce_end(a, "The notification is gone from the DHT: waiting for its receipt.");
    else
        conclude(a, RCV_ANSWERED);
}

/* Does one of the receipts stand there as deleted? Then this peer took it, and a backup that was
 * restored does not know. */
static void probe(struct announcing *a)
{
    char key[DHT_KEY_MAX + 1];
    uint8_t value[HASH_LEN];
    struct entry_binding receipt;
    a->probe++;
    (void)dht_key(key, "nr:", a->w->services->c.address);
    receipt_value(a->r.p, (enum outcome)a->probe, a->blob_hash, value);
    entry_bind(a->r.p, key, value, sizeof value, &receipt);
    dht_look(a->w->services->dht, key, receipt.id, on_probe, a);
    wipe(&receipt, sizeof receipt);
}

/* Before putting again: a deletion that is not ours proves that the receiver was there (only it and
 * we know p). Its receipt may still be on the way: it is waited for once more. */
static void announce_on_look(void *ctx, bool ok, enum dht_presence presence)
{
    struct announcing *a = ctx;
    if (!ok || presence != DHT_DELETED) {
        announce_put(a, false);
    } else {
        probe(a);
    }
}

static void announce_start(struct work *w)
{
    struct announcing *a = mem_new(sizeof *a);
    if (rcv_get(store_reader(w->services->store), w->n, &a->r) < 0) {
        free(a);
        work_retry(w, store_unread(NULL, "Its row"));
        return;
    }
    a->w = w;
    struct out_blob b;
    if (blob_get(store_reader(w->services->store), a->r.blob, &b) == 0) {
        memcpy(a->blob_hash, b.hash, HASH_LEN);
        bytes_free(&b.chunks);
    }
    dht_ns_key(a->key, a->r.address, a->r.shard);
    /* sealed under an earlier run: a crash, or a restored backup, may have announced it already */
    if (a->r.state != RCV_ANNOUNCED && a->r.changed_ms >= w->services->started_ms) {
        announce_put(a, a->r.tries == 0);
        return;
    }
    uint8_t id[ENTRY_ID_LEN];
    entry_id_at(a->key, a->r.lock, a->r.ns.p, a->r.ns.n, id);
    dht_look(w->services->dht, a->key, id, announce_on_look, a);
}

const struct step step_announce = {
    .queue = &queue_announce,
    .parallel = 32,
    .needs_net = true,
    .rank = STEP_FIRST,
    .start = announce_start,
};

/* The same, again. */
const struct step step_reput = {
    .queue = &queue_reput,
    .parallel = 8,
    .needs_net = true,
    .start = announce_start,
};
