/* SPDX-License-Identifier: GPL-3.0-or-later */
/* expunge_scan.c - see expunge_scan.h (design: IMAP face, Declined; P-10.7). The daemon keeps a
 * link of its own to every stub: a count of one means that the last copy was expunged. Copies that
 * stand only in Trash or Junk count as expunged after a longer grace. When many vanish at once and
 * nobody was seen to delete them, nothing is declined: a Maildir restored without its links must
 * not destroy mail at its senders (P-10.25). */
#include "flow/receiver/expunge_scan.h"
#include "base/clock.h"
#include "base/log.h"
#include "flow/mail/maildir.h"
#include "flow/receiver/sender_feedback.h"
#include "flow/receiver/policy.h"
#include "flow/core/timer.h"
#include "store/incoming.h"
#include "base/jobs.h"
#include "flow/core/job.h"
#include "flow/core/path.h"
#include "flow/core/message_log.h"
#include "flow/core/step.h"
#include "base/file.h"
#include "base/mem.h"
#include "flow/core/trusted_clock.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LOG_AREA "expunge_scan"
#define PAGE 1024
#define MANY 20

enum look { STANDS, IN_TRASH, GONE, LOST }; /* lost: our own link is missing */

struct expunge_scan {
    uv_timer_t *timer;
    struct job job;
    struct services *services;
    bool running, again;
    int64_t after, n[PAGE], gone[PAGE];
    bool person[PAGE]; /* deleted by a person's word */
    uint8_t nid[PAGE][HASH_LEN];
    enum look look[PAGE];
    size_t count;
    size_t total, vanished; /* of this round */
    size_t waiting, held;   /* vanished ones up to held_to: in this round, in the last one */
    bool hold;              /* of the round before: too many vanished */
    int64_t last_gone;      /* of this round: the last row that vanished */
    int64_t held_to;        /* rows up to this one are not declined until each is back, or the user
                               declines it; kept in the database: new mail and a restart do not
                               make a restored Maildir right */
};

static struct expunge_scan *expunge_scan_of(const struct services *sv)
{
    return module_state(sv, &expunge_scan_module);
}

static void expunge_scan_look_at(struct expunge_scan *s, size_t i)
{
    char path[PATH_CAP];
    struct stat st;
    unsigned elsewhere, trash;
    home_path(s->services, path, "inbox/stubs", s->nid[i], HASH_LEN, "");
    if (stat(path, &st) < 0) {
        s->look[i] = LOST;
    } else if (st.st_nlink == 1) {
        s->look[i] = GONE;
    } else if (!maildir_trash_has(s->services, st.st_ino)) {
        s->look[i] = STANDS;
    } else {
        maildir_count(s->services->c.home, st.st_ino, &elsewhere, &trash);
        s->look[i] = elsewhere == 0 && trash > 0 ? IN_TRASH : STANDS;
    }
}

static void page_run(struct job *job, void *thread_ctx)
{
    struct expunge_scan *s =
        (struct expunge_scan *)((char *)job - offsetof(struct expunge_scan, job));
    maildir_trash_read(s->services);
    for (size_t i = 0; i < s->count; i++)
        expunge_scan_look_at(s, i);
}

struct page_verdict { /* what one page says, on its way to the store */
    struct services *services;
    size_t count;
    struct {
        int64_t n, gone_ms;
        bool decline;
    } row[];
};

static int expunge_scan_verdict_run(struct db *db, void *arg)
{
    struct page_verdict *v = arg;
    for (size_t i = 0; i < v->count; i++) {
        int rc = v->row[i].decline ? in_decide(db, v->row[i].n, OUTCOME_DECLINED)
                                   : in_set_gone(db, v->row[i].n, v->row[i].gone_ms);
        if (rc < 0)
            return -1;
    }
    return 0;
}

static void expunge_scan_verdict_done(void *arg, int rc)
{
    struct page_verdict *v = arg;
    store_crash_point("decline.after");
    kick(v->services);
    free(v);
}

