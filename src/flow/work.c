/* SPDX-License-Identifier: GPL-3.0-or-later */
/* work.c - see work.h. */
#include "flow/work.h"
#include "base/clock.h"
#include "base/log.h"
#include "flow/clockwatch.h"
#include "flow/steps.h"
#include "flow/timer.h"
#include "store/cancel.h"
#include "store/incoming.h"
#include "store/lines.h"
#include "store/outgoing.h"
#include "store/replicas.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "work"
#define DUE_BATCH 64
#define LOOK_AGAIN_MS 30000 /* at the latest, whatever the tables say */
#define GAP_MS 3            /* between two looks: under load each finds more that is due */
#define SETTLE_MS 20        /* after a look, before it is asked when the next row will be due */
#define YIELD_MS 10000      /* at the most, what only shows the store's state waits for mail */
#define PAUSE_MS 5000       /* when the database takes nothing: all would be due again at once */

static const struct step steps[] = {
    {"lookup", false, DUE_LOOKUP, 16, true, step_lookup},
    {"seal", false, DUE_SEAL, 8, false, step_seal},
    {"publish", false, DUE_PUBLISH, 16, false, step_publish},
    {"announce", false, DUE_ANNOUNCE, 32, true, step_announce},
    {"reput", false, DUE_REPUT, 8, true, step_announce},
    {"own", false, DUE_OWN, 4, false, step_own},
    {"sent", false, DUE_SENT, 8, false, step_sent},
    {"line", false, DUE_LINE, 8, false, step_line},
    {"free", false, DUE_FREE, 16, false, step_free},
    {"clean", false, DUE_CLEAN, 16, true, step_clean},
    {"tidy", false, DUE_TIDY, 16, false, step_tidy},
    {"tell", false, DUE_TELL, 4, false, step_tell},
    {"withdraw", false, DUE_WITHDRAW, 8, false, step_withdraw},
    {"cancel", false, DUE_CANCEL, 8, true, step_cancel},
    {"regain", false, DUE_REGAIN, 4, true, step_regain},
    {"stub", true, IN_DUE_STUB, 32, false, step_stub},
    {"pull", true, IN_DUE_PULL, 8, true, step_pull},
    {"deliver", true, IN_DUE_DELIVER, 32, false, step_deliver},
    {"answer", true, IN_DUE_ANSWER, 32, true, step_answer},
    {"settle", true, IN_DUE_SETTLE, 16, true, step_settle},
    {"hasten", true, IN_DUE_HASTEN, 8, false, step_hasten},
    {"vanish", true, IN_DUE_CANCEL, 8, false, step_vanish},
    {"expire", true, IN_DUE_EXPIRE, 8, false, step_expire},
    {"lapse", true, IN_DUE_LAPSE, 8, false, step_lapse},
    {"replicate", false, REPLICA_DUE_FETCH, 4, true, step_replicate},
    {"drop", false, REPLICA_DUE_DROP, 8, false, step_drop},
    {"fellow_ns", false, REPLICA_DUE_NS, 8, true, step_fellow_ns},
};
#define STEPS (sizeof steps / sizeof *steps)

struct work_loop {
    uv_timer_t *timer;
    bool kicked;
    int64_t paused_until_ms; /* on the monotonic clock */
    int64_t looked_ms;       /* likewise */
    int64_t yielding_ms;     /* likewise: since when YIELDING steps wait; 0 = they do not */
    struct work *busy[STEPS];
    unsigned count[STEPS];
};

static bool is_replica(const struct step *step)
{
    return !step->incoming && step->due >= REPLICA_DUE_FETCH;
}

static bool is_busy(const struct work_loop *l, size_t s, int64_t n)
{
    for (const struct work *w = l->busy[s]; w != NULL; w = w->next)
        if (w->n == n)
            return true;
    return false;
}

bool work_under_way(const struct flow *f, void (*start)(struct work *w), int64_t n)
{
    bool yes = false;
    for (size_t s = 0; s < STEPS && f->work != NULL; s++)
        yes = yes || (steps[s].start == start && is_busy(f->work, s, n));
    return yes;
}

