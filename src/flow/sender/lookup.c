/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lookup.c - see lookup.h. */
#include "flow/sender/lookup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/texts.h"
#include "flow/timer.h"
#include "flow/peers/offline.h"
#include "flow/peers/candidates.h"
#include "flow/peers/verify.h"
#include "store/contacts.h"
#include "store/groups.h"
#include "store/revoked.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "lookup"
#define AGAIN_MS 1000   /* "unknown" is said after two looks */
#define AGAIN_RETRIES 4 /* times retry: the same, where nobody waits for the answer */

struct candidate {
    struct bytes value;
    struct verified_identity id;
    bool good;    /* an identity that counts */
    bool revokes; /* a revocation of the key id.fpr */
};

struct lookup {
    struct job job;
    struct flow *flow;
    char address[ADDRESS_MAX + 1], key[DHT_KEY_MAX + 1];
    lookup_fn *fn; /* NULL: cancelled, or nobody waits (a recheck) */
    void *ctx;
    struct candidate c[CANDIDATES_MAX];
    size_t count, listed; /* entries that came; that are there */
    struct contact found;
    enum lookup_result result;
    struct error why;
    bool again;  /* this is the second look */
    bool calm;   /* nobody waits for the answer: the network may settle between the two */
    bool accept; /* only the key with this fingerprint, which replaces the pinned one */
    uint8_t fpr[FPR_LEN];
    const struct candidate *revocation; /* of the key that counted here, to be kept */
    bool noted;                         /* another key than the pinned one stands there: */
    uint8_t other[FPR_LEN];
};

static void on_list(void *ctx, bool ok, const uint8_t *ids, size_t n);

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
static void warm(struct flow *f, const struct contact *c)
{
    char key[DHT_KEY_MAX + 1];
    dht_ns_key(key, c->address, notification_shard(f->fpr, c->address, c->shards));
    dht_warm(f->dht, key);
}

static void finish(struct lookup *l, enum lookup_result result)
{
    lookup_fn *fn = l->fn;
    l->fn = NULL;
    if (fn != NULL && result == LOOKUP_FOUND && !l->flow->stopping)
        warm(l->flow, &l->found);
    if (fn != NULL)
        fn(l->ctx, result, result == LOOKUP_FOUND ? NULL : l->why.text);
    drop_candidates(l);
    contact_free(&l->found);
    free(l);
}

static int pin_run(struct db *db, void *arg)
{
    struct lookup *l = arg;
    const struct candidate *r = l->revocation;
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
    finish(l, l->result);
}

static int take(struct lookup *l, const struct candidate *c)
{
    l->found.ocb = c->id.r.ocb;
    l->found.shards = c->id.r.shards;
    l->found.seq = c->id.r.seq;
    l->found.trust = TRUST_SEEN;
    l->found.checked_ms = clock_wall_ms();
    l->found.expiry_s = c->id.r.expiry;
    memcpy(l->found.fpr, c->id.fpr, FPR_LEN);
    (void)strcpy(l->found.address, l->address);
    return bytes_set(&l->found.pubkey, c->id.pubkey.p, c->id.pubkey.n);
}

static const struct candidate *best_of(const struct lookup *l, const uint8_t *fpr, bool *several)
{
    const struct candidate *best = NULL;
    *several = false;
    for (size_t i = 0; i < l->count; i++) {
        const struct candidate *c = &l->c[i];
        if (!c->good || (fpr != NULL && memcmp(c->id.fpr, fpr, FPR_LEN) != 0))
            continue;
        if (best != NULL && memcmp(best->id.fpr, c->id.fpr, FPR_LEN) != 0)
            *several = true;
        if (best == NULL || c->id.r.seq > best->id.r.seq)
            best = c;
    }
    return best;
}

