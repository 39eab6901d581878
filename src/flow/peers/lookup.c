/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lookup.c - see lookup.h. */
#include "flow/peers/lookup_work.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/texts.h"
#include "flow/core/timer.h"
#include "flow/peers/offline.h"
#include "store/revoked.h"
#include "base/jobs.h"
#include "dht/dht.h"
#include "flow/core/job.h"
#include "flow/core/trusted_clock.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "lookup"
#define AGAIN_MS 1000   /* "unknown" is said after two looks */
#define AGAIN_RETRIES 4 /* times retry: the same, where nobody waits for the answer */

static void lookup_on_list(void *ctx, bool ok, const uint8_t *ids, size_t n);

static void drop_candidates(struct lookup *l)
{
    for (size_t i = 0; i < l->count; i++) {
        bytes_free(&l->c[i].value);
        verified_identity_free(&l->c[i].id);
        l->c[i].good = false;
    }
    l->count = 0;
}

/* A notification for this contact will be put soon. */
static void warm(struct services *sv, const struct contact *c)
{
    char key[DHT_KEY_MAX + 1];
    dht_ns_key(key, c->address, notification_shard(sv->fpr, c->address, c->shards));
    dht_warm(sv->dht, key);
}

static void lookup_finish(struct lookup *l, enum lookup_result result)
{
    lookup_fn *fn = l->fn;
    l->fn = NULL;
    if (fn != NULL && result == LOOKUP_FOUND && !l->services->stopping)
        warm(l->services, &l->found);
    if (fn != NULL)
        fn(l->ctx, result, result == LOOKUP_FOUND ? NULL : l->why.text);
    drop_candidates(l);
    contact_free(&l->found);
    free(l);
}

static int pin_run(struct db *db, void *arg)
{
    struct lookup *l = arg;
    const struct lookup_candidate *r = l->revocation;
    if (l->accept)
        return contact_replace(db, &l->found);
    if (r != NULL && revoked_add(db, l->address, r->id.fpr, &r->value, false) < 0)
        return -1;
    if (l->noted)
        return contact_set_changed(db, l->address, l->other);
    return l->result == LOOKUP_FOUND ? contact_pin(db, &l->found) : 0;
}

static void pin_done(void *arg, int rc)
{
    struct lookup *l = arg;
    if (rc != 0) {
        (void)error_set(&l->why, TEXT_KEY_STORE, l->address);
        l->result = LOOKUP_INCOMPLETE;
    }
    lookup_finish(l, l->result);
}

static void lookup_commit(struct lookup *l)
{
    store_do(l->services->store, pin_run, pin_done, l);
}

static void lookup_on_again(uv_timer_t *t)
{
    struct lookup *l = t->data;
    timer_free(&t);
    if (l->services->stopping) {
        lookup_finish(l, LOOKUP_INCOMPLETE);
    } else {
        drop_candidates(l);
        dht_list(l->services->dht, l->key, lookup_on_list, l);
    }
}

/* While nodes come and go a look may miss what is there, and a refusal is final: look twice. */
static void lookup_none(struct lookup *l)
{
    uv_timer_t *t = l->again || l->services->stopping ? NULL : timer_new(l->services, l);
    (void)error_set(&l->why, TEXT_KEY_NONE, l->address);
    if (t == NULL) {
        lookup_finish(l, LOOKUP_NONE);
        return;
    }
    l->again = true;
    int64_t wait = l->calm ? AGAIN_RETRIES * l->services->c.retry : AGAIN_MS;
    (void)uv_timer_start(t, lookup_on_again, (uint64_t)wait, 0);
}

static void chosen(struct job *job)
{
    struct lookup *l = (struct lookup *)job;
    switch (lookup_choose(l)) {
    case LOOKUP_STORE:
        lookup_commit(l);
        break;
    case LOOKUP_LOOK_AGAIN:
        lookup_none(l);
        break;
    case LOOKUP_END:
        lookup_finish(l, l->result);
        break;
    }
}

static void lookup_verify_run(struct job *job, void *thread_ctx)
{
    struct lookup *l = (struct lookup *)job;
    struct error e;
    for (size_t i = 0; i < l->count; i++) {
        struct lookup_candidate *c = &l->c[i];
        int rc = verify_identity(c->value.p, c->value.n, l->services->c.network, l->address,
                                 clock_wall_ms() / 1000, &c->id, &e);
        if (rc == 0 || rc == -2)
            trusted_clock_witness(l->services, c->id.fpr, c->id.r.seq);
        c->good = rc == 0;
        c->revokes = !c->good && verify_revocation(c->value.p, c->value.n, l->services->c.network,
                                                   l->address, c->id.fpr, NULL) == 0;
        if (!c->good && !c->revokes)
            log_info("a record at %s is not an identity: %s", l->key, e.text);
    }
}

