/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lookup_step.c - see lookup.h: a fingerprint that the user names, and the step that looks for keys
 * that were not known at submission. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/texts.h"
#include "flow/peers/lookup.h"
#include "flow/core/message_log.h"
#include "flow/core/step.h"
#include "store/contacts.h"
#include "store/outgoing.h"
#include "flow/core/trusted_clock.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "lookup"

/* ---- the user names a fingerprint */

struct verifying {
    struct services *services;
    char address[ADDRESS_MAX + 1];
    uint8_t fpr[FPR_LEN];
    bool known;
    lookup_verify_fn *fn;
    void *ctx;
};

static int lookup_step_verify_run(struct db *db, void *arg)
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

static void lookup_step_nothing(void *ctx, enum lookup_result result, const char *why)
{
}

static void lookup_step_verify_done(void *arg, int rc)
{
    struct verifying *v = arg;
    struct error why = {""};
    if (rc != 0)
        (void)error_set(&why, TEXT_KEY_STORE, v->address);
    if (rc == 0 && !v->services->stopping) {
        if (!v->known)
            (void)lookup_key(v->services, v->address, lookup_step_nothing, NULL);
        kick(v->services);
    }
    v->fn(v->ctx, v->known, rc == 0 ? NULL : why.text);
    free(v);
}

void lookup_verify(struct services *sv, const char *address, const uint8_t fpr[FPR_LEN],
                   lookup_verify_fn *fn, void *ctx)
{
    struct verifying *v = mem_new(sizeof *v);
    v->services = sv;
    v->fn = fn;
    v->ctx = ctx;
    memcpy(v->fpr, fpr, FPR_LEN);
    (void)strcpy(v->address, address);
    store_do(sv->store, lookup_step_verify_run, lookup_step_verify_done, v);
}

/* ---- the step: receivers whose key was not known at submission */

struct lookup_pending {
    struct work *w;
    struct out_receiver r;
    char why[320];
    bool failed, undecided;
};

static int pending_run(struct db *db, void *arg)
{
    struct lookup_pending *p = arg;
    if (p->failed)
        return rcv_end(db, p->r.n, RCV_FAILED, false, p->why) < 0 ? -1 : 0;
    if (p->undecided)
        return rcv_set_why(db, p->r.n, p->why);
    return rcv_set_ready(db, p->r.n);
}

static void pending_done(void *arg, int rc)
{
    struct lookup_pending *p = arg;
    if (rc == 0)
        work_info(p->w, "%s", p->failed || p->undecided ? p->why : "its key is known");
    out_receiver_free(&p->r);
    if (rc != 0 || p->undecided)
        work_retry(p->w, NULL);
    else
        work_end(p->w);
    free(p);
}

static void lookup_step_on_key(void *ctx, enum lookup_result result, const char *why)
{
    struct lookup_pending *p = ctx;
    const struct services *sv = p->w->services;
    bool over = trusted_now_ms(sv) - p->r.changed_ms > sv->c.give_up;
    bool undecided = result == LOOKUP_UNDECIDED;
    /* as RCPT would have been answered, had this peer been connected (P-10.10) */
    p->failed = result == LOOKUP_NONE || (over && undecided);
    p->undecided = undecided && !p->failed;
    if (result == LOOKUP_FOUND || p->failed || undecided) {
        (void)strncpy(p->why, why != NULL ? why : "", sizeof p->why - 1);
        store_do(sv->store, pending_run, pending_done, p);
        return;
    }
    out_receiver_free(&p->r);
    work_retry(p->w, NULL);
    free(p);
}

static void lookup_start(struct work *w)
{
    struct lookup_pending *p = mem_new(sizeof *p);
    if (rcv_get(store_reader(w->services->store), w->n, &p->r) < 0) {
        free(p);
        work_retry(w, store_unread(NULL, "Its row"));
        return;
    }
    p->w = w;
    (void)lookup_key_calmly(w->services, p->r.address, lookup_step_on_key, p);
}

QUEUE(lookup);
const struct step step_lookup = {
    .queue = &queue_lookup,
    .parallel = 32,
    .needs_net = true,
    .start = lookup_start,
};