static void start_one(struct flow *f, size_t s, int64_t n)
{
    struct work *w = malloc(sizeof *w);
    if (w == NULL)
        return; /* still due */
    *w = (struct work){.flow = f, .step = &steps[s], .n = n, .next = f->work->busy[s]};
    f->work->busy[s] = w;
    f->work->count[s]++;
    log_debug("%s %lld", steps[s].name, (long long)n);
    steps[s].start(w);
}

/* The copy in Sent and the line in the Outbox are written when no mail is on its way to the DHT, or
 * after a while: what somebody waits for comes first. */
static bool yields(const struct step *step)
{
    return step->start == step_sent || step->start == step_line;
}

static void look_for_mail(struct work_loop *l)
{
    bool mail = false;
    for (size_t s = 0; s < STEPS; s++)
        if (steps[s].start == step_seal || steps[s].start == step_publish ||
            (steps[s].start == step_announce && steps[s].due == DUE_ANNOUNCE))
            mail = mail || l->count[s] > 0;
    if (!mail)
        l->yielding_ms = 0;
    else if (l->yielding_ms == 0)
        l->yielding_ms = l->looked_ms;
}

/* next: when another row will be due, at the latest; NULL when nobody wants to know. */
static void look(struct flow *f, size_t s, int64_t now, int64_t *next)
{
    struct work_loop *l = f->work;
    const struct step *step = &steps[s];
    if (l->count[s] >= step->parallel)
        return;
    if (yields(step) && l->yielding_ms != 0 && l->looked_ms - l->yielding_ms < YIELD_MS) {
        if (next != NULL && *next > now + SETTLE_MS)
            *next = now + SETTLE_MS;
        return;
    }
    if ((step->needs_net && (dht_link_state(f->dht) == DHT_DOWN || !flow_may_go(f))) ||
        (step->incoming && step->due == IN_DUE_EXPIRE && !clockwatch_trusted(f)))
        return;
    struct in_rules rules = {f->c.expiry_grace, f->c.pull_before, f->c.pull_before_max};
    int64_t rows[DUE_BATCH + 64];
    size_t max = step->parallel + l->count[s];
    int64_t grace = step->due == REPLICA_DUE_DROP ? f->c.expiry_grace : 0;
    size_t n =
        is_replica(step) ? replica_due(store_reader(f->store), (enum replica_due)step->due, now,
                                       grace, rows, max, next)
        : step->incoming
            ? in_due(store_reader(f->store), (enum in_due)step->due, &rules, now, rows, max, next)
            : out_due(store_reader(f->store), (enum out_due)step->due, now, rows, max, next);
    for (size_t i = 0; i < n && l->count[s] < step->parallel; i++)
        if (!is_busy(l, s, rows[i]))
            start_one(f, s, rows[i]);
}

static void on_timer(uv_timer_t *t)
{
    struct flow *f = t->data;
    bool kicked = f->work->kicked;
    f->work->kicked = false;
    if (f->stopping)
        return;
    int64_t pause = f->work->paused_until_ms - clock_mono_ms();
    if (pause > 0) {
        (void)uv_timer_start(t, on_timer, (uint64_t)pause, 0);
        return;
    }
    int64_t now = clock_wall_ms(), next = now + LOOK_AGAIN_MS;
    f->work->looked_ms = clock_mono_ms();
    look_for_mail(f->work);
    store_look_begin(f->store);
    for (size_t s = 0; s < STEPS; s++)
        look(f, s, now, kicked ? NULL : &next);
    store_look_end(f->store);
    if (!f->work->kicked) {
        int64_t wait = kicked ? SETTLE_MS : next - clock_wall_ms();
        (void)uv_timer_start(t, on_timer, wait < 1 ? 1 : (uint64_t)wait, 0);
    }
}

void flow_kick(struct flow *f)
{
    if (f->work == NULL || f->work->timer == NULL || f->work->kicked || f->stopping)
        return;
    f->work->kicked = true;
    int64_t since = clock_mono_ms() - f->work->looked_ms;
    (void)uv_timer_start(f->work->timer, on_timer, since < GAP_MS ? GAP_MS : 0, 0);
}