static void expunge_scan_judge(struct expunge_scan *s)
{
    struct services *sv = s->services;
    int64_t now = trusted_now_ms(sv);
    struct page_verdict *v = mem_new(sizeof *v + s->count * sizeof v->row[0]);
    v->services = sv;
    for (size_t i = 0; i < s->count; i++) {
        bool away = s->look[i] == GONE || s->look[i] == IN_TRASH;
        int64_t grace = s->look[i] == GONE ? sv->c.decline_grace : sv->c.trash_grace;
        bool unsaid = s->look[i] == GONE && !s->person[i];
        bool waits = unsaid && s->n[i] <= s->held_to;
        s->vanished += unsaid;
        s->waiting += waits;
        if (unsaid)
            s->last_gone = s->n[i];
        bool held = waits || (s->hold && !s->person[i]);
        if (away && s->gone[i] != 0 && (now - s->gone[i] < grace || held))
            continue;
        if (!away && s->gone[i] == 0)
            continue;
        v->row[v->count].n = s->n[i];
        v->row[v->count].gone_ms = away ? now : 0;
        v->row[v->count++].decline = away && s->gone[i] != 0;
        if (away && s->gone[i] != 0)
            message_info(sv, ABOUT_INCOMING, s->n[i], "its stub was deleted unread: declined");
    }
    store_crash_point("decline.before");
    store_do(sv->store, expunge_scan_verdict_run, expunge_scan_verdict_done, v);
}

static void next_page(struct expunge_scan *s);

static void page_done(struct job *job)
{
    struct expunge_scan *s =
        (struct expunge_scan *)((char *)job - offsetof(struct expunge_scan, job));
    if (s->services->stopping) {
        s->running = false;
        return;
    }
    expunge_scan_judge(s);
    s->total += s->count;
    s->after = s->n[s->count - 1];
    next_page(s);
}

static int expunge_scan_held_run(struct db *db, void *arg)
{
    struct expunge_scan *s = arg;
    int64_t to = s->held_to; /* the loop waits with the next round until this is done */
    return meta_set(db, "expunge_scan_held_to", &to, sizeof to);
}

static void expunge_scan_held_done(void *arg, int rc)
{
    struct expunge_scan *s = arg;
    if (rc != 0)
        log_error("%s", store_refused(NULL, "which stubs are held"));
    s->running = false;
    if (s->again)
        expunge_scan_hint(s->services);
}

static void round_end(struct expunge_scan *s)
{
    bool many = s->vanished > MANY && s->vanished * 2 > s->total;
    feedback_look(s->services);
    int64_t held_to = many ? s->last_gone : s->waiting == 0 ? 0 : s->held_to;
    if (many && held_to != s->held_to)
        log_warn("%zu of %zu stubs vanished from the Maildir at once: none is declined. If you "
                 "deleted them, say so with `restante decline --all-deleted`.",
                 s->vanished, s->total);
    s->hold = many;
    s->held = many ? s->vanished : s->waiting;
    if (held_to != s->held_to) {
        s->held_to = held_to;
        store_do(s->services->store, expunge_scan_held_run, expunge_scan_held_done, s);
    } else {
        s->running = false;
        if (s->again)
            expunge_scan_hint(s->services);
    }
}

static void next_page(struct expunge_scan *s)
{
    s->count = in_stubs(store_reader(s->services->store), s->after, s->n, s->nid, s->gone,
                        s->person, PAGE);
    if (s->count == 0)
        round_end(s);
    else
        job_run(s->services->files, &s->job, page_run, page_done, false);
}

static void expunge_scan_on_timer(uv_timer_t *t)
{
    struct expunge_scan *s = t->data;
    (void)uv_timer_start(t, expunge_scan_on_timer, (uint64_t)s->services->c.expunge_scan, 0);
    if (s->running)
        return;
    s->running = true;
    s->again = false;
    s->after = 0;
    s->total = s->vanished = s->waiting = 0;
    next_page(s);
}

static int expunge_scan_start(struct services *sv, struct error *e)
{
    struct expunge_scan *s = module_new(sv, &expunge_scan_module, sizeof *s);
    uv_timer_t *t = timer_new(sv, s);
    s->services = sv;
    s->timer = t;
    s->hold = true; /* the first round only looks */
    (void)meta_get(store_reader(sv->store), "expunge_scan_held_to", &s->held_to, sizeof s->held_to);
    return uv_timer_start(t, expunge_scan_on_timer, 1000, 0);
}