static void decide_accept(struct lookup *l)
{
    bool several;
    const struct candidate *c = best_of(l, l->fpr, &several);
    l->result = LOOKUP_FOUND;
    if (c == NULL) {
        (void)error_set(&l->why, TEXT_KEY_ABSENT, l->address);
        finish(l, LOOKUP_NONE);
    } else if (take(l, c) < 0) {
        (void)error_set(&l->why, TEXT_NO_MEMORY);
        finish(l, LOOKUP_INCOMPLETE);
    } else {
        store_do(l->flow->store, pin_run, pin_done, l);
    }
}

static void on_again(uv_timer_t *t)
{
    struct lookup *l = t->data;
    flow_timer_free(&t);
    if (l->flow->stopping) {
        finish(l, LOOKUP_INCOMPLETE);
    } else {
        drop_candidates(l);
        dht_list(l->flow->dht, l->key, on_list, l);
    }
}

/* While nodes come and go a look may miss what is there, and a refusal is final: look twice. */
static void none(struct lookup *l)
{
    uv_timer_t *t = l->again || l->flow->stopping ? NULL : flow_timer_new(l->flow, l);
    (void)error_set(&l->why, TEXT_KEY_NONE, l->address);
    if (t == NULL) {
        finish(l, LOOKUP_NONE);
        return;
    }
    l->again = true;
    int64_t wait = l->calm ? AGAIN_RETRIES * l->flow->c.retry : AGAIN_MS;
    (void)uv_timer_start(t, on_again, (uint64_t)wait, 0);
}

/* The fingerprint that counts at this address whatever else stands there: the user's pin, else what
 * the own group's list states. false: none. */
static bool wanted(const struct lookup *l, uint8_t fpr[FPR_LEN])
{
    struct db *db = store_reader(l->flow->store);
    return contact_pinned_fpr(db, l->address, fpr) == 0 ||
           group_vouched_fpr(db, l->address, fpr) == 0;
}

/* Only a person can choose among keys (design: neither age nor newness decides): the message waits,
 * and both fingerprints are shown. */
static void say_several(struct lookup *l)
{
    char one[2 * FPR_LEN + 1], two[2 * FPR_LEN + 1];
    const struct candidate *first = NULL;
    for (size_t i = 0; i < l->count; i++) {
        const struct candidate *c = &l->c[i];
        if (!c->good)
            continue;
        if (first == NULL)
            first = c;
        hex_encode(first->id.fpr, FPR_LEN, one);
        hex_encode(c->id.fpr, FPR_LEN, two);
        if (strcmp(one, two) != 0)
            break;
    }
    (void)error_set(&l->why, TEXT_KEY_SEVERAL, l->address, one, two);
}

/* Why the key that counts here cannot be used: other NULL when no other is announced. */
static void say_held(struct error *e, const char *address, bool revoked, const uint8_t *fpr,
                     const uint8_t *other)
{
    char one[2 * FPR_LEN + 1], two[2 * FPR_LEN + 1] = "none";
    hex_encode(fpr, FPR_LEN, one);
    if (other != NULL)
        hex_encode(other, FPR_LEN, two);
    if (revoked)
        (void)error_set(e, TEXT_KEY_REVOKED, address, one, two);
    else
        (void)error_set(e, TEXT_KEY_CHANGED, address, one, two);
}

/* Identities whose key is revoked, by what stands beside them or by what is known, do not count. */
static void drop_revoked(struct lookup *l)
{
    struct db *db = store_reader(l->flow->store);
    for (size_t i = 0; i < l->count; i++) {
        struct candidate *c = &l->c[i];
        if (c->good)
            c->good = !revoked_known(db, c->id.fpr);
        for (size_t k = 0; c->good && k < l->count; k++)
            c->good = !l->c[k].revokes || memcmp(l->c[k].id.fpr, c->id.fpr, FPR_LEN) != 0;
    }
}

/* Is this key revoked? What says so is kept with the next commit. */
static bool is_revoked(struct lookup *l, const uint8_t fpr[FPR_LEN])
{
    for (size_t i = 0; i < l->count; i++)
        if (l->c[i].revokes && memcmp(l->c[i].id.fpr, fpr, FPR_LEN) == 0)
            l->revocation = &l->c[i];
    return l->revocation != NULL || revoked_known(store_reader(l->flow->store), fpr);
}

