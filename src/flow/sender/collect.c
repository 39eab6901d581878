/* SPDX-License-Identifier: GPL-3.0-or-later */
/* collect.c - receipts at nr:<own address>, and those that are handed over; see collect.h. What can
 * come is known in advance (P-3.4): in the DHT only entries whose id is expected are fetched.
 * Listening makes it quick, polling makes it sure. */
#include "flow/sender/collect.h"
#include "base/clock.h"
#include "base/mem.h"
#include "flow/core/timer.h"
#include "store/cancel.h"
#include "store/outgoing.h"
#include "dht/dht.h"
#include "flow/core/message_log.h"
#include "flow/core/step.h"
#include "flow/core/events.h"
#include "proto/entry.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "collect"
#define FETCH_MAX 1000 /* receipts per look */

/* What was handed over before, and what it left in the DHT taken away since then, changes nothing:
 * who repeats a receipt makes no work (P-6.9). */
static int64_t an_hour_ago(void)
{
    return clock_wall_ms() - 3600 * 1000LL;
}

struct collection {
    uv_timer_t *timer;
    char key[DHT_KEY_MAX + 1];
    bool looking, again;
};

static struct collection *collection_of(const struct services *sv)
{
    return module_state(sv, &collection_module);
}

struct receipt_taking { /* a receipt that came, on its way to the store */
    struct services *services;
    int64_t n;
    enum outcome outcome;
    char address[ADDRESS_MAX + 1];
    uint8_t proof[HASH_LEN];
    receipt_taken_fn *fn; /* NULL: it came through the DHT */
    void *ctx;
};

static int end_run(struct db *db, void *arg)
{
    struct receipt_taking *t = arg;
    static const enum rcv_state state[] = {[OUTCOME_PULLED] = RCV_PULLED,
                                           [OUTCOME_DECLINED] = RCV_DECLINED,
                                           [OUTCOME_CANCELLED] = RCV_CANCELLED};
    int changed = rcv_end(db, t->n, state[t->outcome], true, NULL);
    if (changed < 0 || cancel_answered(db, t->n, t->outcome, t->fn != NULL) < 0)
        return -1;
    /* a late copy of a receipt that was answered already: answer again */
    return changed == 0 ? rcv_again(db, t->n, t->fn != NULL ? an_hour_ago() : INT64_MAX) : 0;
}

static void end_done(void *arg, int rc)
{
    struct receipt_taking *t = arg;
    static const char *const did[] = {"", "pulled", "declined", "cancelled"};
    store_crash_point("collect.after");
    if (rc == 0)
        message_info(t->services, ABOUT_RECEIVER, t->n, "%s it%s", did[t->outcome],
                     t->fn != NULL ? ", by its own receipt" : "");
    if (t->fn != NULL)
        t->fn(t->ctx, rc == 0, t->proof);
    kick(t->services);
    free(t);
}

/* The row it is for, or 0. The value must be exactly what that receiver's secret gives for one of
 * the outcomes. */
static int64_t match(struct services *sv, const struct receipt *in, struct receipt_taking *t)
{
    struct db *db = store_reader(sv->store);
    int64_t n = expected_find(db, in->id, &t->outcome);
    struct out_receiver r;
    struct out_blob b;
    if (n == 0 || rcv_get(db, n, &r) < 0)
        return 0;
    uint8_t want[HASH_LEN];
    bool good = blob_get(db, r.blob, &b) == 0;
    if (good) {
        receipt_value(r.p, t->outcome, b.hash, want);
        good = equal_ct(want, in->value, HASH_LEN);
        bytes_free(&b.chunks);
    }
    if (good) {
        receipt_proof(r.p, in->value, t->proof);
        (void)strcpy(t->address, r.address);
    } else {
        message_warn(sv, ABOUT_RECEIVER, n, "a receipt for it is forged");
    }
    out_receiver_free(&r);
    return good ? n : 0;
}

