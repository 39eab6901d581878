/* SPDX-License-Identifier: GPL-3.0-or-later */
/* checks_watch.c - see checks_watch.h. Looking: the disk on a worker thread, the endpoints one
 * after the other by the same client that pulls from others. A router may refuse to lead an inner
 * host back to its own public address, so that a public endpoint that is silent from inside proves
 * nothing; that somebody else has fetched here lately proves that it is reached. */
#include "daemon/checks_watch.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/checks_parts.h"
#include "flow/peers/instance_live.h"
#include "flow/core/timer.h"
#include "proto/limits.h"
#include "net/http_client.h"
#include "base/jobs.h"
#include "base/mem.h"
#include "flow/core/job.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "health"
#define TICK_MS 60000
#define TICK_BAD_MS 5000       /* while something is wrong */
#define ENDPOINT_GOOD_MS 60000 /* how long an answer counts */
#define DISK_GOOD_MS 2000
#define YOUNG_MS 5000 /* until then what is missing is only starting */
#define CONNECT_S 3

static void health_on_timer(uv_timer_t *t);

static struct checks_watch *of(struct service *s)
{
    return s->health;
}

/* ---- the end of a look */

static void log_changes(struct service *s)
{
    struct checks_watch *w = of(s);
    struct checks now = {.count = 0};
    bool young = clock_mono_ms() - s->started_ms < YOUNG_MS;
    checks_watch_parts(s, &now);
    for (size_t i = 0; i < now.count; i++) {
        struct check *p = &now.part[i];
        if (young && strcmp(p->name, "disk") != 0)
            p->state = CHECK_OK;
        enum check_state before = CHECK_OK;
        for (size_t k = 0; k < w->told.count; k++)
            if (strcmp(w->told.part[k].name, p->name) == 0 && w->told.part[k].state > before)
                before = w->told.part[k].state;
        if (p->state > before)
            log_warn("%s: %s. %s", p->name, p->what, p->todo);
        else if (p->state < before)
            log_info("%s is %s: %s", p->name, p->state == CHECK_OK ? "well again" : "better",
                     p->what);
    }
    w->told = now;
}

static void look_ended(struct service *s)
{
    struct checks_watch *w = of(s);
    if (w->disk_busy || w->fetch != NULL)
        return;
    if (!s->stopping)
        log_changes(s);
    size_t n = w->waiting;
    struct checks_waiter list[WATCH_WAITERS_MAX];
    memcpy(list, w->waiter, n * sizeof *list);
    w->waiting = 0;
    for (size_t i = 0; i < n; i++)
        list[i].done(list[i].ctx);
    if (w->timer != NULL && !s->stopping)
        (void)uv_timer_start(w->timer, health_on_timer,
                             !checks_watch_ready(s) ? TICK_BAD_MS : TICK_MS, 0);
}

/* ---- the disk */

static void disk_run(struct job *job, void *thread_ctx)
{
    struct checks_watch *w = (struct checks_watch *)job;
    disk_look(w->service->config.home, &w->looked);
}

static void disk_done(struct job *job)
{
    struct checks_watch *w = (struct checks_watch *)job;
    w->disk = w->looked;
    w->disk_ms = clock_mono_ms();
    w->disk_busy = false;
    look_ended(w->service);
}

/* ---- the endpoints */

static void next_endpoint(struct service *s);

static int health_on_data(void *ctx, const uint8_t *p, size_t n)
{
    return buf_append(&of(ctx)->body, p, n);
}

static void health_on_done(void *ctx, bool ok, int status, const char *why)
{
    struct service *s = ctx;
    struct checks_watch *w = of(s);
    struct endpoint_look *l = &w->endpoint[w->at];
    w->fetch = NULL;
    l->state = status == 404 ? ENDPOINT_ANSWERS /* nothing was posted yet */
               : !ok         ? ENDPOINT_SILENT
               : conflict_own_key(&s->services, &w->body) ? ENDPOINT_ANSWERS
                                                          : ENDPOINT_FOREIGN;
    (void)snprintf(l->why, sizeof l->why, "%s", why);
    w->at++;
    next_endpoint(s);
}