void expunge_scan_hint(struct services *sv)
{
    struct expunge_scan *s = expunge_scan_of(sv);
    if (s == NULL || s->timer == NULL)
        return;
    if (s->running)
        s->again = true;
    else
        (void)uv_timer_start(s->timer, expunge_scan_on_timer, 50, 0);
}

size_t expunge_scan_held(const struct services *sv)
{
    return expunge_scan_of(sv) == NULL ? 0 : expunge_scan_of(sv)->held;
}

int64_t expunge_scan_held_to(struct db *db)
{
    int64_t to = 0;
    return meta_get(db, "expunge_scan_held_to", &to, sizeof to) < 0 ? 0 : to;
}

/* ---- a person's word */

struct expunge_confirming {
    struct services *services;
    uint8_t nid[HASH_LEN];
    int changed; /* of all that vanished */
    expunge_scan_confirmed_fn *fn;
    void *ctx;
};

static int told_run(struct db *db, void *arg)
{
    struct expunge_confirming *t = arg;
    return in_set_person(db, t->nid);
}

static int confirm_run(struct db *db, void *arg)
{
    struct expunge_confirming *t = arg;
    t->changed = in_set_person_gone(db, INT64_MAX);
    return t->changed < 0 ? -1 : 0;
}

static void confirm_done(void *arg, int rc)
{
    struct expunge_confirming *t = arg;
    if (rc != 0)
        log_error("%s", store_refused(NULL, "that stubs were deleted by their user"));
    expunge_scan_hint(t->services);
    if (t->fn != NULL)
        t->fn(t->ctx, rc == 0 ? t->changed : -1);
    free(t);
}

void expunge_scan_told(struct services *sv, const uint8_t nid[HASH_LEN], const struct deletion *d)
{
    if (!policy_person_deletes(d)) {
        expunge_scan_hint(sv);
        return;
    }
    struct expunge_confirming *t = mem_new(sizeof *t);
    *t = (struct expunge_confirming){.services = sv};
    memcpy(t->nid, nid, HASH_LEN);
    store_do(sv->store, told_run, confirm_done, t);
}

int expunge_scan_confirm(struct services *sv, expunge_scan_confirmed_fn *fn, void *ctx,
                         struct error *e)
{
    struct expunge_confirming *t = mem_new(sizeof *t);
    *t = (struct expunge_confirming){.services = sv, .fn = fn, .ctx = ctx};
    store_do(sv->store, confirm_run, confirm_done, t);
    return 0;
}

struct declining {
    struct services *services;
    int64_t n;
};

static int decline_run(struct db *db, void *arg)
{
    struct declining *d = arg;
    return in_decide(db, d->n, OUTCOME_DECLINED) < 0 ? -1 : 0;
}

static void decline_done(void *arg, int rc)
{
    struct declining *d = arg;
    if (rc == 0)
        message_info(d->services, ABOUT_INCOMING, d->n, "declined by the command line");
    kick(d->services);
    free(d);
}

int expunge_scan_decline(struct services *sv, int64_t n, struct error *why)
{
    struct incoming in;
    if (in_get(store_reader(sv->store), n, &in) < 0)
        return error_set(why, "There is no such message.");
    enum in_state state = in.state;
    char file[sizeof in.file];
    (void)strcpy(file, in.file);
    incoming_free(&in);
    if (state != IN_STUB && state != IN_NOTICED)
        return error_set(why, "It is too late to decline this message: it is %s.",
                         in_state_name(state));
    struct declining *d = mem_new(sizeof *d);
    *d = (struct declining){sv, n};
    store_do(sv->store, decline_run, decline_done, d);
    if (file[0] != '\0')
        (void)maildir_find(sv->c.home, "", file, true);
    return 0;
}

static void expunge_scan_stop(struct services *sv)
{
    if (expunge_scan_of(sv) != NULL)
        timer_free(&expunge_scan_of(sv)->timer);
}

const struct module expunge_scan_module = {.start = expunge_scan_start, .stop = expunge_scan_stop};
