/* SPDX-License-Identifier: GPL-3.0-or-later */
/* scheduler.c - see scheduler.h. */
#include "flow/core/scheduler.h"
#include "base/clock.h"
#include "base/log.h"
#include "flow/core/trusted_clock.h"
#include "flow/steps.h"
#include "flow/core/timer.h"
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
    {"lookup", false, DUE_LOOKUP, 32, true, step_lookup, STORE_RECEIVER},
    {"seal", false, DUE_SEAL, 8, false, step_seal, STORE_MESSAGE | STORE_RECEIVER},
    {"publish", false, DUE_PUBLISH, 16, false, step_publish, STORE_BLOB},
    {"announce", false, DUE_ANNOUNCE, 32, true, step_announce, STORE_RECEIVER | STORE_BLOB},
    {"reput", false, DUE_REPUT, 8, true, step_announce, STORE_RECEIVER},
    {"own", false, DUE_OWN, 4, false, step_local_delivery, STORE_RECEIVER},
    {"sent", false, DUE_SENT, 8, false, step_sent, STORE_MESSAGE},
    {"line", false, DUE_LINE, 8, false, step_outbox_line, STORE_MESSAGE},
    {"free", false, DUE_FREE, 16, false, step_blob_gc, STORE_BLOB | STORE_RECEIVER},
    {"clean", false, DUE_CLEAN, 16, true, step_dht_gc, STORE_RECEIVER},
    {"tidy", false, DUE_TIDY, 16, false, step_spool_gc, STORE_MESSAGE | STORE_RECEIVER},
    {"tell", false, DUE_TELL, 4, false, step_dsn, STORE_RECEIVER},
    {"withdraw", false, DUE_WITHDRAW, 8, false, step_recall, STORE_RECEIVER},
    {"cancel", false, DUE_CANCEL, 8, true, step_cancel, STORE_RECEIVER},
    {"regain", false, DUE_REGAIN, 4, true, step_blob_recovery, STORE_BLOB | STORE_RECEIVER},
    {"stub", true, IN_DUE_STUB, 32, false, step_stub, STORE_REST},
    {"pull", true, IN_DUE_PULL, 8, true, step_pull, STORE_REST},
    {"deliver", true, IN_DUE_DELIVER, 32, false, step_deliver, STORE_REST},
    {"answer", true, IN_DUE_ANSWER, 32, true, step_answer, STORE_REST},
    {"settle", true, IN_DUE_SETTLE, 16, true, step_receipt_refresh, STORE_REST},
    {"hasten", true, IN_DUE_HASTEN, 8, false, step_prefetch, STORE_REST},
    {"vanish", true, IN_DUE_CANCEL, 8, false, step_recall_apply, STORE_REST},
    {"expire", true, IN_DUE_EXPIRE, 8, false, step_expire, STORE_REST},
    {"lapse", true, IN_DUE_LAPSE, 8, false, step_expiry_notice, STORE_REST},
    {"replicate", false, REPLICA_DUE_FETCH, 4, true, step_replicate, STORE_REPLICA},
    {"drop", false, REPLICA_DUE_DROP, 8, false, step_drop, STORE_REPLICA},
    {"fellow_ns", false, REPLICA_DUE_NS, 8, true, step_fellow_ns, STORE_REPLICA},
};
#define STEPS (sizeof steps / sizeof *steps)

struct scheduler {
    uv_timer_t *timer;
    bool kicked;
    int64_t paused_until_ms; /* on the monotonic clock */
    int64_t looked_ms;       /* likewise */
    int64_t yielding_ms;     /* likewise: since when YIELDING steps wait; 0 = they do not */
    struct work *busy[STEPS];
    unsigned count[STEPS];
    /* the last whole look of a step, which need not be repeated until there is something new */
    struct {
        bool known;
        uint64_t changes; /* store_changes() before it */
        int64_t next_ms;  /* nothing else is due before */
    } seen[STEPS];
};

static bool is_replica(const struct step *step)
{
    return !step->incoming && step->due >= REPLICA_DUE_FETCH;
}

static bool is_busy(const struct scheduler *l, size_t s, int64_t n)
{
    for (const struct work *w = l->busy[s]; w != NULL; w = w->next)
        if (w->n == n)
            return true;
    return false;
}

bool work_under_way(const struct services *sv, void (*start)(struct work *w), int64_t n)
{
    bool yes = false;
    for (size_t s = 0; s < STEPS && sv->work != NULL; s++)
        yes = yes || (steps[s].start == start && is_busy(sv->work, s, n));
    return yes;
}

static void start_one(struct services *sv, size_t s, int64_t n)
{
    struct work *w = malloc(sizeof *w);
    if (w == NULL) { /* still due */
        sv->work->seen[s].known = false;
        return;
    }
    *w = (struct work){.services = sv, .step = &steps[s], .n = n, .next = sv->work->busy[s]};
    sv->work->busy[s] = w;
    sv->work->count[s]++;
    log_debug("%s %lld", steps[s].name, (long long)n);
    steps[s].start(w);
}

/* The copy in Sent and the line in Outgoing are written when no mail is on its way to the DHT, or
 * after a while: what somebody waits for comes first. */
static bool yields(const struct step *step)
{
    return step->start == step_sent || step->start == step_outbox_line;
}

static void look_for_mail(struct scheduler *l)
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

