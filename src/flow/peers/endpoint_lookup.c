/* SPDX-License-Identifier: GPL-3.0-or-later */
/* endpoint_lookup.c - see endpoint_lookup.h. */
#include "flow/peers/endpoint_lookup.h"
#include "base/mem.h"
#include "base/texts.h"
#include "base/clock.h"
#include "base/log.h"
#include "flow/peers/candidates.h"
#include "flow/peers/offline.h"
#include "flow/peers/verify.h"
#include "pgp/pgp.h"
#include "base/jobs.h"
#include "dht/dht.h"
#include "flow/core/job.h"
#include "flow/core/trusted_clock.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "endpoint"
#define KEEP_MS 30000
#define SERVED_MS 300000
#define REMEMBERED 64
#define LOOK_AT 16 /* records */

struct endpoint_memory {
    char address[ADDRESS_MAX + 1];
    uint8_t fpr[FPR_LEN]; /* two keys may claim one address */
    struct endpoint ep[ENDPOINTS_MAX];
    size_t count;
    int64_t until_ms;
    struct endpoint served; /* gave octets, until then: */
    int64_t served_until_ms;
};

struct endpoint_lookup {
    struct endpoint_memory memory[REMEMBERED];
};

struct endpoint_finding {
    struct job job;
    struct services *services;
    char address[ADDRESS_MAX + 1];
    struct bytes pubkey;
    struct candidates c;
    uint8_t fpr[FPR_LEN];
    endpoint_lookup_fn *fn;
    void *ctx;
    struct descriptor best;
    bool found;
};

/* NULL: nothing is remembered. */
static struct endpoint_memory *slot_of(const struct services *sv, const char *address)
{
    struct endpoint_lookup *l = module_state(sv, &endpoint_lookup_module);
    uint32_t h = 5381;
    for (const char *c = address; *c != '\0'; c++)
        h = h * 33 + (unsigned char)*c;
    return l == NULL ? NULL : &l->memory[h % REMEMBERED];
}

static bool is_of(const struct endpoint_memory *m, const char *address, const uint8_t fpr[FPR_LEN])
{
    return strcmp(m->address, address) == 0 && memcmp(m->fpr, fpr, FPR_LEN) == 0;
}

static void take_slot(struct endpoint_memory *m, const char *address, const uint8_t fpr[FPR_LEN])
{
    if (is_of(m, address, fpr))
        return;
    (void)strcpy(m->address, address);
    memcpy(m->fpr, fpr, FPR_LEN);
    m->until_ms = m->served_until_ms = 0;
}

static void endpoint_lookup_finish(struct endpoint_finding *x, const char *why)
{
    x->fn(x->ctx, x->best.endpoints, x->found ? x->best.endpoint_count : 0, why);
    candidates_free(&x->c);
    bytes_free(&x->pubkey);
    free(x);
}

static void endpoint_verify_run(struct job *job, void *thread_ctx)
{
    struct endpoint_finding *x = (struct endpoint_finding *)job;
    struct pgp_pub pub = {x->pubkey.p, x->pubkey.n};
    struct error e;
    for (size_t i = 0; i < x->c.count; i++) {
        struct descriptor d;
        int rc = verify_descriptor(x->c.value[i].p, x->c.value[i].n, x->services->c.network,
                                   x->address, &pub, x->fpr, clock_wall_ms() / 1000, &d, &e);
        if (rc == 0 || rc == -2)
            trusted_clock_witness(x->services, x->fpr, d.seq);
        if (rc < 0) {
            log_debug("a record at %s is not its descriptor: %s", x->address, e.text);
            continue;
        }
        if (!x->found || d.seq > x->best.seq)
            x->best = d;
        x->found = true;
    }
}

static void endpoint_lookup_remember(const struct endpoint_finding *x)
{
    struct endpoint_memory *m = slot_of(x->services, x->address);
    if (m == NULL)
        return;
    take_slot(m, x->address, x->fpr);
    memcpy(m->ep, x->best.endpoints, sizeof m->ep);
    m->count = x->best.endpoint_count;
    m->until_ms = clock_mono_ms() + KEEP_MS;
}

static void endpoint_verify_done(struct job *job)
{
    struct endpoint_finding *x = (struct endpoint_finding *)job;
    struct error why = {""};
    if (x->found && x->best.endpoint_count > 0) {
        endpoint_lookup_remember(x);
    } else if (x->found || x->c.complete) {
        (void)error_set(&why, TEXT_PEER_OFFLINE, x->address);
    } else {
        (void)error_set(&why, TEXT_PEER_LOST, offline_words(offline_why(x->services)), x->address);
    }
    endpoint_lookup_finish(x, why.text);
}

static void endpoint_lookup_fetched(void *ctx)
{
    struct endpoint_finding *x = ctx;
    job_run(x->services->pgp, &x->job, endpoint_verify_run, endpoint_verify_done, true);
}

static void known_already(struct job *job, void *thread_ctx)
{
}

static void endpoint_lookup_remembered(struct job *job)
{
    struct endpoint_finding *x = (struct endpoint_finding *)job;
    endpoint_lookup_finish(x, "");
}

void endpoint_lookup_find(struct services *sv, const char *address, const struct bytes *pubkey,
                          const uint8_t fpr[FPR_LEN], endpoint_lookup_fn *fn, void *ctx)
{
    struct endpoint_finding *x = mem_new(sizeof *x);
    bytes_copy(&x->pubkey, pubkey->p, pubkey->n);
    x->services = sv;
    x->fn = fn;
    x->ctx = ctx;
    memcpy(x->fpr, fpr, FPR_LEN);
    (void)strcpy(x->address, address);
    const struct endpoint_memory *m = slot_of(sv, address);
    if (m != NULL && m->until_ms > clock_mono_ms() && is_of(m, address, fpr)) {
        memcpy(x->best.endpoints, m->ep, sizeof m->ep);
        x->best.endpoint_count = m->count;
        x->found = true;
        job_run(sv->pgp, &x->job, known_already, endpoint_lookup_remembered, true);
        return;
    }
    x->c.max = LOOK_AT;
    (void)dht_key(x->c.key, "", address);
    candidates_fetch(&x->c, sv, endpoint_lookup_fetched, x);
}

void endpoint_lookup_forget(struct services *sv, const char *address)
{
    struct endpoint_memory *m = slot_of(sv, address);
    if (m != NULL && strcmp(m->address, address) == 0)
        m->until_ms = m->served_until_ms = 0;
}

void endpoint_lookup_served(struct services *sv, const char *address, const uint8_t fpr[FPR_LEN],
                            const struct endpoint *ep)
{
    struct endpoint_memory *m = slot_of(sv, address);
    if (m == NULL)
        return;
    take_slot(m, address, fpr);
    m->served = *ep;
    m->served_until_ms = clock_mono_ms() + SERVED_MS;
}

bool endpoint_lookup_last(const struct services *sv, const char *address,
                          const uint8_t fpr[FPR_LEN], struct endpoint *ep)
{
    const struct endpoint_memory *m = slot_of(sv, address);
    if (m == NULL || m->served_until_ms <= clock_mono_ms() || !is_of(m, address, fpr))
        return false;
    *ep = m->served;
    return true;
}

static int endpoint_lookup_start(struct services *sv, struct error *e)
{
    (void)module_new(sv, &endpoint_lookup_module, sizeof(struct endpoint_lookup));
    return 0;
}

const struct module endpoint_lookup_module = {.start = endpoint_lookup_start};
