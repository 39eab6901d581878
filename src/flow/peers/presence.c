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
#include "flow/core/timer.h"
#include "flow/peers/instance_conflict.h"
#include "flow/peers/instance_live.h"
#include "flow/core/scheduler.h"
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
static void look_later(struct services *sv)
{
    int64_t wait = sv->presence->post_ms - clock_mono_ms(), look = sv->c.poll * LOOK_POLLS;
    if (sv->stop_reason[0] != '\0' || wait > look)
        wait = look;
    if (sv->presence->heard)
        wait = 0;
    sv->presence->heard = false;
    if (sv->presence->timer != NULL)
        (void)uv_timer_start(sv->presence->timer, on_timer, wait < 1 ? 1 : (uint64_t)wait, 0);
}

static void posted(void *ctx, bool ok, const char *why)
{
    struct services *sv = ctx;
    sv->presence->busy = false;
    sv->identity_posted = sv->descriptor_posted = ok;
    if (ok)
        log_info("identity and descriptor are posted");
    else
        log_info("identity and descriptor are not posted yet: %s", why);
    sv->presence->post_ms = clock_mono_ms() + (ok ? sv->c.descriptor : sv->c.retry * 2);
    if (sv->presence->changed)
        sv->presence->post_ms = 0;
    look_later(sv);
}

static void post(struct services *sv)
{
    if (own_records_post(sv, false, sv->presence->seen, posted, sv) < 0) {
        sv->presence->post_ms = clock_mono_ms() + sv->c.retry;
        look_later(sv);
        return;
    }
    sv->presence->busy = true;
    sv->presence->changed = false;
}

/* ---- is this the only peer of this address, and is its store the newest? */

struct renewing {
    struct services *services;
    uint8_t instance[INSTANCE_LEN];
    int64_t now_ms;
};

static int renew_run(struct db *db, void *arg)
{
    struct renewing *r = arg;
    return meta_set(db, "instance", r->instance, INSTANCE_LEN) < 0 ||
                   meta_set(db, "restored_ms", &r->now_ms, sizeof r->now_ms) < 0 ||
                   rcv_look_again(db) < 0 ||
                   adopt_held(db, r->services->c.address, r->services->c.quota) < 0
               ? -1
               : 0;
}

static void renew_done(void *arg, int rc)
{
    struct renewing *r = arg;
    struct services *sv = r->services;
    store_crash_point("instance.after");
    sv->presence->busy = false;
    if (rc == 0) {
        memcpy(sv->instance, r->instance, INSTANCE_LEN);
        sv->presence->taking = false;
        if (sv->presence->lock < 0)
            (void)conflict_lock(sv, &sv->presence->lock);
        sv->stop_reason[0] = '\0';
        sv->looked = true;
        if (!sv->stopping && !sv->presence->withdrawn)
            post(sv);
        discovery_poll(sv);
        collection_poll(sv);
        kick(sv);
    } else {
        look_later(sv);
    }
    free(r);
}

/* A new instance, posted at once: every other peer of this address sees that it is not alone. */
static void renew(struct services *sv)
{
    struct renewing *r = calloc(1, sizeof *r);
    if (r == NULL) {
        sv->presence->busy = false;
        look_later(sv);
        return;
    }
    r->services = sv;
    r->now_ms = clock_wall_ms();
    random_bytes(r->instance, INSTANCE_LEN);
    store_crash_point("instance.before");
    store_do(sv->store, renew_run, renew_done, r);
}

static void stop_for_twin(struct services *sv)
{
    if (sv->stop_reason[0] == '\0') {
        (void)snprintf(sv->stop_reason, sizeof sv->stop_reason, TEXT_TWIN, sv->c.address);
        log_error("%s", sv->stop_reason);
    }
    sv->identity_posted = sv->descriptor_posted = false;
}

static void on_looked(void *ctx, enum twin what, uint64_t seq)
{
    struct services *sv = ctx;
    struct presence *p = sv->presence;
    bool stopped = sv->stop_reason[0] != '\0';
    p->busy = false;
    if (sv->stopping || p->withdrawn || p->timer == NULL)
        return;
    if (seq > p->seen)
        p->seen = seq;
    if (what == TWIN_UNKNOWN) {
        (void)uv_timer_start(p->timer, on_timer, (uint64_t)sv->c.retry, 0);
        return;
    }
    if (sv->revoked) {
        if (sv->stop_reason[0] == '\0') {
            (void)snprintf(sv->stop_reason, sizeof sv->stop_reason, TEXT_REVOKED, sv->c.address);
            log_error("%s", sv->stop_reason);
        }
        p->taking = false;
        sv->identity_posted = sv->descriptor_posted = false;
        look_later(sv);
        return;
    }
    if (p->taking || (what == TWIN_RESTORED && !stopped)) {
        log_warn("%s", p->taking ? "this peer takes over its address"
                                 : "this home is a restored backup: newer records of it stand in "
                                   "the DHT. It goes on as a new instance.");
        p->busy = true;
        renew(sv);
        return;
    }
    if (what == TWIN_OTHER)
        stop_for_twin(sv);
    if (sv->stop_reason[0] != '\0') {
        look_later(sv);
        return;
    }
    if (!sv->looked && dht_link_state(sv->dht) == DHT_CONNECTED) {
        sv->looked = true;
        discovery_poll(sv);
        collection_poll(sv);
        kick(sv);
    }
    if (clock_mono_ms() >= p->post_ms)
        post(sv);
    else
        look_later(sv);
}