void work_end(struct work *w)
{
    struct flow *f = w->flow;
    size_t s = (size_t)(w->step - steps);
    for (struct work **at = &f->work->busy[s]; *at != NULL; at = &(*at)->next) {
        if (*at == w) {
            *at = w->next;
            f->work->count[s]--;
            break;
        }
    }
    free(w);
    flow_kick(f);
}

struct delay {
    struct work *w;
    int64_t due_ms;
    char why[320];
};

static int delay_run(struct db *db, void *arg)
{
    struct delay *d = arg;
    const struct step *step = d->w->step;
    if (is_replica(step))
        return replica_delay(db, (enum replica_due)step->due, d->w->n, d->due_ms);
    if (step->incoming)
        return in_delay(db, d->w->n, d->due_ms, d->why[0] != '\0' ? d->why : NULL);
    switch ((enum out_due)step->due) {
    case DUE_SENT:
        return sent_delay(db, d->w->n, d->due_ms);
    case DUE_SEAL:
    case DUE_TIDY:
        return out_delay(db, d->w->n, d->due_ms);
    case DUE_PUBLISH:
    case DUE_FREE:
    case DUE_REGAIN:
        return blob_delay(db, d->w->n, d->due_ms);
    case DUE_LOOKUP:
    case DUE_OWN:
    case DUE_ANNOUNCE:
    case DUE_REPUT:
    case DUE_CLEAN:
        return rcv_delay(db, d->w->n, d->due_ms);
    case DUE_TELL:
        return tell_delay(db, d->w->n, d->due_ms);
    case DUE_LINE:
        return line_delay(db, d->w->n, d->due_ms);
    case DUE_WITHDRAW:
    case DUE_CANCEL:
        return cancel_delay(db, d->w->n, d->due_ms);
    }
    return -1;
}

static void delay_done(void *arg, int rc)
{
    struct delay *d = arg;
    if (rc != 0) {
        log_error("%s %lld: the database does not take a delay", d->w->step->name,
                  (long long)d->w->n);
        d->w->flow->work->paused_until_ms = clock_mono_ms() + PAUSE_MS;
    }
    work_end(d->w);
    free(d);
}

static int64_t tries_of(const struct work *w)
{
    struct db *db = store_reader(w->flow->store);
    if (is_replica(w->step))
        return replica_tries(db, (enum replica_due)w->step->due, w->n);
    return w->step->incoming ? in_tries(db, w->n) : out_tries(db, (enum out_due)w->step->due, w->n);
}

void work_retry(struct work *w, const char *why)
{
    struct delay *d = calloc(1, sizeof *d);
    if (d == NULL) {
        work_end(w);
        return;
    }
    d->w = w;
    d->due_ms = flow_retry_at(w->flow, tries_of(w));
    if (why != NULL) {
        strncpy(d->why, why, sizeof d->why - 1);
        log_info("%s %lld: %s", w->step->name, (long long)w->n, why);
    }
    store_do(w->flow->store, delay_run, delay_done, d);
}

void work_over(struct work *w, const char *why)
{
    if (why != NULL)
        work_retry(w, why);
    else
        work_end(w);
}

int work_start(struct flow *f, struct error *e)
{
    f->work = calloc(1, sizeof *f->work);
    uv_timer_t *t = f->work == NULL ? NULL : flow_timer_new(f, f);
    if (t == NULL)
        return error_set(e, "Out of memory.");
    f->work->timer = t;
    flow_kick(f);
    return 0;
}

void work_stop(struct flow *f)
{
    if (f->work != NULL)
        flow_timer_free(&f->work->timer);
}

void work_free(struct flow *f)
{
    if (f->work == NULL)
        return;
    for (size_t s = 0; s < STEPS; s++) {
        while (f->work->busy[s] != NULL) {
            struct work *w = f->work->busy[s];
            f->work->busy[s] = w->next;
            free(w);
        }
    }
    free(f->work);
    f->work = NULL;
}
