/* SPDX-License-Identifier: GPL-3.0-or-later */
/* own_records.c - see own_records.h. Sequence number and what was put last are committed before the
 * put: a restart never goes back. */
#include "flow/peers/own_records.h"
#include "base/clock.h"
#include "flow/peers/standing.h"
#include "store/groups.h"
#include "pgp/pgp.h"
#include "net/http_server.h"
#include "base/jobs.h"
#include "base/mem.h"
#include "dht/dht.h"
#include "flow/core/job.h"
#include "flow/core/sign.h"
#include "proto/entry.h"
#include <stdlib.h>
#include <string.h>

#define IDENTITY_S (90LL * 86400)
#define DESCRIPTOR_S 86400LL

enum record_kind { IDENTITY, DESCRIPTOR, KINDS };

struct records_posting {
    struct job job;
    struct services *services;
    bool withdraw;
    bool has_master; /* in an accepted group */
    uint8_t master_fpr[FPR_LEN];
    uint64_t seq;
    char key[KINDS][DHT_KEY_MAX + 1];
    struct buf value[KINDS];
    int64_t expiry[KINDS];
    uint8_t hash[KINDS][HASH_LEN], old[KINDS][HASH_LEN];
    bool has_old[KINDS], ok;
    enum record_kind at;
    int rc;
    struct error why;
    own_records_fn *done;
    void *ctx;
};

static const char *const meta_name[KINDS] = {"identity_hash", "descriptor_hash"};

static void own_records_finish(struct records_posting *p, bool ok)
{
    p->done(p->ctx, ok, p->why.text);
    buf_free(&p->value[IDENTITY]);
    buf_free(&p->value[DESCRIPTOR]);
    free(p);
}

static void next(struct records_posting *p);

static void own_records_on_old_gone(void *ctx, enum dht_result r, const char *why)
{
    struct records_posting *p = ctx;
    p->at++;
    next(p);
}

static void own_records_on_put(void *ctx, enum dht_result r, const char *why)
{
    struct records_posting *p = ctx;
    struct entry_binding old;
    if (r != DHT_OK) {
        (void)error_set(&p->why, "%s", why);
        own_records_finish(p, false);
    } else if (p->has_old[p->at] && memcmp(p->old[p->at], p->hash[p->at], HASH_LEN) != 0) {
        own_bind(p->services, p->key[p->at], p->old[p->at], &old);
        dht_del(p->services->dht, p->key[p->at], p->old[p->at], old.token, own_records_on_old_gone,
                p);
        wipe(&old, sizeof old);
    } else {
        own_records_on_old_gone(p, DHT_OK, NULL);
    }
}

static void next(struct records_posting *p)
{
    if (p->withdraw && p->at == IDENTITY)
        p->at = DESCRIPTOR; /* the identity stays */
    if (p->at == KINDS) {
        own_records_finish(p, dht_link_state(p->services->dht) == DHT_CONNECTED);
        return;
    }
    struct entry_binding b;
    own_bind(p->services, p->key[p->at], p->hash[p->at], &b);
    int64_t now = clock_wall_ms() / 1000;
    int64_t until = p->expiry[p->at] < now + DHT_LIFE_MAX ? p->expiry[p->at] : now + DHT_LIFE_MAX;
    dht_put(p->services->dht, p->key[p->at], p->value[p->at].data, p->value[p->at].len, until,
            b.lock, own_records_on_put, p);
    wipe(&b, sizeof b);
}

static int own_records_commit_run(struct db *db, void *arg)
{
    struct records_posting *p = arg;
    for (int k = p->withdraw ? DESCRIPTOR : IDENTITY; k < KINDS; k++) {
        p->has_old[k] = meta_get(db, meta_name[k], p->old[k], HASH_LEN) == 0;
        if (meta_set(db, meta_name[k], p->hash[k], HASH_LEN) < 0)
            return -1;
    }
    return meta_set(db, "seq", &p->seq, sizeof p->seq);
}

