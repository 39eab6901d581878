/* SPDX-License-Identifier: GPL-3.0-or-later */
/* identity.c - see identity.h. */
#include "flow/peers/identity.h"
#include "base/clock.h"
#include "base/log.h"
#include "flow/peers/candidates.h"
#include "flow/peers/revocation.h"
#include "store/revoked.h"
#include "base/jobs.h"
#include "base/mem.h"
#include "dht/dht.h"
#include "flow/core/job.h"
#include "flow/core/trusted_clock.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "identity"
#define LOOK_AT CANDIDATES_MAX /* records */

struct identity_finding {
    struct job job;
    struct services *services;
    char address[ADDRESS_MAX + 1];
    uint8_t fpr[FPR_LEN];
    struct candidates c;
    size_t best_at;
    bool keep;
    struct verified_identity best;
    bool found;
    const struct bytes *revocation; /* of the key that is looked for */
    identity_fn *fn;
    void *ctx;
};

static void identity_verify_run(struct job *job, void *thread_ctx)
{
    struct identity_finding *x = (struct identity_finding *)job;
    struct error e;
    uint8_t fpr[FPR_LEN];
    for (size_t i = 0; i < x->c.count; i++) {
        struct verified_identity v;
        int rc = verify_identity(x->c.value[i].p, x->c.value[i].n, x->services->c.network,
                                 x->address, clock_wall_ms() / 1000, &v, &e);
        if (rc == 0 || rc == -2)
            trusted_clock_witness(x->services, v.fpr, v.r.seq);
        if (rc < 0) {
            if (verify_revocation(x->c.value[i].p, x->c.value[i].n, x->services->c.network,
                                  x->address, fpr, NULL) == 0 &&
                memcmp(fpr, x->fpr, FPR_LEN) == 0)
                x->revocation = &x->c.value[i];
            else
                log_debug("a record at %s is not an identity: %s", x->c.key, e.text);
        } else if (memcmp(v.fpr, x->fpr, FPR_LEN) == 0 && (!x->found || v.r.seq > x->best.r.seq)) {
            verified_identity_free(&x->best);
            x->best = v;
            x->best_at = i;
            x->found = true;
        } else {
            verified_identity_free(&v);
        }
    }
}

static void on_kept(void *ctx, enum dht_result r, const char *why)
{
    if (r != DHT_OK)
        log_debug("the identity of a member is not put again: %s", why);
}

static void identity_put_again(const struct identity_finding *x)
{
    int64_t until = clock_wall_ms() / 1000 + DHT_LIFE_MAX;
    const struct bytes *v = &x->c.value[x->best_at];
    dht_put(x->services->dht, x->c.key, v->p, v->n,
            until < x->best.r.expiry ? until : x->best.r.expiry, x->c.lock[x->best_at], on_kept,
            NULL);
}

static void identity_verify_done(struct job *job)
{
    struct identity_finding *x = (struct identity_finding *)job;
    struct error why = {""};
    bool known = revoked_known(store_reader(x->services->store), x->fpr);
    if (x->revocation != NULL && !known && !x->services->stopping)
        revocation_keep(x->services, x->address, x->fpr, x->revocation);
    if (x->revocation != NULL || known)
        x->found = false;
    if (!x->found)
        (void)error_set(&why,
                        x->c.complete ? "The key of %s that its group states is not announced."
                                      : "The look-up of %s did not complete.",
                        x->address);
    if (x->found && x->keep && !x->services->stopping)
        identity_put_again(x);
    x->fn(x->ctx, x->found ? &x->best : NULL, why.text);
    candidates_free(&x->c);
    verified_identity_free(&x->best);
    free(x);
}

static void identity_fetched(void *ctx)
{
    struct identity_finding *x = ctx;
    job_run(x->services->pgp, &x->job, identity_verify_run, identity_verify_done, true);
}

static void identity_start(struct services *sv, const char *address, const uint8_t fpr[FPR_LEN],
                           bool again, identity_fn *fn, void *ctx)
{
    struct identity_finding *x = mem_new(sizeof *x);
    x->services = sv;
    x->keep = again;
    x->fn = fn;
    x->ctx = ctx;
    memcpy(x->fpr, fpr, FPR_LEN);
    (void)strcpy(x->address, address);
    x->c.max = LOOK_AT;
    (void)dht_key(x->c.key, "key:", address);
    candidates_fetch(&x->c, sv, identity_fetched, x);
}

void identity_find(struct services *sv, const char *address, const uint8_t fpr[FPR_LEN],
                   identity_fn *fn, void *ctx)
{
    identity_start(sv, address, fpr, false, fn, ctx);
}

void identity_keep(struct services *sv, const char *address, const uint8_t fpr[FPR_LEN],
                   identity_fn *fn, void *ctx)
{
    identity_start(sv, address, fpr, true, fn, ctx);
}