/* Its key has never been here. */
static void say_absent(struct lookup *l, const uint8_t want[FPR_LEN], const struct candidate *other)
{
    char one[2 * FPR_LEN + 1], two[2 * FPR_LEN + 1] = "none";
    hex_encode(want, FPR_LEN, one);
    if (other != NULL)
        hex_encode(other->id.fpr, FPR_LEN, two);
    (void)error_set(&l->why, TEXT_KEY_NOT_THIS, l->address, one, two);
}

static void decide_free(struct lookup *l)
{
    bool several;
    const struct candidate *c = best_of(l, NULL, &several);
    if (several) {
        say_several(l);
        finish(l, LOOKUP_UNDECIDED);
    } else if (l->listed > CANDIDATES_MAX) { /* what was not fetched may be the right one */
        (void)error_set(&l->why, TEXT_KEY_FLOODED, l->address);
        finish(l, LOOKUP_UNDECIDED);
    } else if (c == NULL) {
        none(l);
    } else if (take(l, c) < 0) {
        (void)error_set(&l->why, TEXT_NO_MEMORY);
        finish(l, LOOKUP_INCOMPLETE);
    } else {
        store_do(l->flow->store, pin_run, pin_done, l);
    }
}

/* This fingerprint is the user's choice, or the group's: a rival moves nothing, as long as the
 * identity that was seen last lives (P-10.31). */
static void decide_chosen(struct lookup *l, const uint8_t want[FPR_LEN])
{
    bool several, gone = is_revoked(l, want), stays = false;
    const struct candidate *c = gone ? NULL : best_of(l, want, &several);
    const struct candidate *other = best_of(l, NULL, &several);
    int64_t now = clock_wall_ms() / 1000;
    if (c != NULL) {
        if (take(l, c) < 0) {
            (void)error_set(&l->why, TEXT_NO_MEMORY);
            finish(l, LOOKUP_INCOMPLETE);
        } else {
            store_do(l->flow->store, pin_run, pin_done, l);
        }
        return;
    }
    if (contact_get(store_reader(l->flow->store), l->address, &l->found) == 0)
        stays = !gone && !(l->found.expiry_s > 0 && l->found.expiry_s < now);
    if (other != NULL) {
        l->noted = true;
        memcpy(l->other, other->id.fpr, FPR_LEN);
    }
    if (!stays)
        l->result = LOOKUP_UNDECIDED;
    if (gone || l->found.pubkey.p != NULL)
        say_held(&l->why, l->address, gone, want, other == NULL ? NULL : other->id.fpr);
    else
        say_absent(l, want, other);
    if (gone || other != NULL)
        store_do(l->flow->store, pin_run, pin_done, l);
    else if (l->found.pubkey.p != NULL && l->listed <= CANDIDATES_MAX)
        none(l);
    else
        finish(l, LOOKUP_UNDECIDED);
}

static void decide(struct job *job)
{
    struct lookup *l = (struct lookup *)job;
    uint8_t want[FPR_LEN];
    l->result = LOOKUP_FOUND;
    drop_revoked(l);
    if (l->accept)
        decide_accept(l);
    else if (wanted(l, want))
        decide_chosen(l, want);
    else
        decide_free(l);
}

static void check(struct job *job, void *thread_ctx)
{
    struct lookup *l = (struct lookup *)job;
    struct error e;
    for (size_t i = 0; i < l->count; i++) {
        struct candidate *c = &l->c[i];
        c->good = verify_identity(c->value.p, c->value.n, l->flow->c.network, l->address,
                                  clock_wall_ms() / 1000, &c->id, &e) == 0;
        c->revokes = !c->good && verify_revocation(c->value.p, c->value.n, l->flow->c.network,
                                                   l->address, c->id.fpr, NULL) == 0;
        if (!c->good && !c->revokes)
            log_info("a record at %s is not an identity: %s", l->key, e.text);
    }
}