static void own_records_commit_done(void *arg, int rc)
{
    struct records_posting *p = arg;
    if (rc != 0) {
        (void)store_refused(&p->why, "a sequence number");
        own_records_finish(p, false);
        return;
    }
    if (!p->withdraw)
        http_server_set_pubkey(p->services->server, p->value[IDENTITY].data,
                               p->value[IDENTITY].len);
    next(p);
}

static int own_records_encode(struct records_posting *p, struct pgp *pgp, enum record_kind kind)
{
    const struct services *sv = p->services;
    struct buf payload = BUF_INIT(RECORD_MAX);
    struct record_place at = {sv->c.network, p->key[kind]};
    int rc;
    if (kind == IDENTITY) {
        struct identity r = {.pubkey = {sv->pubkey.p, sv->pubkey.n},
                             .shards = standing_of(sv)->shards,
                             .ocb = true,
                             .seq = p->seq,
                             .expiry = p->expiry[kind],
                             .has_master = p->has_master};
        memcpy(r.master_fpr, p->master_fpr, FPR_LEN);
        (void)strcpy(r.address, sv->c.address);
        rc = identity_encode(&r, &at, &payload);
    } else {
        struct descriptor r = {.seq = p->seq, .expiry = p->expiry[kind]};
        (void)strcpy(r.address, sv->c.address);
        memcpy(r.fpr, sv->fpr, FPR_LEN);
        memcpy(r.instance, sv->instance, INSTANCE_LEN);
        for (size_t i = 0; !p->withdraw && i < sv->c.endpoint_count && i < ENDPOINTS_MAX; i++)
            r.endpoints[r.endpoint_count++] = sv->c.endpoints[i];
        rc = descriptor_encode(&r, &at, &payload);
    }
    if (rc < 0)
        (void)error_set(&p->why, "An own record cannot be written.");
    else
        rc = sign_record(pgp, &payload, &p->value[kind], &p->why);
    buf_free(&payload);
    sha256(p->value[kind].data, p->value[kind].len, p->hash[kind]);
    return rc;
}

static void own_records_sign_run(struct job *job, void *thread_ctx)
{
    struct records_posting *p = (struct records_posting *)job;
    p->rc = own_records_encode(p, thread_ctx, IDENTITY);
    if (p->rc == 0)
        p->rc = own_records_encode(p, thread_ctx, DESCRIPTOR);
}

static void own_records_sign_done(struct job *job)
{
    struct records_posting *p = (struct records_posting *)job;
    if (p->rc != 0)
        own_records_finish(p, false);
    else
        store_do(p->services->store, own_records_commit_run, own_records_commit_done, p);
}

void own_records_post(struct services *sv, bool withdraw, uint64_t seen, own_records_fn *done,
                      void *ctx)
{
    struct records_posting *p = mem_new(sizeof *p);
    uint64_t seq = 0;
    int64_t now = clock_wall_ms();
    (void)meta_get(store_reader(sv->store), "seq", &seq, sizeof seq);
    if (seen > seq)
        seq = seen;
    if (seq > (uint64_t)now + SEQ_AHEAD_MS) /* by a clock that was wrong: nobody accepted it */
        seq = 0;
    p->seq = seq + 1 > (uint64_t)now ? seq + 1 : (uint64_t)now;
    p->services = sv;
    p->has_master = group_own_master(store_reader(sv->store), p->master_fpr);
    p->withdraw = withdraw;
    p->done = done;
    p->ctx = ctx;
    p->expiry[IDENTITY] = now / 1000 + IDENTITY_S - 60;
    p->expiry[DESCRIPTOR] = now / 1000 + DESCRIPTOR_S;
    p->value[IDENTITY] = (struct buf)BUF_INIT(RECORD_MAX);
    p->value[DESCRIPTOR] = (struct buf)BUF_INIT(RECORD_MAX);
    (void)dht_key(p->key[IDENTITY], "key:", sv->c.address);
    (void)dht_key(p->key[DESCRIPTOR], "", sv->c.address);
    job_run(sv->pgp, &p->job, own_records_sign_run, own_records_sign_done, true);
}
