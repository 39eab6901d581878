/* SPDX-License-Identifier: GPL-3.0-or-later */
/* presence.c - when the own records are posted (own_records.h), and whether this is the only peer
 * of its address; see presence.h. */
#include "flow/peers/presence.h"
#include "flow/peers/own_records.h"
#include "base/mem.h"
#include "base/texts.h"
#include "base/clock.h"
#include "base/log.h"
#include "flow/core/timer.h"
#include "flow/peers/instance_conflict.h"
#include "flow/peers/instance_live.h"
#include "flow/core/step.h"
#include "store/check.h"
#include "store/outgoing.h"
#include "flow/peers/standing.h"
#include "dht/dht.h"
#include "flow/core/events.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_AREA "presence"
#define LOOK_POLLS 5 /* another peer is looked for every so many polls */

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

static struct presence *presence_of(const struct services *sv)
{
    return module_state(sv, &presence_module);
}

static void presence_on_timer(uv_timer_t *t);

/* The next look for another peer of this address, or the next posting, whichever comes first. */
static void look_later(struct services *sv)
{
    int64_t wait = presence_of(sv)->post_ms - clock_mono_ms(), look = sv->c.poll * LOOK_POLLS;
    if (standing_of(sv)->stop_reason[0] != '\0' || wait > look)
        wait = look;
    if (presence_of(sv)->heard)
        wait = 0;
    presence_of(sv)->heard = false;
    if (presence_of(sv)->timer != NULL)
        (void)uv_timer_start(presence_of(sv)->timer, presence_on_timer,
                             wait < 1 ? 1 : (uint64_t)wait, 0);
}

static void posted(void *ctx, bool ok, const char *why)
{
    struct services *sv = ctx;
    presence_of(sv)->busy = false;
    standing_own(sv)->identity_posted = standing_own(sv)->descriptor_posted = ok;
    if (ok)
        log_info("identity and descriptor are posted");
    else
        log_info("identity and descriptor are not posted yet: %s", why);
    presence_of(sv)->post_ms = clock_mono_ms() + (ok ? sv->c.descriptor : sv->c.retry * 2);
    if (presence_of(sv)->changed)
        presence_of(sv)->post_ms = 0;
    look_later(sv);
}

static void post(struct services *sv)
{
    own_records_post(sv, false, presence_of(sv)->seen, posted, sv);
    presence_of(sv)->busy = true;
    presence_of(sv)->changed = false;
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
    presence_of(sv)->busy = false;
    if (rc == 0) {
        memcpy(sv->instance, r->instance, INSTANCE_LEN);
        presence_of(sv)->taking = false;
        if (presence_of(sv)->lock < 0)
            (void)conflict_lock(sv, &presence_of(sv)->lock);
        standing_own(sv)->stop_reason[0] = '\0';
        standing_own(sv)->looked = true;
        if (!sv->stopping && !presence_of(sv)->withdrawn)
            post(sv);
        event_raise(sv, EVENT_MAY_GO);
        kick(sv);
    } else {
        look_later(sv);
    }
    free(r);
}

/* A new instance, posted at once: every other peer of this address sees that it is not alone. */
static void renew(struct services *sv)
{
    struct renewing *r = mem_new(sizeof *r);
    r->services = sv;
    r->now_ms = clock_wall_ms();
    random_bytes(r->instance, INSTANCE_LEN);
    store_crash_point("instance.before");
    store_do(sv->store, renew_run, renew_done, r);
}

static void stop_for_conflict(struct services *sv)
{
    if (standing_of(sv)->stop_reason[0] == '\0') {
        (void)snprintf(standing_own(sv)->stop_reason, sizeof standing_of(sv)->stop_reason,
                       TEXT_TWIN, sv->c.address);
        log_error("%s", standing_of(sv)->stop_reason);
    }
    standing_own(sv)->identity_posted = standing_own(sv)->descriptor_posted = false;
}

static void on_looked(void *ctx, enum conflict what, uint64_t seq)
{
    struct services *sv = ctx;
    struct presence *p = presence_of(sv);
    bool stopped = standing_of(sv)->stop_reason[0] != '\0';
    p->busy = false;
    if (sv->stopping || p->withdrawn || p->timer == NULL)
        return;
    if (seq > p->seen)
        p->seen = seq;
    if (what == CONFLICT_UNKNOWN) {
        (void)uv_timer_start(p->timer, presence_on_timer, (uint64_t)sv->c.retry, 0);
        return;
    }
    if (standing_of(sv)->revoked) {
        if (standing_of(sv)->stop_reason[0] == '\0') {
            (void)snprintf(standing_own(sv)->stop_reason, sizeof standing_of(sv)->stop_reason,
                           TEXT_REVOKED, sv->c.address);
            log_error("%s", standing_of(sv)->stop_reason);
        }
        p->taking = false;
        standing_own(sv)->identity_posted = standing_own(sv)->descriptor_posted = false;
        look_later(sv);
        return;
    }
    if (p->taking || (what == CONFLICT_RESTORED && !stopped)) {
        log_warn("%s", p->taking ? "this peer takes over its address"
                                 : "this home is a restored backup: newer records of it stand in "
                                   "the DHT. It goes on as a new instance.");
        p->busy = true;
        renew(sv);
        return;
    }
    if (what == CONFLICT_OTHER)
        stop_for_conflict(sv);
    if (standing_of(sv)->stop_reason[0] != '\0') {
        look_later(sv);
        return;
    }
    if (!standing_of(sv)->looked && dht_link_state(sv->dht) == DHT_CONNECTED) {
        standing_own(sv)->looked = true;
        event_raise(sv, EVENT_MAY_GO);
        kick(sv);
    }
    if (clock_mono_ms() >= p->post_ms)
        post(sv);
    else
        look_later(sv);
}

