/* SPDX-License-Identifier: GPL-3.0-or-later */
/* presence.c - see presence.h. Each renewal signs both records anew with the next sequence number,
 * puts them, and deletes the entries they replace. Sequence number and what was put last are
 * committed before the put: a restart never goes back. */
#include "flow/peers/presence.h"
#include "base/texts.h"
#include "base/clock.h"
#include "base/log.h"
#include "flow/sender/collect.h"
#include "flow/receiver/discover.h"
#include "flow/timer.h"
#include "flow/peers/twin.h"
#include "flow/work.h"
#include "store/check.h"
#include "store/outgoing.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "presence"
#define IDENTITY_S (90LL * 86400)
#define DESCRIPTOR_S 86400LL
#define LOOK_POLLS 5 /* a twin is looked for every so many polls */

enum kind { IDENTITY, DESCRIPTOR, KINDS };

struct presence {
    uv_timer_t *timer;
    bool busy, withdrawn;
    bool changed;    /* the records are no longer what was posted */
    bool taking;     /* the user said `restante takeover` */
    int64_t post_ms; /* when the records are due */
    uint64_t seen;   /* the highest sequence number met in the DHT */
};

struct posting {
    struct job job;
    struct flow *flow;
    bool withdraw;
    bool has_master; /* in an accepted group */
    uint8_t master_fpr[FPR_LEN];
    uint64_t seq;
    char key[KINDS][DHT_KEY_MAX + 1];
    struct buf value[KINDS];
    int64_t expiry[KINDS];
    uint8_t hash[KINDS][HASH_LEN], old[KINDS][HASH_LEN];
    bool has_old[KINDS], ok;
    enum kind at;
    int rc;
    struct error why;
    void (*done)(void *ctx);
    void *ctx;
};

static const char *const meta_name[KINDS] = {"identity_hash", "descriptor_hash"};

static void on_timer(uv_timer_t *t);

/* The next look for a twin, or the next posting, whichever comes first. */
static void look_later(struct flow *f)
{
    int64_t wait = f->presence->post_ms - clock_mono_ms(), look = f->c.poll * LOOK_POLLS;
    if (f->stop_reason[0] != '\0' || wait > look)
        wait = look;
    if (f->presence->timer != NULL)
        (void)uv_timer_start(f->presence->timer, on_timer, wait < 1 ? 1 : (uint64_t)wait, 0);
}

static void finish(struct posting *p, bool ok)
{
    struct flow *f = p->flow;
    f->presence->busy = false;
    if (!p->withdraw) {
        f->identity_posted = f->descriptor_posted = ok;
        if (ok)
            log_info("identity and descriptor are posted");
        else
            log_info("identity and descriptor are not posted yet: %s", p->why.text);
        f->presence->post_ms = clock_mono_ms() + (ok ? f->c.descriptor : f->c.retry * 2);
        if (f->presence->changed)
            f->presence->post_ms = 0;
        look_later(f);
    }
    if (p->done != NULL)
        p->done(p->ctx);
    buf_free(&p->value[IDENTITY]);
    buf_free(&p->value[DESCRIPTOR]);
    free(p);
}

static void next(struct posting *p);

static void on_old_gone(void *ctx, bool ok, const char *why)
{
    struct posting *p = ctx;
    p->at++;
    next(p);
}

static void on_put(void *ctx, bool ok, const char *why)
{
    struct posting *p = ctx;
    uint8_t token[HASH_LEN];
    if (!ok) {
        (void)error_set(&p->why, "%s", why);
        finish(p, false);
    } else if (p->has_old[p->at] && memcmp(p->old[p->at], p->hash[p->at], HASH_LEN) != 0) {
        flow_own_token(p->flow, p->key[p->at], p->old[p->at], token);
        dht_del(p->flow->dht, p->key[p->at], p->old[p->at], token, on_old_gone, p);
    } else {
        on_old_gone(p, true, NULL);
    }
}

static void next(struct posting *p)
{
    if (p->withdraw && p->at == IDENTITY)
        p->at = DESCRIPTOR; /* the identity stays */
    if (p->at == KINDS) {
        finish(p, dht_link_state(p->flow->dht) == DHT_CONNECTED);
        return;
    }
    uint8_t token[HASH_LEN], lock[HASH_LEN];
    flow_own_token(p->flow, p->key[p->at], p->hash[p->at], token);
    entry_lock(token, lock);
    int64_t now = clock_wall_ms() / 1000;
    int64_t until = p->expiry[p->at] < now + DHT_LIFE_MAX ? p->expiry[p->at] : now + DHT_LIFE_MAX;
    dht_put(p->flow->dht, p->key[p->at], p->value[p->at].data, p->value[p->at].len, until, lock,
            on_put, p);
}

static int commit_run(struct db *db, void *arg)
{
    struct posting *p = arg;
    for (int k = p->withdraw ? DESCRIPTOR : IDENTITY; k < KINDS; k++) {
        p->has_old[k] = meta_get(db, meta_name[k], p->old[k], HASH_LEN) == 0;
        if (meta_set(db, meta_name[k], p->hash[k], HASH_LEN) < 0)
            return -1;
    }
    return meta_set(db, "seq", &p->seq, sizeof p->seq);
}

