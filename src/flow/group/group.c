/* SPDX-License-Identifier: GPL-3.0-or-later */
/* group.c - looking at the own group's key in the DHT: what is new there is verified and committed,
 * and what the accepted group's descriptor needs is done: put again, renewed, the old one deleted
 * (P-11.2 to P-11.5). One look at a time; each part of it can be repeated. */
#include "flow/group/group.h"
#include "base/clock.h"
#include "base/log.h"
#include "flow/group/group_work.h"
#include "flow/core/timer.h"
#include "flow/peers/verify.h"
#include "store/incoming.h"
#include "store/groups.h"
#include "base/jobs.h"
#include "base/mem.h"
#include "dht/dht.h"
#include "flow/core/job.h"
#include "flow/core/sign.h"
#include "flow/core/step.h"
#include "flow/core/events.h"
#include "proto/entry.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "group"
#define FETCH_MAX 64       /* entries fetched per look; the rest comes with the next */
#define BAD_AGAIN_S 3600LL /* what did not verify is looked at again after this */

struct group_candidate {
    uint8_t id[DHT_ID_LEN], lock[HASH_LEN];
    int64_t expiry;
    struct bytes value;
    struct verified_group *v; /* NULL: not a descriptor of this group */
    enum group_news news;
};

struct group_look {
    struct job job;
    struct services *services;
    struct group_candidate c[FETCH_MAX];
    size_t count;
    uint8_t *live; /* ids of all entries at the key */
    size_t live_count;
    struct group_row g; /* the accepted group */
    bool more, alive;
    uint8_t lock[HASH_LEN]; /* the put's */
};

static void group_look_end(struct group_look *l)
{
    struct services *sv = l->services;
    bool again = groups_of(sv)->again || l->more;
    groups_of(sv)->look = NULL;
    groups_of(sv)->again = false;
    for (size_t i = 0; i < l->count; i++) {
        bytes_free(&l->c[i].value);
        free(l->c[i].v);
    }
    group_row_free(&l->g);
    free(l->live);
    free(l);
    if (again)
        groups_poll(sv);
}

void groups_renew_identity(struct services *sv)
{
    struct groups *g = groups_of(sv);
    uint8_t fpr[FPR_LEN];
    bool has = group_own_master(store_reader(sv->store), fpr);
    if (g->identity_known && (has != g->has || memcmp(fpr, g->master_fpr, FPR_LEN) != 0))
        event_raise(sv, EVENT_RECORDS_CHANGED);
    g->identity_known = true;
    g->has = has;
    memcpy(g->master_fpr, fpr, FPR_LEN);
}

/* ---- third part: put it again, with the lock under which it stands there */

static int put_run(struct db *db, void *arg)
{
    struct group_look *l = arg;
    store_crash_point("group.put.before");
    return group_set_put(db, &l->g, l->lock, clock_wall_ms());
}

static void put_committed(void *arg, int rc)
{
    struct group_look *l = arg;
    store_crash_point("group.put.after");
    groups_of(l->services)->put_now = false;
    if (rc == 0)
        log_debug("the descriptor of %s is put", l->g.name);
    if (rc == 0 && l->g.has_old)
        groups_of(l->services)->again = true; /* now the old one goes */
    group_look_end(l);
}

static void group_on_put(void *ctx, enum dht_result r, const char *why)
{
    struct group_look *l = ctx;
    if (r != DHT_OK) {
        log_info("the descriptor of %s is not put yet: %s", l->g.name, why);
        group_look_end(l);
        return;
    }
    store_do(l->services->store, put_run, put_committed, l);
}

static void group_put_descriptor(struct group_look *l)
{
    struct services *sv = l->services;
    int64_t now = clock_wall_ms(), now_s = now / 1000;
    bool due = groups_of(sv)->put_now || l->g.put_ms == 0 || now - l->g.put_ms >= sv->c.reput ||
               l->g.put_ms > now;
    if (!due || l->g.expiry_s <= now_s || sv->stopping) {
        group_look_end(l);
        return;
    }
    uint8_t id[DHT_ID_LEN];
    memcpy(l->lock, l->g.lock, HASH_LEN);
    entry_id_at(groups_of(sv)->key, l->lock, l->g.record.p, l->g.record.n, id);
    for (size_t i = 0; i < l->live_count && !l->alive; i++)
        l->alive = memcmp(l->live + i * DHT_ID_LEN, id, DHT_ID_LEN) == 0;
    if (!l->alive) { /* lost, or deleted by somebody whose copy it was: under the own lock */
        struct entry_binding b;
        sha256(l->g.record.p, l->g.record.n, b.value_hash);
        own_bind(sv, groups_of(sv)->key, b.value_hash, &b);
        memcpy(l->lock, b.lock, HASH_LEN);
        wipe(&b, sizeof b);
    }
    int64_t until = now_s + DHT_LIFE_MAX < l->g.expiry_s ? now_s + DHT_LIFE_MAX : l->g.expiry_s;
    dht_put(sv->dht, groups_of(sv)->key, l->g.record.p, l->g.record.n, until, l->lock, group_on_put,
            l);
}

