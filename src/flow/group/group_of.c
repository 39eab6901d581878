/* SPDX-License-Identifier: GPL-3.0-or-later */
/* group_of.c - the members of a sender's group (P-11.7): its master is the one the sender's own
 * signature names, and only that master's newest list that names the sender counts. */
#include "base/clock.h"
#include "base/log.h"
#include "flow/group/group_work.h"
#include "flow/peers/candidates.h"
#include "flow/peers/identity.h"
#include "flow/peers/verify.h"
#include "base/jobs.h"
#include "base/mem.h"
#include "dht/dht.h"
#include "flow/core/job.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "group"
#define KEEP_MS 30000
#define REMEMBERED 16

static struct members_memory { /* loop thread only */
    struct group_record *r;
    uint8_t master_fpr[FPR_LEN];
    int64_t until_ms;
} memory[REMEMBERED];

struct members_seeking {
    struct job job;
    struct services *services;
    char address[ADDRESS_MAX + 1];
    uint8_t fpr[FPR_LEN], master_fpr[FPR_LEN];
    struct candidates c;
    struct group_record *best; /* NULL: none */
    int64_t best_expiry;
    const char *why;
    members_fn *fn;
    void *ctx;
};

/* The others of the list, if it names the sender with its key. */
static size_t others(const struct members_seeking *s, struct group_member *out)
{
    const struct group_member *m = s->best == NULL ? NULL : group_find(s->best, s->address);
    size_t n = 0;
    if (m == NULL || memcmp(m->fpr, s->fpr, FPR_LEN) != 0)
        return 0;
    for (size_t i = 0; i < s->best->count; i++) {
        const struct group_member *o = &s->best->members[i];
        if (o != m && strcmp(o->address, s->services->c.address) != 0)
            out[n++] = *o;
    }
    return n;
}

static void group_of_finish(struct members_seeking *s)
{
    struct group_member *out = mem_array(GROUP_MEMBERS_MAX, sizeof *out);
    struct error why = {""};
    size_t n = others(s, out);
    if (n == 0)
        (void)error_set(&why, "The group of %s %s.", s->address,
                        s->why != NULL    ? s->why
                        : s->best != NULL ? "has no other members"
                        : s->c.complete   ? "is not announced"
                                          : "could not be looked up");
    s->fn(s->ctx, out, n, why.text);
    free(out);
    free(s->best);
    candidates_free(&s->c);
    free(s);
}

static void group_of_remember(const struct members_seeking *s)
{
    struct members_memory *m = &memory[s->master_fpr[0] % REMEMBERED];
    if (s->best == NULL)
        return;
    if (m->r == NULL)
        m->r = mem_new(sizeof *m->r);
    *m->r = *s->best;
    m->r->master_key = (struct span){0};
    memcpy(m->master_fpr, s->master_fpr, FPR_LEN);
    m->until_ms = clock_mono_ms() + KEEP_MS;
}

static void group_of_verify_run(struct job *job, void *thread_ctx)
{
    struct members_seeking *s = (struct members_seeking *)job;
    struct verified_group *v = mem_new(sizeof *v);
    struct error e;
    s->best = NULL;
    for (size_t i = 0; i < s->c.count; i++) {
        if (verify_group(s->c.value[i].p, s->c.value[i].n, s->services->c.network,
                         address_group(s->address), clock_wall_ms() / 1000, v, &e) < 0) {
            log_debug("an entry at %s is ignored: %s", s->c.key, e.text);
            continue;
        }
        if (memcmp(v->master_fpr, s->master_fpr, FPR_LEN) != 0 ||
            (s->best != NULL && (v->r.seq < s->best->seq ||
                                 (v->r.seq == s->best->seq && v->expiry <= s->best_expiry))))
            continue;
        if (s->best == NULL)
            s->best = mem_new(sizeof *s->best);
        *s->best = v->r;
        s->best_expiry = v->expiry;
    }
    free(v);
}

static void group_of_verify_done(struct job *job)
{
    struct members_seeking *s = (struct members_seeking *)job;
    group_of_remember(s);
    group_of_finish(s);
}

static void group_of_fetched(void *ctx)
{
    struct members_seeking *s = ctx;
    if (s->c.count == 0)
        group_of_finish(s);
    else
        job_run(s->services->pgp, &s->job, group_of_verify_run, group_of_verify_done, true);
}

static void seek(struct members_seeking *s)
{
    const struct members_memory *m = &memory[s->master_fpr[0] % REMEMBERED];
    if (m->r != NULL && m->until_ms > clock_mono_ms() &&
        memcmp(m->master_fpr, s->master_fpr, FPR_LEN) == 0 &&
        strcmp(m->r->name, address_group(s->address)) == 0) {
        s->best = mem_new(sizeof *s->best);
        *s->best = *m->r;
        group_of_finish(s);
        return;
    }
    s->c.max = CANDIDATES_MAX;
    (void)dht_key(s->c.key, "group:", address_group(s->address));
    candidates_fetch(&s->c, s->services, group_of_fetched, s);
}

static void group_of_on_identity(void *ctx, const struct verified_identity *v, const char *why)
{
    struct members_seeking *s = ctx;
    if (v != NULL && v->r.has_master) {
        memcpy(s->master_fpr, v->r.master_fpr, FPR_LEN);
        seek(s);
        return;
    }
    s->why = v == NULL ? "could not be looked up" : "is not announced: it is in none";
    group_of_finish(s);
}

static void group_of_answer_run(struct job *job, void *thread_ctx)
{
}

static void group_of_answer_done(struct job *job)
{
    seek((struct members_seeking *)job);
}

static void members_of(struct services *sv, const char *address, const uint8_t fpr[FPR_LEN],
                       const uint8_t *master_fpr, members_fn *fn, void *ctx)
{
    struct members_seeking *s = mem_new(sizeof *s);
    s->services = sv;
    s->fn = fn;
    s->ctx = ctx;
    (void)strcpy(s->address, address);
    memcpy(s->fpr, fpr, FPR_LEN);
    if (master_fpr == NULL) {
        identity_find(sv, address, fpr, group_of_on_identity, s);
        return;
    }
    memcpy(s->master_fpr, master_fpr, FPR_LEN);
    job_run(sv->pgp, &s->job, group_of_answer_run, group_of_answer_done, true);
}

const struct members_service group_members_service = {.of = members_of, .find = member_find};