static void commit_done(void *arg, int rc)
{
    struct posting *p = arg;
    if (rc != 0) {
        (void)error_set(&p->why, "The database does not take a sequence number.");
        finish(p, false);
        return;
    }
    if (!p->withdraw)
        http_server_set_pubkey(p->flow->server, p->value[IDENTITY].data, p->value[IDENTITY].len);
    next(p);
}

static int encode(struct posting *p, struct pgp *pgp, enum kind kind)
{
    const struct flow *f = p->flow;
    struct buf payload = BUF_INIT(RECORD_MAX);
    struct record_place at = {f->c.network, p->key[kind]};
    int rc;
    if (kind == IDENTITY) {
        struct identity r = {.pubkey = {f->pubkey.p, f->pubkey.n},
                             .shards = f->shards,
                             .ocb = true,
                             .seq = p->seq,
                             .expiry = p->expiry[kind],
                             .has_master = p->has_master};
        memcpy(r.master_fpr, p->master_fpr, FPR_LEN);
        (void)strcpy(r.address, f->c.address);
        rc = identity_encode(&r, &at, &payload);
    } else {
        struct descriptor r = {.seq = p->seq, .expiry = p->expiry[kind]};
        (void)strcpy(r.address, f->c.address);
        memcpy(r.fpr, f->fpr, FPR_LEN);
        memcpy(r.instance, f->instance, INSTANCE_LEN);
        for (size_t i = 0; !p->withdraw && i < f->c.endpoint_count && i < ENDPOINTS_MAX; i++)
            r.endpoints[r.endpoint_count++] = f->c.endpoints[i];
        rc = descriptor_encode(&r, &at, &payload);
    }
    if (rc < 0)
        (void)error_set(&p->why, "An own record cannot be written.");
    else
        rc = flow_sign_record(pgp, &payload, &p->value[kind], &p->why);
    buf_free(&payload);
    sha256(p->value[kind].data, p->value[kind].len, p->hash[kind]);
    return rc;
}

static void sign_run(struct job *job, void *thread_ctx)
{
    struct posting *p = (struct posting *)job;
    p->rc = encode(p, thread_ctx, IDENTITY);
    if (p->rc == 0)
        p->rc = encode(p, thread_ctx, DESCRIPTOR);
}

static void sign_done(struct job *job)
{
    struct posting *p = (struct posting *)job;
    if (p->rc != 0)
        finish(p, false);
    else
        store_do(p->flow->store, commit_run, commit_done, p);
}

static void post(struct flow *f, bool withdraw, void (*done)(void *), void *ctx)
{
    struct posting *p = calloc(1, sizeof *p);
    if (p == NULL)
        return;
    uint64_t seq = 0;
    int64_t now = clock_wall_ms();
    (void)meta_get(store_reader(f->store), "seq", &seq, sizeof seq);
    if (f->presence->seen > seq)
        seq = f->presence->seen;
    if (seq > (uint64_t)now + SEQ_AHEAD_MS) /* by a clock that was wrong: nobody accepted it */
        seq = 0;
    p->seq = seq + 1 > (uint64_t)now ? seq + 1 : (uint64_t)now;
    p->flow = f;
    p->has_master = flow_master(f, p->master_fpr);
    p->withdraw = withdraw;
    p->done = done;
    p->ctx = ctx;
    p->expiry[IDENTITY] = now / 1000 + IDENTITY_S - 60;
    p->expiry[DESCRIPTOR] = now / 1000 + DESCRIPTOR_S;
    p->value[IDENTITY] = (struct buf)BUF_INIT(RECORD_MAX);
    p->value[DESCRIPTOR] = (struct buf)BUF_INIT(RECORD_MAX);
    (void)dht_key(p->key[IDENTITY], "key:", f->c.address);
    (void)dht_key(p->key[DESCRIPTOR], "", f->c.address);
    f->presence->busy = true;
    f->presence->changed = false;
    flow_job(f->pgp, &p->job, sign_run, sign_done, true);
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
        f->stop_reason[0] = '\0';
        f->looked = true;
        if (!f->stopping && !f->presence->withdrawn)
            post(f, false, NULL, NULL);
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
        post(f, false, NULL, NULL);
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

int presence_start(struct flow *f, struct error *e)
{
    struct presence *p = f->presence = calloc(1, sizeof *p);
    uv_timer_t *t = p == NULL ? NULL : flow_timer_new(f, f);
    if (t == NULL)
        return error_set(e, "Out of memory.");
    p->timer = t;
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

void presence_withdraw(struct flow *f, void (*done)(void *ctx), void *ctx)
{
    f->presence->withdrawn = true;
    if (dht_link_state(f->dht) == DHT_CONNECTED && f->descriptor_posted)
        post(f, true, done, ctx);
    else
        done(ctx);
}

void presence_stop(struct flow *f)
{
    if (f->presence != NULL)
        flow_timer_free(&f->presence->timer);
}

void presence_free(struct flow *f)
{
    free(f->presence);
    f->presence = NULL;
}
