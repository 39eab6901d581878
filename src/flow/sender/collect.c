/* SPDX-License-Identifier: GPL-3.0-or-later */
/* collect.c - receipts at nr:<own address>; see collect.h. What can be there is known in advance
 * (P-3.4): only entries whose id is expected are fetched. Listening hastens it, polling makes it
 * sure. */
#include "flow/sender/collect.h"
#include "base/log.h"
#include "flow/clockwatch.h"
#include "flow/timer.h"
#include "store/cancel.h"
#include "store/outgoing.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "collect"
#define FETCH_MAX 1000 /* receipts per look */

struct collection {
    uv_timer_t *timer;
    char key[DHT_KEY_MAX + 1];
    bool looking, again;
};

struct receipt { /* a receipt that came, on its way to the store */
    struct flow *flow;
    int64_t n;
    enum outcome outcome;
    char address[ADDRESS_MAX + 1];
};

static int end_run(struct db *db, void *arg)
{
    struct receipt *r = arg;
    static const enum rcv_state state[] = {[OUTCOME_PULLED] = RCV_PULLED,
                                           [OUTCOME_DECLINED] = RCV_DECLINED,
                                           [OUTCOME_CANCELLED] = RCV_CANCELLED};
    int changed = rcv_end(db, r->n, state[r->outcome], true, NULL);
    if (changed < 0 || cancel_answered(db, r->n, r->outcome) < 0)
        return -1;
    /* a late copy of a receipt that was answered already: answer again */
    return changed == 0 ? rcv_again(db, r->n) : 0;
}

static void end_done(void *arg, int rc)
{
    struct receipt *r = arg;
    static const char *const did[] = {"", "pulled", "declined", "cancelled"};
    store_crash_point("collect.after");
    if (rc == 0)
        log_info("%s has %s it", r->address, did[r->outcome]);
    flow_kick(r->flow);
    free(r);
}

/* The value must be exactly what this receiver's secret gives for one of the outcomes. */
static void take(struct flow *f, const struct dht_value *v)
{
    enum outcome o = OUTCOME_PULLED;
    struct db *db = store_reader(f->store);
    int64_t n = expected_find(db, v->id, &o);
    struct out_receiver r;
    struct out_blob b;
    if (n == 0 || v->len != HASH_LEN || rcv_get(db, n, &r) < 0)
        return;
    uint8_t want[HASH_LEN];
    bool good = blob_get(db, r.blob, &b) == 0;
    if (good) {
        receipt_value(r.p, o, b.hash, want);
        good = equal_ct(want, v->data, HASH_LEN);
        bytes_free(&b.chunks);
    }
    struct receipt *receipt = good ? calloc(1, sizeof *receipt) : NULL;
    if (receipt != NULL) {
        *receipt = (struct receipt){.flow = f, .n = n, .outcome = o};
        (void)strcpy(receipt->address, r.address);
        store_crash_point("collect.before");
        store_do(f->store, end_run, end_done, receipt);
    } else if (!good) {
        log_warn("a receipt for %s is forged", r.address);
    }
    out_receiver_free(&r);
}

static void look_end(struct flow *f, bool complete)
{
    struct collection *c = f->collection;
    if (complete && dht_link_state(f->dht) == DHT_CONNECTED)
        clockwatch_looked(f);
    c->looking = false;
    if (c->again && !f->stopping) {
        c->again = false;
        collection_poll(f);
    }
}

static void on_value(void *ctx, bool ok, const struct dht_value *v)
{
    struct flow *f = ctx;
    if (f->stopping)
        return;
    if (v != NULL)
        take(f, v);
    else
        look_end(f, ok);
}

static void on_list(void *ctx, bool ok, const uint8_t *ids, size_t n)
{
    struct flow *f = ctx;
    if (f->stopping)
        return;
    uint8_t *wanted = ok && n > 0 ? malloc(FETCH_MAX * DHT_ID_LEN) : NULL;
    size_t count = 0;
    enum outcome o;
    for (size_t i = 0; i < n && wanted != NULL && count < FETCH_MAX; i++)
        if (expected_find(store_reader(f->store), ids + i * DHT_ID_LEN, &o) != 0)
            memcpy(wanted + DHT_ID_LEN * count++, ids + i * DHT_ID_LEN, DHT_ID_LEN);
    if (count > 0)
        dht_get(f->dht, f->collection->key, wanted, count, on_value, f);
    else
        look_end(f, ok);
    free(wanted);
}

void collection_poll(struct flow *f)
{
    struct collection *c = f->collection;
    if (c == NULL || f->stopping || !flow_may_go(f) || dht_link_state(f->dht) == DHT_DOWN)
        return;
    if (c->looking) {
        c->again = true;
        return;
    }
    c->looking = true;
    dht_list(f->dht, c->key, on_list, f);
}

static void on_heard(void *ctx, const struct dht_value *v)
{
    struct flow *f = ctx;
    if (!f->stopping && flow_may_go(f))
        take(f, v);
}

static void on_timer(uv_timer_t *t)
{
    collection_poll(t->data);
}

int collection_start(struct flow *f, struct error *e)
{
    struct collection *c = f->collection = calloc(1, sizeof *c);
    uv_timer_t *t = c == NULL ? NULL : flow_timer_new(f, f);
    if (t == NULL)
        return error_set(e, "Out of memory.");
    (void)dht_key(c->key, "nr:", f->c.address);
    c->timer = t;
    (void)uv_timer_start(t, on_timer, (uint64_t)f->c.poll, (uint64_t)f->c.poll);
    if (dht_listen(f->dht, c->key, on_heard, f) < 0)
        log_warn("cannot listen for receipts; they are polled for");
    return 0;
}

void collection_stop(struct flow *f)
{
    if (f->collection != NULL)
        flow_timer_free(&f->collection->timer);
}

void collection_free(struct flow *f)
{
    free(f->collection);
    f->collection = NULL;
}