void collection_take(struct services *sv, const struct receipt *in, receipt_taken_fn *fn, void *ctx)
{
    struct receipt_taking *t = mem_new(sizeof *t);
    t->services = sv;
    t->fn = fn;
    t->ctx = ctx;
    t->n = match(sv, in, t);
    bool known = t->n != 0 && fn != NULL &&
                 rcv_knows(store_reader(sv->store), t->n, t->outcome, an_hour_ago());
    if (t->n != 0 && !known) {
        store_crash_point("collect.before");
        store_do(sv->store, end_run, end_done, t);
        return;
    }
    if (fn != NULL)
        fn(ctx, known, t->proof);
    free(t);
}

/* From the DHT. */
static void collect_take_entry(struct services *sv, const struct dht_value *v)
{
    struct receipt r;
    if (v->len != HASH_LEN)
        return;
    memcpy(r.id, v->id, ENTRY_ID_LEN);
    memcpy(r.value, v->data, HASH_LEN);
    collection_take(sv, &r, NULL, NULL);
}

static void collect_look_end(struct services *sv, bool complete)
{
    struct collection *c = collection_of(sv);
    if (complete && dht_link_state(sv->dht) == DHT_CONNECTED)
        event_raise(sv, EVENT_RECEIPTS_LOOKED);
    c->looking = false;
    if (c->again && !sv->stopping) {
        c->again = false;
        collection_poll(sv);
    }
}

static void collect_on_value(void *ctx, bool ok, const struct dht_value *v)
{
    struct services *sv = ctx;
    if (sv->stopping)
        return;
    if (v != NULL)
        collect_take_entry(sv, v);
    else
        collect_look_end(sv, ok);
}

static void collect_on_list(void *ctx, bool ok, const uint8_t *ids, size_t n)
{
    struct services *sv = ctx;
    if (sv->stopping)
        return;
    uint8_t *wanted = mem_array(FETCH_MAX, DHT_ID_LEN);
    size_t count = 0;
    enum outcome o;
    for (size_t i = 0; ok && i < n && count < FETCH_MAX; i++)
        if (expected_find(store_reader(sv->store), ids + i * DHT_ID_LEN, &o) != 0)
            memcpy(wanted + DHT_ID_LEN * count++, ids + i * DHT_ID_LEN, DHT_ID_LEN);
    if (count > 0)
        dht_get(sv->dht, collection_of(sv)->key, wanted, count, collect_on_value, sv);
    else
        collect_look_end(sv, ok);
    /* the slower, the longer everything there had been heard of */
    (!ok || count > 0 ? poll_again : poll_slower)(collection_of(sv)->timer, sv->c.poll);
    free(wanted);
}

void collection_poll(struct services *sv)
{
    struct collection *c = collection_of(sv);
    if (c == NULL || sv->stopping || !may_go(sv) || dht_link_state(sv->dht) == DHT_DOWN)
        return;
    if (c->looking) {
        c->again = true;
        return;
    }
    c->looking = true;
    dht_list(sv->dht, c->key, collect_on_list, sv);
}

static void collect_on_heard(void *ctx, const struct dht_value *v)
{
    struct services *sv = ctx;
    if (sv->stopping)
        return;
    poll_again(collection_of(sv)->timer, sv->c.poll); /* if it could not be taken now */
    if (may_go(sv))
        collect_take_entry(sv, v);
}

static void collect_on_timer(uv_timer_t *t)
{
    collection_poll(t->data);
}

static int collection_start(struct services *sv, struct error *e)
{
    struct collection *c = module_new(sv, &collection_module, sizeof *c);
    (void)dht_key(c->key, "nr:", sv->c.address);
    c->timer = poll_start(sv, c->key, collect_on_timer, collect_on_heard, "each receipt");
    return 0;
}

static void collection_stop(struct services *sv)
{
    if (collection_of(sv) != NULL)
        timer_free(&collection_of(sv)->timer);
}

static void collection_on(struct services *sv, enum event what)
{
    if (what == EVENT_CONNECTED || what == EVENT_MAY_GO || what == EVENT_CLOCK_JUMPED)
        collection_poll(sv);
}

const struct module collection_module = {
    .on = collection_on, .start = collection_start, .stop = collection_stop};
