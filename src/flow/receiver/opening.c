/* SPDX-License-Identifier: GPL-3.0-or-later */
/* opening.c - see opening.h. */
#include "flow/receiver/opening.h"
#include "base/mem.h"
#include "base/texts.h"
#include "flow/core/timer.h"
#include "base/clock.h"
#include "flow/peers/transfer.h"
#include "store/incoming.h"
#include "flow/peers/standing.h"
#include "flow/core/message_log.h"
#include "flow/core/step.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "opening"
#define PULLS_MAX 32

struct opening {
    struct services *services;
    uint8_t nid[HASH_LEN];
    int64_t n;
    opening_fn *fn;
    void *ctx;
    int64_t asked_ms, until_ms;
    bool held; /* a transition for it is under way */
    struct opening *next;
};

struct openings {
    uv_timer_t *timer;
    struct opening *first;
    struct {
        uint8_t nid[HASH_LEN];
        const struct transfer *t;
    } pulls[PULLS_MAX];
};

static struct openings *openings_of(const struct services *sv)
{
    return module_state(sv, &openings_module);
}

static void opening_drop(struct opening *o)
{
    for (struct opening **at = &openings_of(o->services)->first; *at != NULL; at = &(*at)->next) {
        if (*at == o) {
            *at = o->next;
            break;
        }
    }
    free(o);
}

static void opening_answer(struct opening *o, bool ok, const char *why)
{
    opening_fn *fn = o->fn;
    o->fn = NULL;
    if (fn != NULL)
        fn(o->ctx, ok, why);
    if (!o->held)
        opening_drop(o);
}

static bool opening_answer_ended(struct opening *o);

static int opening_want_run(struct db *db, void *arg)
{
    const struct opening *o = arg;
    return in_set_wanted(db, o->n, true);
}

static void opening_want_done(void *arg, int rc)
{
    struct opening *o = arg;
    o->held = false;
    if (o->fn == NULL) {
        opening_drop(o);
    } else if (rc != 0) {
        opening_answer(o, false, TEXT_OPEN_DATABASE);
    } else if (!opening_answer_ended(o)) { /* it may have been filled while this was on its way */
        message_info(o->services, ABOUT_INCOMING, o->n, "is opened: it is to be pulled");
        kick(o->services);
    }
}

/* What can be said at once: 1 there, 0 wait, -1 why. */
static int opening_judge(const struct services *sv, const struct incoming *in, struct error *why)
{
    char date[40];
    switch (in->state) {
    case IN_ANSWER:
    case IN_ANSWERED:
    case IN_SETTLED:
        if (in->outcome == OUTCOME_PULLED)
            return 1;
        if (in->outcome == OUTCOME_CANCELLED)
            return error_set(why, TEXT_OPEN_CANCELLED, in->sender);
        return error_set(why, TEXT_OPEN_DECLINED, in->sender);
    case IN_EXPIRED:
        clock_rfc5322(in->expiry_s * 1000, date);
        return error_set(why, TEXT_OPEN_EXPIRED, date, in->sender);
    case IN_QUARANTINED:
        return error_set(why, TEXT_OPEN_QUARANTINED, in->sender);
    case IN_NOTICED:
    case IN_STUB:
    case IN_PULLED:
        break;
    }
    if (in->state != IN_PULLED && in->expiry_s * 1000 <= clock_wall_ms()) {
        clock_rfc5322(in->expiry_s * 1000, date);
        return error_set(why, TEXT_OPEN_LATE, date, in->sender);
    }
    return 0;
}

/* Answers one that waits when its message came to an end meanwhile, whichever step did it. */
static bool opening_answer_ended(struct opening *o)
{
    struct incoming in;
    struct error why = {TEXT_OPEN_UNKNOWN};
    int verdict = -1;
    if (in_get(store_reader(o->services->store), o->n, &in) == 0) {
        verdict = opening_judge(o->services, &in, &why);
        incoming_free(&in);
    }
    if (verdict != 0)
        opening_answer(o, verdict == 1, verdict == 1 ? "" : why.text);
    return verdict != 0;
}

struct opening *opening_ask(struct services *sv, const uint8_t nid[HASH_LEN], int64_t wait_ms,
                            opening_fn *fn, void *ctx)
{
    struct incoming in;
    struct error why = {TEXT_OPEN_UNKNOWN};
    int64_t n = in_find(store_reader(sv->store), nid);
    int verdict = -1;
    if (standing_of(sv)->stop_reason[0] != '\0')
        (void)error_set(&why, "%s", standing_of(sv)->stop_reason);
    else if (n != 0 && in_get(store_reader(sv->store), n, &in) == 0) {
        verdict = opening_judge(sv, &in, &why);
        incoming_free(&in);
    }
    if (verdict != 0) {
        fn(ctx, verdict == 1, verdict == 1 ? "" : why.text);
        return NULL;
    }
    struct opening *o = mem_new(sizeof *o);
    *o = (struct opening){.services = sv,
                          .n = n,
                          .fn = fn,
                          .ctx = ctx,
                          .asked_ms = clock_mono_ms(),
                          .until_ms = wait_ms == 0 ? INT64_MAX : clock_mono_ms() + wait_ms,
                          .held = true,
                          .next = openings_of(sv)->first};
    memcpy(o->nid, nid, HASH_LEN);
    openings_of(sv)->first = o;
    store_do(sv->store, opening_want_run, opening_want_done, o);
    return o;
}