/* ---- second part: delete what an own descriptor replaced */

static int old_run(struct db *db, void *arg)
{
    return group_set_old_gone(db, &((struct group_look *)arg)->g);
}

static void old_committed(void *arg, int rc)
{
    group_put_descriptor(arg);
}

static void on_old(void *ctx, enum dht_result r, const char *why)
{
    struct group_look *l = ctx;
    if (r == DHT_OK || r == DHT_WAS_ABSENT)
        store_do(l->services->store, old_run, old_committed, l);
    else
        group_put_descriptor(l); /* again with the next look */
}

static void group_delete_replaced(struct group_look *l)
{
    struct services *sv = l->services;
    struct entry_binding old;
    if (!l->g.has_old || l->g.put_ms == 0) { /* the new one first */
        group_put_descriptor(l);
        return;
    }
    own_bind(sv, groups_of(sv)->key, l->g.old_hash, &old);
    dht_del(sv->dht, groups_of(sv)->key, l->g.old_hash, old.token, on_old, l);
    wipe(&old, sizeof old);
}

static void tend(struct group_look *l)
{
    struct services *sv = l->services;
    groups_renew_identity(sv);
    event_raise(sv, EVENT_GROUP_READ);
    bool member = group_get_accepted(store_reader(sv->store), &l->g) == 0;
    /* a list is put again and renewed in time; where there is none, one is heard of */
    int64_t period = member && groups_expect(sv, &l->g) ? groups_soon(sv) : sv->c.poll;
    (member ? poll_again : poll_slower)(groups_of(sv)->timer, period);
    if (sv->stopping || !may_go(sv) || !member) {
        group_look_end(l);
        return;
    }
    groups_renew(sv, &l->g);
    groups_keys(sv, &l->g, period);
    group_delete_replaced(l);
}

/* ---- first part: what stands there */

static void row_of(const struct group_candidate *c, struct group_row *g)
{
    const struct verified_group *v = c->v;
    *g = (struct group_row){.seq = v->r.seq, .expiry_s = v->expiry};
    (void)strcpy(g->name, v->r.name);
    (void)strcpy(g->master, group_find_role(&v->r, ROLE_MASTER)->address);
    memcpy(g->master_fpr, v->master_fpr, FPR_LEN);
    memcpy(g->roster, v->roster, HASH_LEN);
    memcpy(g->lock, c->lock, HASH_LEN);
    g->master_key = (struct bytes){(uint8_t *)v->r.master_key.p, v->r.master_key.n};
    g->signed_ = (struct bytes){(uint8_t *)v->signed_.p, v->signed_.n};
    g->record = c->value;
}

static int group_apply_run(struct db *db, void *arg)
{
    struct group_look *l = arg;
    struct services *sv = l->services;
    int64_t now = clock_wall_ms() / 1000;
    store_crash_point("group.before");
    for (size_t i = 0; i < l->count; i++) {
        struct group_candidate *c = &l->c[i];
        int64_t until =
            c->expiry > now && c->expiry < now + DHT_LIFE_MAX ? c->expiry : now + DHT_LIFE_MAX;
        if (c->v == NULL && until > now + BAD_AGAIN_S)
            until = now + BAD_AGAIN_S;
        if (looked_add(db, c->id, until) < 0)
            return -1;
        if (c->v == NULL)
            continue;
        struct group_row g;
        row_of(c, &g);
        c->news = group_apply(db, &g, &c->v->r, sv->c.address, sv->fpr, false);
        if (c->news == GROUP_ERROR)
            return -1;
    }
    return 0;
}

static void group_log_news(const struct group_look *l, const struct group_candidate *c)
{
    if (c->v == NULL)
        return;
    const char *master = group_find_role(&c->v->r, ROLE_MASTER)->address;
    if (c->news == GROUP_NEW)
        log_info("%s: %zu members, master %s, number %llu%s", c->v->r.name, c->v->r.count, master,
                 (unsigned long long)c->v->r.seq, c->v->renewed ? ", renewed by a deputy" : "");
    else if (c->news == GROUP_CONFLICT)
        log_warn("%s has signed two lists of %s with one number; the first stays", master,
                 c->v->r.name);
    else if (c->news == GROUP_REFUSED)
        log_info("a descriptor of %s by %s is ignored: it does not concern this peer", c->v->r.name,
                 master);
}

