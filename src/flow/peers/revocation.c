/* SPDX-License-Identifier: GPL-3.0-or-later */
/* revocation.c - see revocation.h. */
#include "flow/peers/revocation.h"
#include "base/clock.h"
#include "base/log.h"
#include "flow/peers/verify.h"
#include "flow/core/timer.h"
#include "store/revoked.h"
#include "base/jobs.h"
#include "base/mem.h"
#include "dht/dht.h"
#include "flow/core/job.h"
#include "flow/core/events.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "revocation"
#define FIRST_MS 1000
#define AT_ONCE 200                   /* puts in one turn */
#define KEEP_MS (90LL * 86400 * 1000) /* that of others; no identity of that key lives longer */

struct revocations {
    uv_timer_t *timer;
};

static struct revocations *revocations_of(const struct services *sv)
{
    return module_state(sv, &revocation_module);
}

struct revocation_taking {
    struct job job;
    struct services *services;
    struct bytes record;
    char address[ADDRESS_MAX + 1];
    uint8_t fpr[FPR_LEN];
    bool own_key, own;
    int rc;
    struct error why;
    revocation_fn *fn; /* NULL: it was only met */
    void *ctx;
};

static void revocation_put(struct services *sv, const char *address, const struct bytes *record,
                           dht_done_fn *done, void *ctx)
{
    char key[DHT_KEY_MAX + 1];
    uint8_t lock[HASH_LEN];
    (void)dht_key(key, "key:", address);
    revocation_lock(record->p, record->n, lock);
    dht_put(sv->dht, key, record->p, record->n, clock_wall_ms() / 1000 + DHT_LIFE_MAX, lock, done,
            ctx);
}

/* ---- putting again */

static void revocation_on_again(void *ctx, enum dht_result r, const char *why)
{
    if (r != DHT_OK)
        log_debug("a revocation is not put again: %s", why);
}

static void again(void *ctx, const char *address, const struct bytes *record)
{
    revocation_put(ctx, address, record, revocation_on_again, NULL);
}

static void revocation_on_timer(uv_timer_t *t)
{
    struct services *sv = t->data;
    if (sv->stopping)
        return;
    bool up = dht_link_state(sv->dht) == DHT_CONNECTED;
    if (up)
        revoked_each(store_reader(sv->store), clock_wall_ms() - KEEP_MS, AT_ONCE, again, sv);
    (void)uv_timer_start(t, revocation_on_timer, (uint64_t)(up ? sv->c.reput : sv->c.retry), 0);
}

static int revocation_start(struct services *sv, struct error *e)
{
    struct revocations *r = module_new(sv, &revocation_module, sizeof *r);
    uv_timer_t *t = timer_new(sv, sv);
    r->timer = t;
    return uv_timer_start(t, revocation_on_timer, FIRST_MS, 0);
}

static void revocation_stop(struct services *sv)
{
    if (revocations_of(sv) != NULL)
        timer_free(&revocations_of(sv)->timer);
}

/* ---- a new one */

static void taking_end(struct revocation_taking *t, bool stands)
{
    if (t->fn != NULL)
        t->fn(t->ctx, t->address, t->fpr, stands, t->rc == 0 ? NULL : t->why.text);
    bytes_free(&t->record);
    free(t);
}

static void revocation_on_put(void *ctx, enum dht_result r, const char *why)
{
    struct revocation_taking *t = ctx;
    taking_end(t, r == DHT_OK && dht_link_state(t->services->dht) == DHT_CONNECTED);
}

static int revocation_store_run(struct db *db, void *arg)
{
    const struct revocation_taking *t = arg;
    return revoked_add(db, t->address, t->fpr, &t->record, t->fn != NULL);
}

static void keep_done(void *arg, int rc)
{
    struct revocation_taking *t = arg;
    char hex[2 * FPR_LEN + 1];
    t->rc = rc;
    if (rc != 0) {
        (void)store_refused(&t->why, "the revocation");
        taking_end(t, false);
        return;
    }
    hex_encode(t->fpr, FPR_LEN, hex);
    log_info("the key %s of %s is revoked", hex, t->address);
    if (t->services->stopping) {
        taking_end(t, false);
        return;
    }
    if (t->fn != NULL)
        event_raise(t->services,
                    EVENT_RECORDS_CHANGED); /* it may have been a rival's, or the own key */
    revocation_put(t->services, t->address, &t->record, revocation_on_put, t);
}

/* The address stands inside, and with it the place (P-4.3). */
static void revocation_verify_run(struct job *job, void *thread_ctx)
{
    struct revocation_taking *t = (struct revocation_taking *)job;
    struct span payload, signature;
    char key[DHT_KEY_MAX + 1] = "";
    t->rc = record_unwrap(t->record.p, t->record.n, &payload, &signature, &t->why);
    if (t->rc == 0 && (record_key(payload.p, payload.n, key) < 0 || strncmp(key, "key:", 4) != 0 ||
                       address_parse(key + 4, t->address) < 0))
        t->rc = error_set(&t->why, "It names no address.");
    if (t->rc == 0)
        t->rc = verify_revocation(t->record.p, t->record.n, t->services->c.network, t->address,
                                  t->fpr, &t->why);
}

static void revocation_verify_done(struct job *job)
{
    struct revocation_taking *t = (struct revocation_taking *)job;
    t->own = memcmp(t->fpr, t->services->fpr, FPR_LEN) == 0;
    if (t->rc == 0 && t->own && !t->own_key)
        t->rc =
            error_set(&t->why, "It revokes this peer's own key: if you mean that, give `restante "
                               "key revoke` without a file.");
    if (t->rc != 0)
        taking_end(t, false);
    else
        store_do(t->services->store, revocation_store_run, keep_done, t);
}

int revocation_take(struct services *sv, const uint8_t *record, size_t n, bool own_key,
                    revocation_fn *fn, void *ctx, struct error *e)
{
    struct revocation_taking *t = n > RECORD_MAX ? NULL : mem_new(sizeof *t);
    if (t == NULL || bytes_set(&t->record, record, n) < 0) {
        free(t);
        return error_set(e, n > RECORD_MAX ? "That is no revocation: it is too large."
                                           : "Out of memory.");
    }
    t->services = sv;
    t->own_key = own_key;
    t->fn = fn;
    t->ctx = ctx;
    job_run(sv->pgp, &t->job, revocation_verify_run, revocation_verify_done, true);
    return 0;
}

void revocation_keep(struct services *sv, const char *address, const uint8_t fpr[FPR_LEN],
                     const struct bytes *record)
{
    struct revocation_taking *t = mem_new(sizeof *t);
    if (bytes_set(&t->record, record->p, record->n) < 0) {
        free(t); /* it is met again */
        return;
    }
    t->services = sv;
    memcpy(t->fpr, fpr, FPR_LEN);
    (void)strcpy(t->address, address);
    store_do(sv->store, revocation_store_run, keep_done, t);
}

const struct module revocation_module = {.start = revocation_start, .stop = revocation_stop};
