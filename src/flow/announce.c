/* SPDX-License-Identifier: GPL-3.0-or-later */
/* announce.c - step four: the notification goes into the DHT (the paper's step 5), and again about
 * every hour until it is answered: always the same octets under the same lock (P-10.4). */
#include "base/clock.h"
#include "base/log.h"
#include "flow/clockwatch.h"
#include "flow/collect.h"
#include "flow/steps.h"
#include "store/outgoing.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "announce"

struct announcing {
    struct work *w;
    struct out_receiver r;
    char key[DHT_KEY_MAX + 1];
    bool answered; /* it was deleted, and not by us: the receiver was there */
    bool waits;    /* its time is over, the grace not yet */
    bool expired;  /* nobody came, and the grace is over */
};

static void end(struct announcing *a, const char *why)
{
    if (why != NULL)
        work_retry(a->w, why);
    else
        work_end(a->w);
    out_receiver_free(&a->r);
    free(a);
}

/* Put again, unless its time is over by then: then its end is looked at. */
static int64_t next_look(const struct announcing *a)
{
    const struct flow_config *c = &a->w->flow->c;
    int64_t again = clock_wall_ms() + c->reput, expiry = a->r.expiry_s * 1000;
    return again < expiry ? again : expiry + c->expiry_grace;
}

static int commit_run(struct db *db, void *arg)
{
    struct announcing *a = arg;
    if (a->expired)
        return rcv_end(db, a->r.n, RCV_EXPIRED, true, NULL) < 0 ? -1 : 0;
    if (a->answered)
        return rcv_end(db, a->r.n, RCV_ANSWERED, true, NULL) < 0 ? -1 : 0;
    if (a->waits)
        return rcv_delay(db, a->r.n, next_look(a));
    return rcv_set_announced(db, a->r.n, next_look(a));
}

static void commit_done(void *arg, int rc)
{
    store_crash_point("announce.after");
    end(arg, rc != 0 ? "The database does not take an announcement." : NULL);
}

static void on_put(void *ctx, bool ok, const char *why)
{
    struct announcing *a = ctx;
    store_crash_point("announce.before");
    /* deleted already: the receiver was there before this commit; the next look tells (on_look) */
    if (!ok && why != NULL && strcmp(why, "deleted") == 0)
        ok = true;
    if (!ok || dht_link_state(a->w->flow->dht) == DHT_DOWN) {
        end(a, why != NULL ? why : "The DHT did not take the notification.");
        return;
    }
    if (a->r.state == RCV_SEALED)
        log_info("announced to %s", a->r.address);
    store_do(a->w->flow->store, commit_run, commit_done, a);
}

/* Its time is over. A receipt may still come during the grace; and none may be missed: the end is
 * declared only after a complete look for receipts while connected (P-10.14). */
static void on_last_look(void *ctx, bool ok, const uint8_t *ids, size_t n)
{
    struct announcing *a = ctx;
    enum outcome o;
    if (!ok || dht_link_state(a->w->flow->dht) != DHT_CONNECTED) {
        end(a, "Receipts cannot be looked for now.");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (expected_find(store_reader(a->w->flow->store), ids + i * DHT_ID_LEN, &o) == a->r.n) {
            collection_poll(a->w->flow);
            end(a, "A receipt stands in the DHT.");
            return;
        }
    }
    a->expired = true;
    log_info("%s did not come in time", a->r.address);
    store_do(a->w->flow->store, commit_run, commit_done, a);
}

static void wait_or_expire(struct announcing *a)
{
    struct flow *f = a->w->flow;
    if (clock_wall_ms() < a->r.expiry_s * 1000 + f->c.expiry_grace) {
        a->waits = true;
        log_info("the time of a message to %s is over; a late receipt is waited for", a->r.address);
        store_do(f->store, commit_run, commit_done, a);
        return;
    }
    if (!clockwatch_trusted(f)) {
        end(a, "Nothing expires until receipts were looked for in this run.");
        return;
    }
    (void)dht_key(a->key, "nr:", f->c.address);
    dht_list(f->dht, a->key, on_last_look, a);
}

static void put(struct announcing *a)
{
    int64_t now = clock_wall_ms() / 1000;
    if (a->r.expiry_s <= now) {
        wait_or_expire(a);
        return;
    }
    int64_t until = a->r.expiry_s < now + DHT_LIFE_MAX ? a->r.expiry_s : now + DHT_LIFE_MAX;
    dht_put(a->w->flow->dht, a->key, a->r.ns.p, a->r.ns.n, until, a->r.lock, on_put, a);
}

/* Before putting again: a deletion that is not ours proves that the receiver was there (only it and
 * we know p). Its receipt may still be on the way: it is waited for once more. */
static void on_look(void *ctx, bool ok, enum dht_presence presence)
{
    struct announcing *a = ctx;
    if (!ok || presence != DHT_DELETED) {
        put(a);
    } else if (a->r.tries < 3) {
        end(a, "The notification is gone from the DHT: waiting for its receipt.");
    } else {
        a->answered = true;
        log_info("%s deleted its notification without a receipt", a->r.address);
        store_do(a->w->flow->store, commit_run, commit_done, a);
    }
}

void step_announce(struct work *w)
{
    struct announcing *a = calloc(1, sizeof *a);
    if (a == NULL || rcv_get(store_reader(w->flow->store), w->n, &a->r) < 0) {
        free(a);
        work_retry(w, "A row of the database cannot be read.");
        return;
    }
    a->w = w;
    (void)dht_key(a->key, "ns:", a->r.address);
    if (a->r.state != RCV_ANNOUNCED) {
        put(a);
        return;
    }
    uint8_t infohash[INFOHASH_LEN], vh[HASH_LEN], id[ENTRY_ID_LEN];
    entry_infohash(a->key, infohash);
    sha256(a->r.ns.p, a->r.ns.n, vh);
    entry_id(infohash, a->r.lock, vh, id);
    dht_look(w->flow->dht, a->key, id, on_look, a);
}