static void presence_on_timer(uv_timer_t *t)
{
    struct services *sv = t->data;
    if (presence_of(sv)->busy || presence_of(sv)->withdrawn)
        return;
    presence_of(sv)->busy = dht_link_state(sv->dht) != DHT_DOWN;
    if (presence_of(sv)->busy)
        conflict_look(sv, on_looked, sv);
    else
        (void)uv_timer_start(t, presence_on_timer, (uint64_t)sv->c.retry, 0);
}

void presence_again(struct services *sv)
{
    if (presence_of(sv) == NULL || presence_of(sv)->withdrawn)
        return;
    presence_of(sv)->changed = true;
    presence_of(sv)->post_ms = 0;
    if (presence_of(sv)->timer != NULL && !presence_of(sv)->busy)
        (void)uv_timer_start(presence_of(sv)->timer, presence_on_timer, 1, 0);
}

void presence_takeover(struct services *sv)
{
    presence_of(sv)->taking = true;
    presence_of(sv)->post_ms = 0;
    if (presence_of(sv)->timer != NULL)
        (void)uv_timer_start(presence_of(sv)->timer, presence_on_timer, 1, 0);
}

/* Somebody has put a descriptor here. Whether it is signed, the look will tell; it is made at most
 * once in a retry period, whatever comes. */
static void presence_on_heard(void *ctx, const struct dht_value *v)
{
    struct services *sv = ctx;
    struct presence *p = presence_of(sv);
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
        (void)uv_timer_start(p->timer, presence_on_timer, 1, 0);
}

static int presence_start(struct services *sv, struct error *e)
{
    struct presence *p = module_new(sv, &presence_module, sizeof *p);
    uv_timer_t *t = timer_new(sv, sv);
    p->timer = t;
    p->heard_ms = clock_mono_ms() - sv->c.retry;
    if (conflict_lock(sv, &p->lock) == 1)
        stop_for_conflict(sv);
    if (dht_listen(sv->dht, sv->c.address, presence_on_heard, sv) < 0)
        log_warn(
            "the own descriptor is not listened to: another peer of this address is noticed later");
    return uv_timer_start(t, presence_on_timer, 50, 0);
}

/* The network is there: post now what is not posted. */
static void link_is_up(struct services *sv)
{
    if (presence_of(sv) != NULL && presence_of(sv)->timer != NULL &&
        !(standing_of(sv)->identity_posted && standing_of(sv)->descriptor_posted)) {
        presence_of(sv)->post_ms = 0;
        (void)uv_timer_start(presence_of(sv)->timer, presence_on_timer, 10, 0);
    }
}

struct withdrawing {
    struct services *services;
    void (*done)(void *ctx);
    void *ctx;
};

static void presence_withdrawn(void *ctx, bool ok, const char *why)
{
    struct withdrawing *w = ctx;
    presence_of(w->services)->busy = false;
    w->done(w->ctx);
    free(w);
}

void presence_withdraw(struct services *sv, void (*done)(void *ctx), void *ctx)
{
    presence_of(sv)->withdrawn = true;
    bool stands = dht_link_state(sv->dht) == DHT_CONNECTED && standing_of(sv)->descriptor_posted;
    if (!stands) {
        done(ctx);
        return;
    }
    struct withdrawing *w = mem_new(sizeof *w);
    *w = (struct withdrawing){sv, done, ctx};
    own_records_post(sv, true, presence_of(sv)->seen, presence_withdrawn, w);
    presence_of(sv)->busy = true;
}

static void presence_stop(struct services *sv)
{
    if (presence_of(sv) == NULL)
        return;
    timer_free(&presence_of(sv)->timer);
    if (presence_of(sv)->lock >= 0)
        (void)close(presence_of(sv)->lock);
    presence_of(sv)->lock = -1;
}

static void presence_on(struct services *sv, enum event what)
{
    if (what == EVENT_CONNECTED)
        link_is_up(sv);
    else if (what == EVENT_RECORDS_CHANGED || what == EVENT_ADDRESS_CHANGED ||
             what == EVENT_CLOCK_JUMPED)
        presence_again(sv);
}

const struct module presence_module = {
    .on = presence_on, .start = presence_start, .stop = presence_stop};
