/* SPDX-License-Identifier: GPL-3.0-or-later */
/* instance_conflict.c - see instance_conflict.h. Every sequence number is committed before it is
 * posted: a plain restart, also after kill -9, finds nothing newer than its store. */
#include "flow/peers/instance_conflict.h"
#include "base/clock.h"
#include "base/log.h"
#include "flow/peers/candidates.h"
#include "flow/peers/instance_live.h"
#include "flow/peers/verify.h"
#include "store/revoked.h"
#include "flow/peers/standing.h"
#include "pgp/pgp.h"
#include "base/jobs.h"
#include "base/mem.h"
#include "dht/dht.h"
#include "flow/core/job.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "conflict"
#define LOOK_AT CANDIDATES_MAX /* records under each key */

struct conflict_looking {
    struct job job;
    struct services *services;
    struct candidates descriptors, identities;
    struct descriptor newest;
    bool found;
    enum conflict what;
    uint64_t seq;
    struct rival rival[CANDIDATES_MAX]; /* identities under other keys */
    uint8_t revoked[CANDIDATES_MAX][FPR_LEN];
    size_t rivals, revocations;
    uint32_t shards; /* the most that own records have announced */
    void (*done)(void *ctx, enum conflict what, uint64_t seq);
    void *ctx;
};

static void conflict_finish(struct conflict_looking *t, enum conflict what)
{
    candidates_free(&t->descriptors);
    candidates_free(&t->identities);
    t->done(t->ctx, what, t->seq);
    free(t);
}

enum conflict conflict_compare(const struct descriptor *seen, const uint8_t instance[INSTANCE_LEN],
                               uint64_t posted_seq)
{
    if (seen == NULL || seen->seq <= posted_seq)
        return CONFLICT_NONE;
    if (memcmp(seen->instance, instance, INSTANCE_LEN) == 0 || seen->endpoint_count == 0)
        return CONFLICT_RESTORED;
    return CONFLICT_OTHER;
}

static void conflict_verify_run(struct job *job, void *thread_ctx)
{
    struct conflict_looking *t = (struct conflict_looking *)job;
    const struct services *sv = t->services;
    struct pgp_pub pub = {sv->pubkey.p, sv->pubkey.n};
    int64_t now = clock_wall_ms() / 1000;
    struct error e;
    for (size_t i = 0; i < t->descriptors.count; i++) {
        struct descriptor d;
        if (verify_descriptor(t->descriptors.value[i].p, t->descriptors.value[i].n, sv->c.network,
                              sv->c.address, &pub, sv->fpr, now, &d, &e) < 0)
            continue;
        if (!t->found || d.seq > t->newest.seq)
            t->newest = d;
        t->found = true;
        if (d.seq > t->seq)
            t->seq = d.seq;
    }
    for (size_t i = 0; i < t->identities.count; i++) {
        struct verified_identity id;
        if (verify_identity(t->identities.value[i].p, t->identities.value[i].n, sv->c.network,
                            sv->c.address, now, &id, &e) < 0) {
            t->revocations +=
                verify_revocation(t->identities.value[i].p, t->identities.value[i].n, sv->c.network,
                                  sv->c.address, t->revoked[t->revocations], &e) == 0;
            continue;
        }
        if (memcmp(id.fpr, sv->fpr, FPR_LEN) != 0) {
            struct rival *r = &t->rival[t->rivals++];
            *r = (struct rival){.stands = true, .until_s = id.r.expiry};
            memcpy(r->fpr, id.fpr, FPR_LEN);
        }
        if (memcmp(id.fpr, sv->fpr, FPR_LEN) == 0 && id.r.seq > t->seq)
            t->seq = id.r.seq;
        if (memcmp(id.fpr, sv->fpr, FPR_LEN) == 0 && id.r.shards > t->shards)
            t->shards = id.r.shards;
        verified_identity_free(&id);
    }
}

static void on_live(void *ctx, bool live)
{
    struct conflict_looking *t = ctx;
    conflict_finish(t, t->services->stopping ? CONFLICT_UNKNOWN : live ? CONFLICT_OTHER : t->what);
}

static bool conflict_is_revoked(const struct conflict_looking *t, const uint8_t fpr[FPR_LEN])
{
    for (size_t i = 0; i < t->revocations; i++)
        if (memcmp(t->revoked[i], fpr, FPR_LEN) == 0)
            return true;
    return revoked_known(store_reader(t->services->store), fpr);
}

/* Of several rivals the one that stands longest is told of. */
static void judge_rivals(const struct conflict_looking *t)
{
    struct rival found = {0};
    struct services *sv = t->services;
    char hex[2 * FPR_LEN + 1];
    for (size_t i = 0; i < t->rivals; i++)
        if (t->rival[i].until_s > found.until_s && !conflict_is_revoked(t, t->rival[i].fpr))
            found = t->rival[i];
    if (found.stands && memcmp(found.fpr, standing_of(sv)->rival.fpr, FPR_LEN) != 0) {
        hex_encode(found.fpr, FPR_LEN, hex);
        log_warn("another key is announced for %s: %s. See `restante status`.", sv->c.address, hex);
    } else if (!found.stands && standing_of(sv)->rival.stands && t->identities.complete) {
        log_info("no other key is announced for %s any more", sv->c.address);
    }
    if (found.stands || t->identities.complete)
        standing_own(sv)->rival = found;
    standing_own(sv)->revoked = standing_of(sv)->revoked || conflict_is_revoked(t, sv->fpr);
}

static void conflict_verify_done(struct job *job)
{
    struct conflict_looking *t = (struct conflict_looking *)job;
    struct services *sv = t->services;
    if (sv->stopping) {
        conflict_finish(t, CONFLICT_UNKNOWN);
        return;
    }
    judge_rivals(t);
    if (t->shards > standing_of(sv)->shards)
        standing_own(sv)->shards = t->shards;
    uint64_t posted = 0;
    (void)meta_get(store_reader(sv->store), "seq", &posted, sizeof posted);
    t->what = conflict_compare(t->found ? &t->newest : NULL, sv->instance, posted);
    /* a copy has the same instance and the same numbers until one of the two posts again */
    if (t->what == CONFLICT_OTHER || !t->found || standing_of(sv)->looked ||
        conflict_live(sv, &t->newest, on_live, t) < 0)
        conflict_finish(t, t->what);
}

static void identities_fetched(void *ctx)
{
    struct conflict_looking *t = ctx;
    if (!t->identities.ok || t->services->stopping)
        conflict_finish(t, CONFLICT_UNKNOWN);
    else
        job_run(t->services->pgp, &t->job, conflict_verify_run, conflict_verify_done, true);
}

static void descriptors_fetched(void *ctx)
{
    struct conflict_looking *t = ctx;
    if (!t->descriptors.ok || t->services->stopping)
        conflict_finish(t, CONFLICT_UNKNOWN);
    else
        candidates_fetch(&t->identities, t->services, identities_fetched, t);
}

void conflict_look(struct services *sv, void (*done)(void *ctx, enum conflict what, uint64_t seq),
                   void *ctx)
{
    struct conflict_looking *t = mem_new(sizeof *t);
    t->services = sv;
    t->done = done;
    t->ctx = ctx;
    t->descriptors.max = t->identities.max = LOOK_AT;
    (void)dht_key(t->descriptors.key, "", sv->c.address);
    (void)dht_key(t->identities.key, "key:", sv->c.address);
    candidates_fetch(&t->descriptors, sv, descriptors_fetched, t);
}