static void next_endpoint(struct service *s)
{
    struct checks_watch *w = of(s);
    struct endpoint_policy policy = s->services.policy;
    struct error e = {""};
    policy.private_all = true; /* it is this peer's own */
    buf_free(&w->body);
    w->body = (struct buf)BUF_INIT(RECORD_MAX);
    for (; w->at < s->services.c.endpoint_count && !s->stopping; w->at++) {
        struct http_fetch_config c = {.endpoint = &s->endpoints[w->at],
                                      .policy = &policy,
                                      .path = "/pubkey",
                                      .max_bytes = RECORD_MAX,
                                      .connect_seconds = CONNECT_S,
                                      .stall_seconds = CONNECT_S,
                                      .data = health_on_data,
                                      .done = health_on_done,
                                      .ctx = s};
        w->fetch = http_fetch(s->services.http, &c, &e);
        if (w->fetch != NULL)
            return;
        w->endpoint[w->at].state = ENDPOINT_SILENT;
        (void)snprintf(w->endpoint[w->at].why, sizeof w->endpoint[w->at].why, "%s", e.text);
    }
    w->endpoints_ms = clock_mono_ms();
    look_ended(s);
}

/* ---- when */

static bool old(int64_t at_ms, int64_t life)
{
    return at_ms == 0 || clock_mono_ms() - at_ms > life;
}

static bool endpoints_well(const struct checks_watch *w, const struct service *s)
{
    for (size_t i = 0; i < s->services.c.endpoint_count; i++)
        if (w->endpoint[i].state != ENDPOINT_ANSWERS)
            return false;
    return true;
}

static void health_look(struct service *s, bool fresh)
{
    struct checks_watch *w = of(s);
    if (w->disk_busy || w->fetch != NULL || s->stopping)
        return;
    bool ask = old(w->endpoints_ms, fresh                  ? 0
                                    : endpoints_well(w, s) ? ENDPOINT_GOOD_MS
                                                           : DISK_GOOD_MS);
    if (old(w->disk_ms, fresh ? 0 : DISK_GOOD_MS)) {
        w->disk_busy = true;
        job_run(s->services.files, &w->job, disk_run, disk_done, false);
    }
    if (ask) {
        w->at = 0;
        next_endpoint(s);
    }
}

/* Dovecot's log grows as ours does, which turns itself. */
static void turn_dovecot_log(struct service *s)
{
    char path[PATH_CAP];
    if (s->dovecot != NULL && path_join(path, s->config.home, "log/dovecot.log", NULL) == 0 &&
        log_turn(path) > 0)
        dovecot_reopen_log(s->dovecot);
}

static void health_on_timer(uv_timer_t *t)
{
    struct service *s = t->data;
    turn_dovecot_log(s);
    health_look(s, false);
    if (!of(s)->disk_busy && of(s)->fetch == NULL)
        look_ended(s);
}

void checks_watch_look(struct service *s, bool fresh, void (*done)(void *ctx), void *ctx)
{
    struct checks_watch *w = of(s);
    if (w == NULL || s->stopping || w->waiting == WATCH_WAITERS_MAX) {
        done(ctx);
        return;
    }
    health_look(s, fresh);
    if (!w->disk_busy && w->fetch == NULL)
        done(ctx);
    else
        w->waiter[w->waiting++] = (struct checks_waiter){done, ctx};
}

void checks_watch_fetched(void *ctx, const uint8_t *hash)
{
    struct service *s = ctx;
    atomic_store(&s->fetched_ms, clock_mono_ms());
}

int checks_watch_start(struct service *s, struct error *e)
{
    struct checks_watch *w = s->health = mem_new(sizeof *w);
    uv_timer_t *t = timer_new(&s->services, s);
    if (t == NULL)
        return error_set(e, "Out of memory.");
    w->service = s;
    w->timer = t;
    return uv_timer_start(t, health_on_timer, 1000, 0);
}

void checks_watch_stop(struct service *s)
{
    struct checks_watch *w = of(s);
    if (w == NULL)
        return;
    timer_free(&w->timer);
    if (w->fetch != NULL)
        http_fetch_cancel(w->fetch);
    w->fetch = NULL;
    if (!w->disk_busy)
        look_ended(s);
}

void checks_watch_free(struct service *s)
{
    if (s->health != NULL)
        buf_free(&s->health->body);
    free(s->health);
    s->health = NULL;
}