static void lookup_on_value(void *ctx, bool ok, const struct dht_value *v)
{
    struct lookup *l = ctx;
    if (v != NULL) {
        if (l->count < CANDIDATES_MAX && v->len <= RECORD_MAX &&
            bytes_set(&l->c[l->count].value, v->data, v->len) == 0)
            l->count++;
        return;
    }
    if (l->count == 0 && (!ok || l->listed > 0)) {
        (void)error_set(&l->why, TEXT_KEY_INCOMPLETE, l->address);
        lookup_finish(l, LOOKUP_INCOMPLETE);
        return;
    }
    job_run(l->services->pgp, &l->job, lookup_verify_run, chosen, true);
}

static void lookup_on_list(void *ctx, bool ok, const uint8_t *ids, size_t n)
{
    struct lookup *l = ctx;
    if (!ok || dht_link_state(l->services->dht) != DHT_CONNECTED) {
        (void)error_set(&l->why, TEXT_KEY_OFFLINE, offline_words(offline_why(l->services)),
                        l->address);
        lookup_finish(l, LOOKUP_INCOMPLETE);
        return;
    }
    l->listed = n;
    uint8_t part[CANDIDATES_MAX * DHT_ID_LEN];
    n = candidates_part(ids, n, CANDIDATES_MAX, part);
    dht_get(l->services->dht, l->key, part, n, lookup_on_value, l);
}

/* Answers from the key cache alone; false when the DHT must be asked. */
static bool cached(struct services *sv, const char *address, enum lookup_result *result,
                   struct error *why, bool *recheck)
{
    struct contact c;
    if (contact_get(store_reader(sv->store), address, &c) < 0)
        return false;
    *result = c.held ? LOOKUP_UNDECIDED : LOOKUP_FOUND;
    *recheck = clock_wall_ms() - c.checked_ms > sv->c.reput;
    if (c.held)
        lookup_say_held(why, address, c.revoked, c.fpr, c.changed ? c.changed_fpr : NULL);
    else
        warm(sv, &c);
    contact_free(&c);
    return true;
}

static struct lookup *find_key(struct services *sv, const char *address, bool calm, lookup_fn *fn,
                               void *ctx)
{
    enum lookup_result result;
    struct error why = {""};
    bool recheck = false;
    if (cached(sv, address, &result, &why, &recheck)) {
        fn(ctx, result, result == LOOKUP_FOUND ? NULL : why.text);
        if (!recheck)
            return NULL;
        fn = NULL; /* look again, for the next time */
    }
    struct lookup *l = mem_new(sizeof *l);
    l->services = sv;
    l->fn = fn;
    l->ctx = ctx;
    l->calm = calm;
    (void)strcpy(l->address, address);
    (void)dht_key(l->key, "key:", address);
    dht_list(sv->dht, l->key, lookup_on_list, l);
    return fn == NULL ? NULL : l;
}

struct lookup *lookup_key(struct services *sv, const char *address, lookup_fn *fn, void *ctx)
{
    return find_key(sv, address, false, fn, ctx);
}

struct lookup *lookup_key_calmly(struct services *sv, const char *address, lookup_fn *fn, void *ctx)
{
    return find_key(sv, address, true, fn, ctx);
}

void lookup_accept(struct services *sv, const char *address, const uint8_t fpr[FPR_LEN],
                   lookup_fn *fn, void *ctx)
{
    struct lookup *l = mem_new(sizeof *l);
    l->services = sv;
    l->fn = fn;
    l->ctx = ctx;
    l->accept = true;
    memcpy(l->fpr, fpr, FPR_LEN);
    (void)strcpy(l->address, address);
    (void)dht_key(l->key, "key:", address);
    if (contact_quarantined_key(store_reader(sv->store), address, fpr, &l->found.pubkey) == 0) {
        (void)strcpy(l->found.address, address);
        memcpy(l->found.fpr, fpr, FPR_LEN);
        l->found.trust = TRUST_SEEN;
        l->found.shards = 1;
        l->result = LOOKUP_FOUND;
        lookup_commit(l);
    } else {
        dht_list(sv->dht, l->key, lookup_on_list, l);
    }
}

void lookup_cancel(struct lookup *l)
{
    l->fn = NULL;
}