static void on_timer(uv_timer_t *t)
{
    struct services *sv = t->data;
    if (sv->presence->busy || sv->presence->withdrawn)
        return;
    sv->presence->busy =
        dht_link_state(sv->dht) != DHT_DOWN && conflict_look(sv, on_looked, sv) == 0;
    if (!sv->presence->busy)
        (void)uv_timer_start(t, on_timer, (uint64_t)sv->c.retry, 0);
}

void presence_again(struct services *sv)
{
    if (sv->presence == NULL || sv->presence->withdrawn)
        return;
    sv->presence->changed = true;
    sv->presence->post_ms = 0;
    if (sv->presence->timer != NULL && !sv->presence->busy)
        (void)uv_timer_start(sv->presence->timer, on_timer, 1, 0);
}

void presence_takeover(struct services *sv)
{
    sv->presence->taking = true;
    sv->presence->post_ms = 0;
    if (sv->presence->timer != NULL)
        (void)uv_timer_start(sv->presence->timer, on_timer, 1, 0);
}

/* Somebody has put a descriptor here. Whether it is signed, the look will tell; it is made at most
 * once in a retry period, whatever comes. */
static void on_heard(void *ctx, const struct dht_value *v)
{
    struct services *sv = ctx;
    struct presence *p = sv->presence;
    struct span payload, signature;
    struct descriptor d;
    struct error e;
    if (v == NULL || sv->stopping || p == NULL || p->withdrawn || p->timer == NULL ||
        clock_mono_ms() - p->heard_ms < sv->c.retry)
        return;
    struct record_place at = {sv->c.network, sv->c.address};
    if (record_unwrap(v->data, v->len, &payload, &signature, &e) < 0 ||
        descriptor_decode(payload.p, payload.n, &at, &d, &e) < 0 ||
        memcmp(d.instance, sv->instance, INSTANCE_LEN) == 0)
        return;
    p->heard_ms = clock_mono_ms();
    p->heard = true;
    if (!p->busy)
        (void)uv_timer_start(p->timer, on_timer, 1, 0);
}

int presence_start(struct services *sv, struct error *e)
{
    struct presence *p = sv->presence = calloc(1, sizeof *p);
    uv_timer_t *t = p == NULL ? NULL : timer_new(sv, sv);
    if (t == NULL)
        return error_set(e, "Out of memory.");
    p->timer = t;
    p->heard_ms = clock_mono_ms() - sv->c.retry;
    if (conflict_lock(sv, &p->lock) == 1)
        stop_for_twin(sv);
    if (dht_listen(sv->dht, sv->c.address, on_heard, sv) < 0)
        log_warn("the own descriptor is not listened to: a twin is noticed later");
    return uv_timer_start(t, on_timer, 50, 0);
}

void presence_link(struct services *sv)
{
    if (sv->presence != NULL && sv->presence->timer != NULL &&
        !(sv->identity_posted && sv->descriptor_posted)) {
        sv->presence->post_ms = 0;
        (void)uv_timer_start(sv->presence->timer, on_timer, 10, 0);
    }
}

struct withdrawing {
    struct services *services;
    void (*done)(void *ctx);
    void *ctx;
};

static void withdrawn(void *ctx, bool ok, const char *why)
{
    struct withdrawing *w = ctx;
    w->services->presence->busy = false;
    w->done(w->ctx);
    free(w);
}

void presence_withdraw(struct services *sv, void (*done)(void *ctx), void *ctx)
{
    sv->presence->withdrawn = true;
    bool stands = dht_link_state(sv->dht) == DHT_CONNECTED && sv->descriptor_posted;
    struct withdrawing *w = stands ? calloc(1, sizeof *w) : NULL;
    if (w != NULL)
        *w = (struct withdrawing){sv, done, ctx};
    if (w == NULL || own_records_post(sv, true, sv->presence->seen, withdrawn, w) < 0) {
        free(w);
        done(ctx);
        return;
    }
    sv->presence->busy = true;
}

void presence_stop(struct services *sv)
{
    if (sv->presence == NULL)
        return;
    timer_free(&sv->presence->timer);
    if (sv->presence->lock >= 0)
        (void)close(sv->presence->lock);
    sv->presence->lock = -1;
}

void presence_free(struct services *sv)
{
    free(sv->presence);
    sv->presence = NULL;
}
