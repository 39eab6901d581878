/* SPDX-License-Identifier: GPL-3.0-or-later */
/* scheduler.c - see scheduler.h. */
#include "flow/core/scheduler.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "dht/dht.h"
#include "flow/core/retry.h"
#include "flow/core/step.h"
#include "flow/core/timer.h"
#include "flow/core/trusted_clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "scheduler"
#define WORK_NAME_CAP (32 + ABOUT_CAP)
#define DUE_BATCH 64
#define LOOK_AGAIN_MS 30000 /* at the latest, whatever the tables say */
#define GAP_MS 3            /* between two looks: under load each finds more that is due */
#define QUIET_MS 20         /* after a look, before it is asked when the next row will be due */
#define YIELD_MS 10000      /* at the most, a STEP_LAST waits for those that are STEP_FIRST */
#define PAUSE_MS 5000       /* when no delay is taken: all would be due again at once */

struct lane { /* what is known of one step */
    const struct step *step;
    unsigned parts; /* of the store that its queue is read from */
    struct work *busy;
    unsigned count;
    /* the last whole look, which need not be repeated until there is something new */
    bool known;
    uint64_t changes, before; /* store_changes() before it, and before the one that begins */
    int64_t next_ms;          /* nothing else is due before */
};

struct scheduler {
    uv_timer_t *timer;
    bool kicked;
    int64_t paused_until_ms; /* on the monotonic clock */
    int64_t looked_ms;       /* likewise */
    int64_t yielding_ms;     /* likewise: since when STEP_LAST ones wait; 0 = they do not */
    struct lane *lane;       /* in the order of the table */
    size_t count;
};

static struct scheduler *scheduler_of(const struct services *sv)
{
    return module_state(sv, &scheduler_module);
}

static struct lane *lane_of(const struct scheduler *l, const struct step *step)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->lane[i].step == step)
            return &l->lane[i];
    return NULL;
}

static bool lane_is_busy(const struct lane *lane, int64_t n)
{
    for (const struct work *w = lane->busy; w != NULL; w = w->next)
        if (w->n == n)
            return true;
    return false;
}

bool work_under_way(const struct services *sv, const struct queue *queue, int64_t n)
{
    const struct scheduler *l = scheduler_of(sv);
    bool yes = false;
    for (size_t i = 0; l != NULL && i < l->count; i++)
        yes = yes || (l->lane[i].step->queue == queue && lane_is_busy(&l->lane[i], n));
    return yes;
}

/* Every step under its own name: "pull 3fa9c2d112345678 bob@demo". */
static void work_name(const struct work *w, char out[WORK_NAME_CAP])
{
    char about[ABOUT_CAP];
    about_row(store_reader(w->services->store), w->step->queue->about, w->n, about);
    (void)snprintf(out, WORK_NAME_CAP, "%s %s", w->step->queue->name, about);
}

static void log_start(const struct work *w)
{
    char name[WORK_NAME_CAP];
    if (!log_wanted(LOG_DEBUG))
        return;
    work_name(w, name);
    log_debug("%s", name);
}

static void start_one(struct services *sv, struct lane *lane, int64_t n)
{
    struct work *w = mem_new(sizeof *w);
    *w = (struct work){.services = sv, .step = lane->step, .n = n, .next = lane->busy};
    lane->busy = w;
    lane->count++;
    log_start(w);
    lane->step->start(w);
}

static void look_for_first(struct scheduler *l)
{
    bool busy = false;
    for (size_t i = 0; i < l->count; i++)
        busy = busy || (l->lane[i].step->rank == STEP_FIRST && l->lane[i].count > 0);
    if (!busy)
        l->yielding_ms = 0;
    else if (l->yielding_ms == 0)
        l->yielding_ms = l->looked_ms;
}

bool may_go(const struct services *sv)
{
    return sv->may_go == NULL || sv->may_go(sv);
}

static bool may_start(const struct services *sv, const struct step *step)
{
    if (step->needs_net && (dht_link_state(sv->dht) == DHT_DOWN || !may_go(sv)))
        return false;
    return step->may == NULL || step->may(sv);
}

/* next: when another row will be due, at the latest; NULL when nobody wants to know. */
static void lane_look(struct services *sv, struct lane *lane, const struct queue_rules *rules,
                      int64_t now, int64_t *next)
{
    const struct scheduler *l = scheduler_of(sv);
    const struct step *step = lane->step;
    if (lane->count >= step->parallel)
        return;
    if (step->rank == STEP_LAST && l->yielding_ms != 0 &&
        l->looked_ms - l->yielding_ms < YIELD_MS) {
        if (next != NULL && *next > now + QUIET_MS)
            *next = now + QUIET_MS;
        return;
    }
    if (!may_start(sv, step))
        return;
    int64_t rows[DUE_BATCH + 64], own = now + LOOK_AGAIN_MS;
    size_t n = 0;
    if (!lane->known || lane->changes != lane->before || now >= lane->next_ms) {
        n = queue_due(store_reader(sv->store), step->queue, rules, now, rows,
                      step->parallel + lane->count, next == NULL ? NULL : &own);
        lane->known = next != NULL;
        lane->changes = lane->before;
        lane->next_ms = own;
    }
    if (next != NULL && *next > lane->next_ms)
        *next = lane->next_ms;
    for (size_t i = 0; i < n && lane->count < step->parallel; i++)
        if (!lane_is_busy(lane, rows[i]))
            start_one(sv, lane, rows[i]);
}