static void on_value(void *ctx, bool ok, const struct dht_value *v)
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
        finish(l, LOOKUP_INCOMPLETE);
        return;
    }
    flow_job(l->flow->pgp, &l->job, check, decide, true);
}

static void on_list(void *ctx, bool ok, const uint8_t *ids, size_t n)
{
    struct lookup *l = ctx;
    if (!ok || dht_link_state(l->flow->dht) != DHT_CONNECTED) {
        (void)error_set(&l->why, TEXT_KEY_OFFLINE, offline_words(offline_why(l->flow)), l->address);
        finish(l, LOOKUP_INCOMPLETE);
        return;
    }
    l->listed = n;
    uint8_t part[CANDIDATES_MAX * DHT_ID_LEN];
    n = candidates_part(ids, n, CANDIDATES_MAX, part);
    dht_get(l->flow->dht, l->key, part, n, on_value, l);
}

/* Answers from the key cache alone; false when the DHT must be asked. */
static bool cached(struct flow *f, const char *address, enum lookup_result *result,
                   struct error *why, bool *recheck)
{
    struct contact c;
    if (contact_get(store_reader(f->store), address, &c) < 0)
        return false;
    *result = c.held ? LOOKUP_UNDECIDED : LOOKUP_FOUND;
    *recheck = clock_wall_ms() - c.checked_ms > f->c.reput;
    if (c.held)
        say_held(why, address, c.revoked, c.fpr, c.changed ? c.changed_fpr : NULL);
    else
        warm(f, &c);
    contact_free(&c);
    return true;
}

static struct lookup *find_key(struct flow *f, const char *address, bool calm, lookup_fn *fn,
                               void *ctx)
{
    enum lookup_result result;
    struct error why = {""};
    bool recheck = false;
    if (cached(f, address, &result, &why, &recheck)) {
        fn(ctx, result, result == LOOKUP_FOUND ? NULL : why.text);
        if (!recheck)
            return NULL;
        fn = NULL; /* look again, for the next time */
    }
    struct lookup *l = calloc(1, sizeof *l);
    if (l == NULL) {
        if (fn != NULL)
            fn(ctx, LOOKUP_INCOMPLETE, TEXT_NO_MEMORY);
        return NULL;
    }
    l->flow = f;
    l->fn = fn;
    l->ctx = ctx;
    l->calm = calm;
    (void)strcpy(l->address, address);
    (void)dht_key(l->key, "key:", address);
    dht_list(f->dht, l->key, on_list, l);
    return fn == NULL ? NULL : l;
}

struct lookup *lookup_key(struct flow *f, const char *address, lookup_fn *fn, void *ctx)
{
    return find_key(f, address, false, fn, ctx);
}

struct lookup *lookup_key_calmly(struct flow *f, const char *address, lookup_fn *fn, void *ctx)
{
    return find_key(f, address, true, fn, ctx);
}

void lookup_accept(struct flow *f, const char *address, const uint8_t fpr[FPR_LEN], lookup_fn *fn,
                   void *ctx)
{
    struct lookup *l = calloc(1, sizeof *l);
    if (l == NULL) {
        fn(ctx, LOOKUP_INCOMPLETE, TEXT_NO_MEMORY);
        return;
    }
    l->flow = f;
    l->fn = fn;
    l->ctx = ctx;
    l->accept = true;
    memcpy(l->fpr, fpr, FPR_LEN);
    (void)strcpy(l->address, address);
    (void)dht_key(l->key, "key:", address);
    if (contact_quarantined_key(store_reader(f->store), address, fpr, &l->found.pubkey) == 0) {
        (void)strcpy(l->found.address, address);
        memcpy(l->found.fpr, fpr, FPR_LEN);
        l->found.trust = TRUST_SEEN;
        l->found.shards = 1;
        l->result = LOOKUP_FOUND;
        store_do(f->store, pin_run, pin_done, l);
    } else {
        dht_list(f->dht, l->key, on_list, l);
    }
}

void lookup_cancel(struct lookup *l)
{
    l->fn = NULL;
}
