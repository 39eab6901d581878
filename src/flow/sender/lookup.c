/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lookup.c - see lookup.h. */
#include "flow/sender/lookup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/texts.h"
#include "flow/steps.h"
#include "flow/timer.h"
#include "flow/peers/verify.h"
#include "store/contacts.h"
#include "store/groups.h"
#include "store/outgoing.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "lookup"
#define CANDIDATES_MAX 64          /* records looked at for one address */
#define AGAIN_MS 1000              /* "unknown" is said after two looks */
#define AGAIN_RETRIES 4            /* times retry: the same, where nobody waits for the answer */
#define RECHECK_MS (3600 * 1000LL) /* a pinned key's record is looked at again after this */

struct candidate {
    struct bytes value;
    struct verified_identity id;
    bool good;
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
    if (l->accept)
        return contact_replace(db, &l->found);
    if (l->result == LOOKUP_FOUND)
        return contact_pin(db, &l->found);
    return contact_set_changed(db, l->address, l->found.fpr);
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

static void explain_changed(struct lookup *l)
{
    (void)error_set(&l->why, TEXT_KEY_CHANGED, l->address);
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
 * and both fingerprints are shown. want NULL: none is chosen yet. */
static void undecided(struct lookup *l, const uint8_t *want)
{
    char one[2 * FPR_LEN + 1] = "", two[2 * FPR_LEN + 1] = "";
    for (size_t i = 0; i < l->count; i++) {
        const struct candidate *c = &l->c[i];
        if (!c->good)
            continue;
        if (one[0] == '\0')
            hex_encode(c->id.fpr, FPR_LEN, one);
        else if (two[0] == '\0') {
            hex_encode(c->id.fpr, FPR_LEN, two);
            if (strcmp(one, two) == 0)
                two[0] = '\0';
        }
    }
    if (want == NULL) {
        (void)error_set(&l->why, TEXT_KEY_SEVERAL, l->address, one, two);
    } else {
        hex_encode(want, FPR_LEN, two);
        (void)error_set(&l->why, TEXT_KEY_NOT_THIS, l->address, two, one);
    }
    finish(l, LOOKUP_UNDECIDED);
}

static void decide(struct job *job)
{
    struct lookup *l = (struct lookup *)job;
    struct contact pinned;
    uint8_t want[FPR_LEN];
    bool several;
    if (l->accept) {
        decide_accept(l);
        return;
    }
    bool have = contact_get(store_reader(l->flow->store), l->address, &pinned) == 0;
    bool chosen = wanted(l, want);
    const struct candidate *c = best_of(l, chosen ? want : NULL, &several);
    if (have)
        contact_free(&pinned);
    l->result = LOOKUP_FOUND;
    if (c == NULL && have && (c = best_of(l, NULL, &several)) != NULL) {
        explain_changed(l);
        l->result = LOOKUP_REFUSED;
        several = false;
    }
    if (several || (c == NULL && best_of(l, NULL, &several) != NULL)) {
        undecided(l, chosen ? want : NULL);
    } else if (c == NULL) {
        none(l);
    } else if (take(l, c) < 0) {
        (void)error_set(&l->why, TEXT_NO_MEMORY);
        finish(l, LOOKUP_INCOMPLETE);
    } else {
        store_do(l->flow->store, pin_run, pin_done, l);
    }
}

static void check(struct job *job, void *thread_ctx)
{
    struct lookup *l = (struct lookup *)job;
    struct error e;
    for (size_t i = 0; i < l->count; i++) {
        struct candidate *c = &l->c[i];
        c->good = verify_identity(c->value.p, c->value.n, l->flow->c.network, l->address,
                                  clock_wall_ms() / 1000, &c->id, &e) == 0;
        if (!c->good)
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
        (void)error_set(&l->why, TEXT_KEY_OFFLINE, l->address);
        finish(l, LOOKUP_INCOMPLETE);
        return;
    }
    l->listed = n;
    dht_get(l->flow->dht, l->key, ids, n < CANDIDATES_MAX ? n : CANDIDATES_MAX, on_value, l);
}

/* Answers from the key cache alone; false when the DHT must be asked. */
static bool cached(struct flow *f, const char *address, enum lookup_result *result,
                   struct error *why, bool *recheck)
{
    struct contact c;
    if (contact_get(store_reader(f->store), address, &c) < 0)
        return false;
    struct lookup l;
    (void)strcpy(l.address, address);
    *result = c.changed ? LOOKUP_REFUSED : LOOKUP_FOUND;
    *recheck = clock_wall_ms() - c.checked_ms > RECHECK_MS;
    if (c.changed) {
        explain_changed(&l);
        *why = l.why;
    } else {
        warm(f, &c);
    }
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

/* ---- the user names a fingerprint */

struct verifying {
    struct flow *flow;
    char address[ADDRESS_MAX + 1];
    uint8_t fpr[FPR_LEN];
    bool known;
    lookup_verify_fn *fn;
    void *ctx;
};

static int verify_run(struct db *db, void *arg)
{
    struct verifying *v = arg;
    struct contact c;
    if (contact_verify(db, v->address, v->fpr) < 0)
        return -1;
    v->known = contact_get(db, v->address, &c) == 0;
    if (v->known)
        contact_free(&c);
    return 0;
}

static void nothing(void *ctx, enum lookup_result result, const char *why)
{
}

static void verify_done(void *arg, int rc)
{
    struct verifying *v = arg;
    struct error why = {""};
    if (rc != 0)
        (void)error_set(&why, TEXT_KEY_STORE, v->address);
    if (rc == 0 && !v->flow->stopping) {
        if (!v->known)
            (void)lookup_key(v->flow, v->address, nothing, NULL);
        flow_kick(v->flow);
    }
    v->fn(v->ctx, v->known, rc == 0 ? NULL : why.text);
    free(v);
}

void lookup_verify(struct flow *f, const char *address, const uint8_t fpr[FPR_LEN],
                   lookup_verify_fn *fn, void *ctx)
{
    struct verifying *v = calloc(1, sizeof *v);
    if (v == NULL) {
        fn(ctx, false, TEXT_NO_MEMORY);
        return;
    }
    v->flow = f;
    v->fn = fn;
    v->ctx = ctx;
    memcpy(v->fpr, fpr, FPR_LEN);
    (void)strcpy(v->address, address);
    store_do(f->store, verify_run, verify_done, v);
}

/* ---- the step: receivers whose key was not known at submission */

struct pending {
    struct work *w;
    struct out_receiver r;
    char why[320];
    bool failed, undecided;
};

static int pending_run(struct db *db, void *arg)
{
    struct pending *p = arg;
    if (p->failed)
        return rcv_end(db, p->r.n, RCV_FAILED, false, p->why) < 0 ? -1 : 0;
    if (p->undecided)
        return rcv_set_why(db, p->r.n, p->why);
    return rcv_set_ready(db, p->r.n);
}

static void pending_done(void *arg, int rc)
{
    struct pending *p = arg;
    out_receiver_free(&p->r);
    if (rc != 0 || p->undecided)
        work_retry(p->w, NULL);
    else
        work_end(p->w);
    free(p);
}

static void on_key(void *ctx, enum lookup_result result, const char *why)
{
    struct pending *p = ctx;
    const struct flow *f = p->w->flow;
    bool over = clock_wall_ms() - p->r.changed_ms > f->c.give_up;
    bool undecided = result == LOOKUP_UNDECIDED;
    /* as RCPT would have been answered, had this peer been connected (P-10.10) */
    p->failed = result == LOOKUP_REFUSED || result == LOOKUP_NONE || (over && undecided);
    p->undecided = undecided && !p->failed;
    if (result == LOOKUP_FOUND || p->failed || undecided) {
        (void)strncpy(p->why, why != NULL ? why : "", sizeof p->why - 1);
        store_do(f->store, pending_run, pending_done, p);
        return;
    }
    out_receiver_free(&p->r);
    work_retry(p->w, NULL);
    free(p);
}

void step_lookup(struct work *w)
{
    struct pending *p = calloc(1, sizeof *p);
    if (p == NULL || rcv_get(store_reader(w->flow->store), w->n, &p->r) < 0) {
        free(p);
        work_retry(w, "A row of the database cannot be read.");
        return;
    }
    p->w = w;
    (void)find_key(w->flow, p->r.address, true, on_key, p);
}
