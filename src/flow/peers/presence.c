/* SPDX-License-Identifier: GPL-3.0-or-later */
/* presence.c - when the own records are posted (own_records.h), and whether this is the only peer
 * of its address; see presence.h. */
#include "flow/peers/presence.h"
#include "flow/peers/own_records.h"
#include "base/texts.h"
#include "base/clock.h"
#include "base/log.h"
#include "flow/sender/collect.h"
#include "flow/receiver/discover.h"
#include "flow/timer.h"
#include "flow/peers/twin.h"
#include "flow/peers/twin_live.h"
#include "flow/work.h"
#include "store/check.h"
#include "store/outgoing.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_AREA "presence"
#define LOOK_POLLS 5 /* a twin is looked for every so many polls */

struct presence {
    uv_timer_t *timer;
    bool busy, withdrawn;
    bool changed;    /* the records are no longer what was posted */
    bool taking;     /* the user said `restante takeover` */
    int64_t post_ms; /* when the records are due */
    bool heard;      /* a descriptor of another instance was put */
    int64_t heard_ms;
    int lock;      /* this key's name on this computer; -1: not held */
    uint64_t seen; /* the highest sequence number met in the DHT */
};

static void on_timer(uv_timer_t *t);

/* The next look for a twin, or the next posting, whichever comes first. */
static void look_later(struct flow *f)
{
    int64_t wait = f->presence->post_ms - clock_mono_ms(), look = f->c.poll * LOOK_POLLS;
    if (f->stop_reason[0] != '\0' || wait > look)
        wait = look;
    if (f->presence->heard)
        wait = 0;
    f->presence->heard = false;
    if (f->presence->timer != NULL)
        (void)uv_timer_start(f->presence->timer, on_timer, wait < 1 ? 1 : (uint64_t)wait, 0);
}

static void posted(void *ctx, bool ok, const char *why)
{
    struct flow *f = ctx;
    f->presence->busy = false;
    f->identity_posted = f->descriptor_posted = ok;
    if (ok)
        log_info("identity and descriptor are posted");
    else
        log_info("identity and descriptor are not posted yet: %s", why);
    f->presence->post_ms = clock_mono_ms() + (ok ? f->c.descriptor : f->c.retry * 2);
    if (f->presence->changed)
        f->presence->post_ms = 0;
    look_later(f);
}

static void post(struct flow *f)
{
    if (own_records_post(f, false, f->presence->seen, posted, f) < 0) {
        f->presence->post_ms = clock_mono_ms() + f->c.retry;
        look_later(f);
        return;
    }
    f->presence->busy = true;
    f->presence->changed = false;
}

/* ---- is this the only peer of this address, and is its store the newest? */

struct renewing {
    struct flow *flow;
    uint8_t instance[INSTANCE_LEN];
    int64_t now_ms;
};

static int renew_run(struct db *db, void *arg)
{
    struct renewing *r = arg;
    return meta_set(db, "instance", r->instance, INSTANCE_LEN) < 0 ||
                   meta_set(db, "restored_ms", &r->now_ms, sizeof r->now_ms) < 0 ||
                   rcv_look_again(db) < 0 ||
                   adopt_held(db, r->flow->c.address, r->flow->c.quota) < 0
               ? -1
               : 0;
}

static void renew_done(void *arg, int rc)
{
    struct renewing *r = arg;
    struct flow *f = r->flow;
    store_crash_point("instance.after");
    f->presence->busy = false;
    if (rc == 0) {
        memcpy(f->instance, r->instance, INSTANCE_LEN);
        f->presence->taking = false;
        if (f->presence->lock < 0)
            (void)twin_lock(f, &f->presence->lock);
        f->stop_reason[0] = '\0';
        f->looked = true;
        if (!f->stopping && !f->presence->withdrawn)
            post(f);
        discovery_poll(f);
        collection_poll(f);
        flow_kick(f);
    } else {
        look_later(f);
    }
    free(r);
}

/* A new instance, posted at once: every other peer of this address sees that it is not alone. */
static void renew(struct flow *f)
{
    struct renewing *r = calloc(1, sizeof *r);
    if (r == NULL) {
        f->presence->busy = false;
        look_later(f);
        return;
    }
    r->flow = f;
    r->now_ms = clock_wall_ms();
    random_bytes(r->instance, INSTANCE_LEN);
    store_crash_point("instance.before");
    store_do(f->store, renew_run, renew_done, r);
}

static void stop_for_twin(struct flow *f)
{
    if (f->stop_reason[0] == '\0') {
        (void)snprintf(f->stop_reason, sizeof f->stop_reason, TEXT_TWIN, f->c.address);
        log_error("%s", f->stop_reason);
    }
    f->identity_posted = f->descriptor_posted = false;
}