static void applied(void *arg, int rc)
{
    struct group_look *l = arg;
    store_crash_point("group.after");
    for (size_t i = 0; i < l->count && rc == 0; i++)
        group_log_news(l, &l->c[i]);
    if (rc == 0)
        tend(l);
    else
        group_look_end(l);
}

static void group_verify_run(struct job *job, void *thread_ctx)
{
    struct group_look *l = (struct group_look *)job;
    struct error e;
    for (size_t i = 0; i < l->count; i++) {
        struct group_candidate *c = &l->c[i];
        struct verified_group *v = mem_new(sizeof *v);
        if (verify_group(c->value.p, c->value.n, l->services->c.network,
                         address_group(l->services->c.address), clock_wall_ms() / 1000, v,
                         &e) == 0) {
            c->v = v;
            continue;
        }
        log_info("an entry at %s is ignored: %s", groups_of(l->services)->key, e.text);
        free(v);
    }
}

static void group_verify_done(struct job *job)
{
    struct group_look *l = (struct group_look *)job;
    if (l->services->stopping)
        group_look_end(l);
    else if (l->count > 0)
        store_do(l->services->store, group_apply_run, applied, l);
    else
        tend(l);
}

static void group_on_value(void *ctx, bool ok, const struct dht_value *v)
{
    struct group_look *l = ctx;
    if (v == NULL) {
        job_run(l->services->pgp, &l->job, group_verify_run, group_verify_done, true);
        return;
    }
    if (l->count == FETCH_MAX || v->len > RECORD_MAX)
        return;
    struct group_candidate *c = &l->c[l->count];
    if (bytes_set(&c->value, v->data, v->len) < 0)
        return;
    memcpy(c->id, v->id, DHT_ID_LEN);
    memcpy(c->lock, v->lock, HASH_LEN);
    c->expiry = v->expiry;
    l->count++;
}

static void group_on_list(void *ctx, bool ok, const uint8_t *ids, size_t n)
{
    struct group_look *l = ctx;
    uint8_t wanted[FETCH_MAX * DHT_ID_LEN];
    size_t count = 0;
    if (l->services->stopping || !ok) {
        group_look_end(l);
        return;
    }
    l->live = malloc(n * DHT_ID_LEN + 1);
    if (l->live != NULL && n > 0)
        memcpy(l->live, ids, n * DHT_ID_LEN);
    l->live_count = l->live == NULL ? 0 : n;
    for (size_t i = 0; i < n && !l->more; i++) {
        const uint8_t *id = ids + i * DHT_ID_LEN;
        if (looked_has(store_reader(l->services->store), id))
            continue;
        if (count == FETCH_MAX)
            l->more = true;
        else
            memcpy(wanted + DHT_ID_LEN * count++, id, DHT_ID_LEN);
    }
    if (count > 0)
        dht_get(l->services->dht, groups_of(l->services)->key, wanted, count, group_on_value, l);
    else
        tend(l);
}

void groups_put(struct services *sv)
{
    groups_of(sv)->put_now = true;
    groups_poll(sv);
}

void groups_poll(struct services *sv)
{
    struct groups *g = groups_of(sv);
    if (g == NULL || sv->stopping || dht_link_state(sv->dht) == DHT_DOWN)
        return;
    if (g->look != NULL) {
        g->again = true;
        return;
    }
    struct group_look *l = mem_new(sizeof *l);
    l->services = sv;
    g->look = l;
    dht_list(sv->dht, g->key, group_on_list, l);
}

static void group_on_heard(void *ctx, const struct dht_value *v)
{
    struct services *sv = ctx;
    if (!sv->stopping && !looked_has(store_reader(sv->store), v->id))
        groups_poll(sv);
}

static void group_on_timer(uv_timer_t *t)
{
    groups_poll(t->data);
}

static int groups_start(struct services *sv, struct error *e)
{
    struct groups *g = module_new(sv, &groups_module, sizeof *g);
    (void)dht_key(g->key, "group:", address_group(sv->c.address));
    groups_renew_identity(sv);
    g->timer = poll_start(sv, g->key, group_on_timer, group_on_heard, "the group's descriptor");
    return 0;
}

static void groups_stop(struct services *sv)
{
    if (groups_of(sv) != NULL)
        timer_free(&groups_of(sv)->timer);
}

static void groups_on(struct services *sv, enum event what)
{
    if (what == EVENT_CONNECTED || what == EVENT_GROUP_CHANGED)
        groups_poll(sv);
}

const struct module groups_module = {
    .key = &groups_key, .on = groups_on, .start = groups_start, .stop = groups_stop};