static void scheduler_on_timer(uv_timer_t *t)
{
    struct services *sv = t->data;
    struct scheduler *l = scheduler_of(sv);
    bool kicked = l->kicked;
    l->kicked = false;
    if (sv->stopping)
        return;
    int64_t pause = l->paused_until_ms - clock_mono_ms();
    if (pause > 0) {
        (void)uv_timer_start(t, scheduler_on_timer, (uint64_t)pause, 0);
        return;
    }
    int64_t now = clock_wall_ms(), next = now + LOOK_AGAIN_MS;
    const struct queue_rules rules = {sv->c.expiry_grace, sv->c.pull_before, sv->c.pull_before_max,
                                      trusted_now_ms(sv)};
    l->looked_ms = clock_mono_ms();
    look_for_first(l);
    for (size_t i = 0; i < l->count; i++)
        l->lane[i].before = store_changes(sv->store, l->lane[i].parts);
    store_look_begin(sv->store);
    for (size_t i = 0; i < l->count; i++)
        lane_look(sv, &l->lane[i], &rules, now, kicked ? NULL : &next);
    store_look_end(sv->store);
    if (!l->kicked) {
        int64_t wait = kicked ? QUIET_MS : next - clock_wall_ms();
        (void)uv_timer_start(t, scheduler_on_timer, wait < 1 ? 1 : (uint64_t)wait, 0);
    }
}

void kick(struct services *sv)
{
    struct scheduler *l = scheduler_of(sv);
    if (l == NULL || l->timer == NULL || l->kicked || sv->stopping)
        return;
    l->kicked = true;
    int64_t since = clock_mono_ms() - l->looked_ms;
    (void)uv_timer_start(l->timer, scheduler_on_timer, since < GAP_MS ? GAP_MS : 0, 0);
}

void work_end(struct work *w)
{
    struct services *sv = w->services;
    struct lane *lane = lane_of(scheduler_of(sv), w->step);
    for (struct work **at = lane == NULL ? NULL : &lane->busy; at != NULL && *at != NULL;
         at = &(*at)->next) {
        if (*at == w) {
            *at = w->next;
            lane->count--;
            lane->known = false; /* whatever came of it */
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
    const struct delay *d = arg;
    return queue_delay(db, d->w->step->queue, d->w->n, d->due_ms,
                       d->why[0] != '\0' ? d->why : NULL);
}

static void pause_looks(const struct services *sv)
{
    struct scheduler *l = scheduler_of(sv);
    if (l != NULL)
        l->paused_until_ms = clock_mono_ms() + PAUSE_MS;
}

static void delay_done(void *arg, int rc)
{
    struct delay *d = arg;
    if (rc != 0) {
        char name[WORK_NAME_CAP];
        const char *refused = store_refused(NULL, "a delay");
        work_name(d->w, name);
        log_error("%s: %s", name, refused);
        pause_looks(d->w->services);
    }
    work_end(d->w);
    free(d);
}

void work_retry(struct work *w, const char *why)
{
    struct services *sv = w->services;
    struct delay *d = mem_new(sizeof *d);
    d->w = w;
    d->due_ms = retry_at(sv, queue_tries(store_reader(sv->store), w->step->queue, w->n));
    if (why != NULL) {
        char name[WORK_NAME_CAP];
        strncpy(d->why, why, sizeof d->why - 1);
        work_name(w, name);
        log_info("%s: %s", name, why);
    }
    store_do(sv->store, delay_run, delay_done, d);
}

void work_over(struct work *w, const char *why)
{
    if (why != NULL)
        work_retry(w, why);
    else
        work_end(w);
}

static int scheduler_start(struct services *sv, struct error *e)
{
    struct scheduler *l = module_new(sv, &scheduler_module, sizeof *l);
    while (sv->steps != NULL && sv->steps[l->count] != NULL)
        l->count++;
    l->lane = mem_array(l->count, sizeof *l->lane);
    l->timer = timer_new(sv, sv);
    for (size_t i = 0; i < l->count; i++) {
        l->lane[i].step = sv->steps[i];
        l->lane[i].parts = queue_parts(store_reader(sv->store), sv->steps[i]->queue);
        if (l->lane[i].parts == 0)
            return error_set(e, "The queue %s cannot be read.", sv->steps[i]->queue->name);
    }
    kick(sv);
    return 0;
}

static void scheduler_stop(struct services *sv)
{
    struct scheduler *l = scheduler_of(sv);
    if (l != NULL)
        timer_free(&l->timer);
}

static void scheduler_free(struct services *sv)
{
    struct scheduler *l = scheduler_of(sv);
    for (size_t i = 0; l != NULL && l->lane != NULL && i < l->count; i++) {
        while (l->lane[i].busy != NULL) {
            struct work *w = l->lane[i].busy;
            l->lane[i].busy = w->next;
            free(w);
        }
    }
    if (l != NULL)
        free(l->lane);
}

static void scheduler_on(struct services *sv, enum event what)
{
    if (what == EVENT_CLOCK_SET || what == EVENT_RECEIPTS_LOOKED)
        kick(sv);
}

const struct module scheduler_module = {
    .on = scheduler_on, .start = scheduler_start, .stop = scheduler_stop, .free = scheduler_free};