static size_t ask(struct services *sv, const struct step *step, int64_t now, int64_t *rows,
                  size_t max, int64_t *next)
{
    struct db *db = store_reader(sv->store);
    struct in_rules rules = {sv->c.expiry_grace, sv->c.pull_before, sv->c.pull_before_max};
    int64_t grace = step->due == REPLICA_DUE_DROP ? sv->c.expiry_grace : 0;
    return is_replica(step)
               ? replica_due(db, (enum replica_due)step->due, now, grace, rows, max, next)
           : step->incoming ? in_due(db, (enum in_due)step->due, &rules, now, rows, max, next)
                            : out_due(db, (enum out_due)step->due, now, rows, max, next);
}

/* next: when another row will be due, at the latest; NULL when nobody wants to know. changes:
 * store_changes() before this look. */
static void look(struct services *sv, size_t s, uint64_t changes, int64_t now, int64_t *next)
{
    struct scheduler *l = sv->work;
    const struct step *step = &steps[s];
    if (l->count[s] >= step->parallel)
        return;
    if (yields(step) && l->yielding_ms != 0 && l->looked_ms - l->yielding_ms < YIELD_MS) {
        if (next != NULL && *next > now + SETTLE_MS)
            *next = now + SETTLE_MS;
        return;
    }
    if ((step->needs_net && (dht_link_state(sv->dht) == DHT_DOWN || !may_go(sv))) ||
        (step->incoming && step->due == IN_DUE_EXPIRE && !trusted_clock_holds(sv)))
        return;
    int64_t rows[DUE_BATCH + 64], own = now + LOOK_AGAIN_MS;
    size_t n = 0;
    if (!l->seen[s].known || l->seen[s].changes != changes || now >= l->seen[s].next_ms) {
        n = ask(sv, step, now, rows, step->parallel + l->count[s], next == NULL ? NULL : &own);
        l->seen[s].known = next != NULL;
        l->seen[s].changes = changes;
        l->seen[s].next_ms = own;
    }
    if (next != NULL && *next > l->seen[s].next_ms)
        *next = l->seen[s].next_ms;
    for (size_t i = 0; i < n && l->count[s] < step->parallel; i++)
        if (!is_busy(l, s, rows[i]))
            start_one(sv, s, rows[i]);
}

static void on_timer(uv_timer_t *t)
{
    struct services *sv = t->data;
    bool kicked = sv->work->kicked;
    sv->work->kicked = false;
    if (sv->stopping)
        return;
    int64_t pause = sv->work->paused_until_ms - clock_mono_ms();
    if (pause > 0) {
        (void)uv_timer_start(t, on_timer, (uint64_t)pause, 0);
        return;
    }
    int64_t now = clock_wall_ms(), next = now + LOOK_AGAIN_MS;
    sv->work->looked_ms = clock_mono_ms();
    look_for_mail(sv->work);
    uint64_t changes[STEPS];
    for (size_t s = 0; s < STEPS; s++)
        changes[s] = store_changes(sv->store, steps[s].parts);
    store_look_begin(sv->store);
    for (size_t s = 0; s < STEPS; s++)
        look(sv, s, changes[s], now, kicked ? NULL : &next);
    store_look_end(sv->store);
    if (!sv->work->kicked) {
        int64_t wait = kicked ? SETTLE_MS : next - clock_wall_ms();
        (void)uv_timer_start(t, on_timer, wait < 1 ? 1 : (uint64_t)wait, 0);
    }
}

void kick(struct services *sv)
{
    if (sv->work == NULL || sv->work->timer == NULL || sv->work->kicked || sv->stopping)
        return;
    sv->work->kicked = true;
    int64_t since = clock_mono_ms() - sv->work->looked_ms;
    (void)uv_timer_start(sv->work->timer, on_timer, since < GAP_MS ? GAP_MS : 0, 0);
}

void work_end(struct work *w)
{
    struct services *sv = w->services;
    size_t s = (size_t)(w->step - steps);
    for (struct work **at = &sv->work->busy[s]; *at != NULL; at = &(*at)->next) {
        if (*at == w) {
            *at = w->next;
            sv->work->count[s]--;
            sv->work->seen[s].known = false; /* whatever came of it */
            break;
        }
    }
    free(w);
    kick(sv);
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
        d->w->services->work->paused_until_ms = clock_mono_ms() + PAUSE_MS;
    }
    work_end(d->w);
    free(d);
}

static int64_t tries_of(const struct work *w)
{
    struct db *db = store_reader(w->services->store);
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
    d->due_ms = retry_at(w->services, tries_of(w));
    if (why != NULL) {
        strncpy(d->why, why, sizeof d->why - 1);
        log_info("%s %lld: %s", w->step->name, (long long)w->n, why);
    }
    store_do(w->services->store, delay_run, delay_done, d);
}

void work_over(struct work *w, const char *why)
{
    if (why != NULL)
        work_retry(w, why);
    else
        work_end(w);
}

int scheduler_start(struct services *sv, struct error *e)
{
    sv->work = calloc(1, sizeof *sv->work);
    uv_timer_t *t = sv->work == NULL ? NULL : timer_new(sv, sv);
    if (t == NULL)
        return error_set(e, "Out of memory.");
    sv->work->timer = t;
    kick(sv);
    return 0;
}

void scheduler_stop(struct services *sv)
{
    if (sv->work != NULL)
        timer_free(&sv->work->timer);
}

void scheduler_free(struct services *sv)
{
    if (sv->work == NULL)
        return;
    for (size_t s = 0; s < STEPS; s++) {
        while (sv->work->busy[s] != NULL) {
            struct work *w = sv->work->busy[s];
            sv->work->busy[s] = w->next;
            free(w);
        }
    }
    free(sv->work);
    sv->work = NULL;
}
