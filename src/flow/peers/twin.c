/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twin.c - see twin.h. Every sequence number is committed before it is posted: a plain restart,
 * also after kill -9, finds nothing newer than its store. */
#include "flow/peers/twin.h"
#include "base/clock.h"
#include "base/log.h"
#include "flow/peers/verify.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "twin"
#define CANDIDATES_MAX 16 /* records looked at under each key */

struct twin_looking {
    struct job job;
    struct flow *flow;
    char key[2][DHT_KEY_MAX + 1]; /* descriptor, identity */
    int at;
    struct bytes value[2][CANDIDATES_MAX];
    size_t count[2];
    struct descriptor newest;
    bool found;
    uint64_t seq;
    uint32_t shards; /* the most that own records have announced */
    void (*done)(void *ctx, enum twin what, uint64_t seq);
    void *ctx;
};

static void finish(struct twin_looking *t, enum twin what)
{
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < t->count[k]; i++)
            bytes_free(&t->value[k][i]);
    t->done(t->ctx, what, t->seq);
    free(t);
}

enum twin twin_compare(const struct descriptor *seen, const uint8_t instance[INSTANCE_LEN],
                       uint64_t posted_seq)
{
    if (seen == NULL || seen->seq <= posted_seq)
        return TWIN_NONE;
    if (memcmp(seen->instance, instance, INSTANCE_LEN) == 0 || seen->endpoint_count == 0)
        return TWIN_RESTORED;
    return TWIN_OTHER;
}

static void check(struct job *job, void *thread_ctx)
{
    struct twin_looking *t = (struct twin_looking *)job;
    const struct flow *f = t->flow;
    struct pgp_pub pub = {f->pubkey.p, f->pubkey.n};
    int64_t now = clock_wall_ms() / 1000;
    struct error e;
    for (size_t i = 0; i < t->count[0]; i++) {
        struct descriptor d;
        if (verify_descriptor(t->value[0][i].p, t->value[0][i].n, f->c.network, f->c.address, &pub,
                              f->fpr, now, &d, &e) < 0)
            continue;
        if (!t->found || d.seq > t->newest.seq)
            t->newest = d;
        t->found = true;
        if (d.seq > t->seq)
            t->seq = d.seq;
    }
    for (size_t i = 0; i < t->count[1]; i++) {
        struct verified_identity id;
        if (verify_identity(t->value[1][i].p, t->value[1][i].n, f->c.network, f->c.address, now,
                            &id, &e) < 0)
            continue;
        if (memcmp(id.fpr, f->fpr, FPR_LEN) == 0 && id.r.seq > t->seq)
            t->seq = id.r.seq;
        if (memcmp(id.fpr, f->fpr, FPR_LEN) == 0 && id.r.shards > t->shards)
            t->shards = id.r.shards;
        verified_identity_free(&id);
    }
}

static void checked(struct job *job)
{
    struct twin_looking *t = (struct twin_looking *)job;
    struct flow *f = t->flow;
    if (f->stopping) {
        finish(t, TWIN_UNKNOWN);
        return;
    }
    if (t->shards > f->shards)
        f->shards = t->shards;
    uint64_t posted = 0;
    (void)meta_get(store_reader(f->store), "seq", &posted, sizeof posted);
    finish(t, twin_compare(t->found ? &t->newest : NULL, f->instance, posted));
}

static void list(struct twin_looking *t);

static void on_value(void *ctx, bool ok, const struct dht_value *v)
{
    struct twin_looking *t = ctx;
    if (v != NULL) {
        size_t *n = &t->count[t->at];
        if (*n < CANDIDATES_MAX && v->len <= RECORD_MAX &&
            bytes_set(&t->value[t->at][*n], v->data, v->len) == 0)
            (*n)++;
    } else if (!ok || t->flow->stopping) {
        finish(t, TWIN_UNKNOWN);
    } else if (++t->at < 2) {
        list(t);
    } else {
        flow_job(t->flow->pgp, &t->job, check, checked, true);
    }
}

static void on_list(void *ctx, bool ok, const uint8_t *ids, size_t n)
{
    struct twin_looking *t = ctx;
    if (!ok || t->flow->stopping)
        finish(t, TWIN_UNKNOWN);
    else if (n == 0)
        on_value(t, true, NULL);
    else
        dht_get(t->flow->dht, t->key[t->at], ids, n < CANDIDATES_MAX ? n : CANDIDATES_MAX, on_value,
                t);
}

static void list(struct twin_looking *t)
{
    dht_list(t->flow->dht, t->key[t->at], on_list, t);
}

int twin_look(struct flow *f, void (*done)(void *ctx, enum twin what, uint64_t seq), void *ctx)
{
    struct twin_looking *t = calloc(1, sizeof *t);
    if (t == NULL)
        return -1;
    t->flow = f;
    t->done = done;
    t->ctx = ctx;
    (void)dht_key(t->key[0], "", f->c.address);
    (void)dht_key(t->key[1], "key:", f->c.address);
    list(t);
    return 0;
}
