/* SPDX-License-Identifier: GPL-3.0-or-later */
/* member_find.c - a member of some group is known by address and fingerprint only; its key, without
 * which its descriptor cannot be believed, is looked for here. Nothing is pinned by it. */
#include "base/clock.h"
#include "flow/group/replicas.h"
#include "flow/peers/sources.h"
#include "flow/peers/verify.h"
#include "flow/peers/whereabouts.h"
#include "store/contacts.h"
#include <stdlib.h>
#include <string.h>

#define CANDIDATES_MAX 16

struct finding {
    struct job job;
    struct flow *flow;
    char address[ADDRESS_MAX + 1], key[DHT_KEY_MAX + 1];
    uint8_t fpr[FPR_LEN];
    struct bytes value[CANDIDATES_MAX], pubkey;
    size_t count;
    whereabouts_fn *fn;
    void *ctx;
};

static void finding_free(struct finding *x)
{
    for (size_t i = 0; i < x->count; i++)
        bytes_free(&x->value[i]);
    bytes_free(&x->pubkey);
    free(x);
}

static void check_run(struct job *job, void *thread_ctx)
{
    struct finding *x = (struct finding *)job;
    struct error e;
    for (size_t i = 0; i < x->count && x->pubkey.p == NULL; i++) {
        struct verified_identity v;
        if (verify_identity(x->value[i].p, x->value[i].n, x->flow->c.network, x->address,
                            clock_wall_ms() / 1000, &v, &e) < 0)
            continue;
        if (memcmp(v.fpr, x->fpr, FPR_LEN) == 0)
            (void)bytes_set(&x->pubkey, v.pubkey.p, v.pubkey.n);
        verified_identity_free(&v);
    }
}

static void check_done(struct job *job)
{
    struct finding *x = (struct finding *)job;
    struct error why;
    if (x->pubkey.p != NULL) {
        whereabouts_find(x->flow, x->address, &x->pubkey, x->fpr, x->fn, x->ctx);
    } else {
        struct endpoint none[1] = {{0}};
        (void)error_set(&why, "The key of %s was not found.", x->address);
        x->fn(x->ctx, none, 0, why.text);
    }
    finding_free(x);
}

static void on_value(void *ctx, bool ok, const struct dht_value *v)
{
    struct finding *x = ctx;
    if (v == NULL)
        flow_job(x->flow->pgp, &x->job, check_run, check_done, true);
    else if (x->count < CANDIDATES_MAX && v->len <= RECORD_MAX &&
             bytes_set(&x->value[x->count], v->data, v->len) == 0)
        x->count++;
}

static void on_list(void *ctx, bool ok, const uint8_t *ids, size_t n)
{
    struct finding *x = ctx;
    if (ok && n > 0)
        dht_get(x->flow->dht, x->key, ids, n < CANDIDATES_MAX ? n : CANDIDATES_MAX, on_value, x);
    else
        flow_job(x->flow->pgp, &x->job, check_run, check_done, true);
}

void member_find(struct flow *f, const char *address, const uint8_t fpr[FPR_LEN],
                 void (*fn)(void *ctx, const struct endpoint *ep, size_t count, const char *why),
                 void *ctx)
{
    struct group_fellow m;
    struct contact c;
    if (fellow_get(f, address, &m) == 0) {
        bool same = memcmp(m.fpr, fpr, FPR_LEN) == 0;
        if (same)
            whereabouts_find(f, address, &m.pubkey, fpr, fn, ctx);
        bytes_free(&m.pubkey);
        if (same)
            return;
    }
    if (contact_get(store_reader(f->store), address, &c) == 0) {
        bool same = memcmp(c.fpr, fpr, FPR_LEN) == 0;
        if (same)
            whereabouts_find(f, address, &c.pubkey, fpr, fn, ctx);
        contact_free(&c);
        if (same)
            return;
    }
    struct finding *x = calloc(1, sizeof *x);
    if (x == NULL)
        abort();
    x->flow = f;
    x->fn = fn;
    x->ctx = ctx;
    (void)strcpy(x->address, address);
    memcpy(x->fpr, fpr, FPR_LEN);
    (void)dht_key(x->key, "key:", address);
    dht_list(f->dht, x->key, on_list, x);
}