void opening_cancel(struct opening *o)
{
    o->fn = NULL;
    if (!o->held)
        opening_drop(o);
}

static void opening_tell_progress(struct services *sv, const uint8_t nid[HASH_LEN], bool ok,
                                  const char *why)
{
    for (struct opening *o = openings_of(sv)->first, *next; o != NULL; o = next) {
        next = o->next;
        if (o->fn != NULL && !o->held && memcmp(o->nid, nid, HASH_LEN) == 0)
            opening_answer(o, ok, why);
    }
}

void openings_filled(struct services *sv, const uint8_t nid[HASH_LEN])
{
    opening_tell_progress(sv, nid, true, "");
}

void openings_failed(struct services *sv, const uint8_t nid[HASH_LEN], const char *why)
{
    opening_tell_progress(sv, nid, false, why);
}

void openings_try_failed(struct services *sv, const uint8_t nid[HASH_LEN], int64_t began_ms,
                         const char *why)
{
    for (struct opening *o = openings_of(sv)->first, *next; o != NULL; o = next) {
        next = o->next;
        if (o->fn == NULL || o->held || memcmp(o->nid, nid, HASH_LEN) != 0)
            continue;
        if (o->asked_ms <= began_ms) {
            opening_answer(o, false, why);
        } else { /* for this one it was not tried yet */
            o->held = true;
            store_do(sv->store, opening_want_run, opening_want_done, o);
        }
    }
}

void openings_progress_set(struct services *sv, const uint8_t nid[HASH_LEN],
                           const struct transfer *t)
{
    struct openings *all = openings_of(sv);
    for (size_t i = 0; i < PULLS_MAX; i++)
        if (all->pulls[i].t != NULL && memcmp(all->pulls[i].nid, nid, HASH_LEN) == 0)
            all->pulls[i].t = NULL;
    for (size_t i = 0; i < PULLS_MAX && t != NULL; i++) {
        if (all->pulls[i].t == NULL) {
            memcpy(all->pulls[i].nid, nid, HASH_LEN);
            all->pulls[i].t = t;
            return;
        }
    }
}

int64_t openings_progress(const struct services *sv, const uint8_t nid[HASH_LEN])
{
    const struct openings *all = openings_of(sv);
    for (size_t i = 0; i < PULLS_MAX; i++)
        if (all->pulls[i].t != NULL && memcmp(all->pulls[i].nid, nid, HASH_LEN) == 0)
            return (int64_t)transfer_octets(all->pulls[i].t);
    return -1;
}

/* Declined, expired or otherwise ended: told. Who has waited long enough is told how far it is. */
static void opening_on_timer(uv_timer_t *t)
{
    struct services *sv = t->data;
    int64_t now = clock_mono_ms();
    for (struct opening *o = openings_of(sv)->first, *next; o != NULL; o = next) {
        next = o->next;
        if (o->held || o->fn == NULL || opening_answer_ended(o) || now < o->until_ms)
            continue;
        struct incoming in;
        char why[200] = TEXT_OPEN_WAITING;
        int64_t done = openings_progress(sv, o->nid);
        if (done > 0 && in_get(store_reader(sv->store), o->n, &in) == 0) {
            (void)snprintf(why, sizeof why, TEXT_OPEN_PROGRESS, (long long)done / 1000000,
                           (unsigned long long)in.blob.size / 1000000);
            incoming_free(&in);
        }
        opening_answer(o, false, why);
    }
}

static int openings_start(struct services *sv, struct error *e)
{
    (void)module_new(sv, &openings_module, sizeof(struct openings));
    uv_timer_t *t = timer_new(sv, sv);
    openings_of(sv)->timer = t;
    return uv_timer_start(t, opening_on_timer, 500, 500);
}

static void openings_stop(struct services *sv)
{
    if (openings_of(sv) == NULL)
        return;
    timer_free(&openings_of(sv)->timer);
    for (struct opening *o = openings_of(sv)->first, *next; o != NULL; o = next) {
        next = o->next;
        opening_answer(o, false, TEXT_OPEN_STOPPING);
    }
}

static void openings_free(struct services *sv)
{
    struct openings *all = openings_of(sv);
    struct opening *next;
    for (struct opening *o = all == NULL ? NULL : all->first; o != NULL; o = next) {
        next = o->next;
        opening_drop(o);
    }
}

const struct module openings_module = {
    .start = openings_start, .stop = openings_stop, .free = openings_free};