static void on_looked(void *ctx, enum twin what, uint64_t seq)
{
    struct flow *f = ctx;
    struct presence *p = f->presence;
    bool stopped = f->stop_reason[0] != '\0';
    p->busy = false;
    if (f->stopping || p->withdrawn || p->timer == NULL)
        return;
    if (seq > p->seen)
        p->seen = seq;
    if (what == TWIN_UNKNOWN) {
        (void)uv_timer_start(p->timer, on_timer, (uint64_t)f->c.retry, 0);
        return;
    }
    if (f->revoked) {
        if (f->stop_reason[0] == '\0') {
            (void)snprintf(f->stop_reason, sizeof f->stop_reason, TEXT_REVOKED, f->c.address);
            log_error("%s", f->stop_reason);
        }
        p->taking = false;
        f->identity_posted = f->descriptor_posted = false;
        look_later(f);
        return;
    }
    if (p->taking || (what == TWIN_RESTORED && !stopped)) {
        log_warn("%s", p->taking ? "this peer takes over its address"
                                 : "this home is a restored backup: newer records of it stand in "
                                   "the DHT. It goes on as a new instance.");
        p->busy = true;
        renew(f);
        return;
    }
    if (what == TWIN_OTHER)
        stop_for_twin(f);
    if (f->stop_reason[0] != '\0') {
        look_later(f);
        return;
    }
    if (!f->looked && dht_link_state(f->dht) == DHT_CONNECTED) {
        f->looked = true;
        discovery_poll(f);
        collection_poll(f);
        flow_kick(f);
    }
    if (clock_mono_ms() >= p->post_ms)
        post(f);
    else
        look_later(f);
}

static void on_timer(uv_timer_t *t)
{
    struct flow *f = t->data;
    if (f->presence->busy || f->presence->withdrawn)
        return;
    f->presence->busy = dht_link_state(f->dht) != DHT_DOWN && twin_look(f, on_looked, f) == 0;
    if (!f->presence->busy)
        (void)uv_timer_start(t, on_timer, (uint64_t)f->c.retry, 0);
}

void presence_again(struct flow *f)
{
    if (f->presence == NULL || f->presence->withdrawn)
        return;
    f->presence->changed = true;
    f->presence->post_ms = 0;
    if (f->presence->timer != NULL && !f->presence->busy)
        (void)uv_timer_start(f->presence->timer, on_timer, 1, 0);
}

void presence_takeover(struct flow *f)
{
    f->presence->taking = true;
    f->presence->post_ms = 0;
    if (f->presence->timer != NULL)
        (void)uv_timer_start(f->presence->timer, on_timer, 1, 0);
}

/* Somebody has put a descriptor here. Whether it is signed, the look will tell; it is made at most
 * once in a retry period, whatever comes. */
static void on_heard(void *ctx, const struct dht_value *v)
{
    struct flow *f = ctx;
    struct presence *p = f->presence;
    struct span payload, signature;
    struct descriptor d;
    struct error e;
    if (v == NULL || f->stopping || p == NULL || p->withdrawn || p->timer == NULL ||
        clock_mono_ms() - p->heard_ms < f->c.retry)
        return;
    struct record_place at = {f->c.network, f->c.address};
    if (record_unwrap(v->data, v->len, &payload, &signature, &e) < 0 ||
        descriptor_decode(payload.p, payload.n, &at, &d, &e) < 0 ||
        memcmp(d.instance, f->instance, INSTANCE_LEN) == 0)
        return;
    p->heard_ms = clock_mono_ms();
    p->heard = true;
    if (!p->busy)
        (void)uv_timer_start(p->timer, on_timer, 1, 0);
}

int presence_start(struct flow *f, struct error *e)
{
    struct presence *p = f->presence = calloc(1, sizeof *p);
    uv_timer_t *t = p == NULL ? NULL : flow_timer_new(f, f);
    if (t == NULL)
        return error_set(e, "Out of memory.");
    p->timer = t;
    p->heard_ms = clock_mono_ms() - f->c.retry;
    if (twin_lock(f, &p->lock) == 1)
        stop_for_twin(f);
    if (dht_listen(f->dht, f->c.address, on_heard, f) < 0)
        log_warn("the own descriptor is not listened to: a twin is noticed later");
    return uv_timer_start(t, on_timer, 50, 0);
}

void presence_link(struct flow *f)
{
    if (f->presence != NULL && f->presence->timer != NULL &&
        !(f->identity_posted && f->descriptor_posted)) {
        f->presence->post_ms = 0;
        (void)uv_timer_start(f->presence->timer, on_timer, 10, 0);
    }
}

struct withdrawing {
    struct flow *flow;
    void (*done)(void *ctx);
    void *ctx;
};

static void withdrawn(void *ctx, bool ok, const char *why)
{
    struct withdrawing *w = ctx;
    w->flow->presence->busy = false;
    w->done(w->ctx);
    free(w);
}

void presence_withdraw(struct flow *f, void (*done)(void *ctx), void *ctx)
{
    f->presence->withdrawn = true;
    bool stands = dht_link_state(f->dht) == DHT_CONNECTED && f->descriptor_posted;
    struct withdrawing *w = stands ? calloc(1, sizeof *w) : NULL;
    if (w != NULL)
        *w = (struct withdrawing){f, done, ctx};
    if (w == NULL || own_records_post(f, true, f->presence->seen, withdrawn, w) < 0) {
        free(w);
        done(ctx);
        return;
    }
    f->presence->busy = true;
}

void presence_stop(struct flow *f)
{
    if (f->presence == NULL)
        return;
    flow_timer_free(&f->presence->timer);
    if (f->presence->lock >= 0)
        (void)close(f->presence->lock);
    f->presence->lock = -1;
}

void presence_free(struct flow *f)
{
    free(f->presence);
    f->presence = NULL;
}
