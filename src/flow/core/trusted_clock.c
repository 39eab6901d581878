/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trusted_clock.c - see trusted_clock.h. A clock that is set right after a start without one jumps
 * too, so a jump alone proves nothing; but nobody is given up before the DHT was asked what it
 * knows. The time is kept for the next start, which compares. */
#include "flow/core/trusted_clock.h"
#include "base/clock.h"
#include "base/log.h"
#include "flow/core/timer.h"
#include "flow/core/step.h"
#include "flow/core/events.h"
#include <stdlib.h>

#define LOG_AREA "clock"
#define TICK_MS 10000
#define KEEP_MS 60000         /* how often the time is kept for the next start */
#define ABSENCE_MS 86400000LL /* a longer time since then is worth a line in the log */

struct trusted_clock {
    uv_timer_t *timer;
    int64_t wall, boot; /* at the last tick */
    int64_t kept;
    bool looked;
};

static struct trusted_clock *trusted_clock_of(const struct services *sv)
{
    return module_state(sv, &trusted_clock_module);
}

int64_t clock_jump(int64_t wall_before, int64_t boot_before, int64_t wall_now, int64_t boot_now)
{
    int64_t moved = (wall_now - wall_before) - (boot_now - boot_before);
    return moved > CLOCK_JUMP_MS || moved < -CLOCK_JUMP_MS ? moved : 0;
}

static int trusted_clock_store_run(struct db *db, void *arg)
{
    int64_t now = clock_wall_ms();
    return meta_set(db, "clock", &now, sizeof now);
}

static void trusted_clock_store(struct services *sv)
{
    trusted_clock_of(sv)->kept = clock_wall_ms();
    store_do(sv->store, trusted_clock_store_run, NULL, NULL);
}

static void suspend(struct services *sv, int64_t jump)
{
    struct trusted_clock *w = trusted_clock_of(sv);
    log_warn("the clock jumped %s by %lld s: nothing expires until receipts were looked for",
             jump > 0 ? "ahead" : "back", (long long)(jump > 0 ? jump : -jump) / 1000);
    w->looked = false;
    event_raise(sv, EVENT_CLOCK_JUMPED);
}

static void on_tick(uv_timer_t *t)
{
    struct services *sv = t->data;
    struct trusted_clock *w = trusted_clock_of(sv);
    int64_t wall = clock_wall_ms(), boot = clock_boot_ms();
    int64_t jump = clock_jump(w->wall, w->boot, wall, boot);
    w->wall = wall;
    w->boot = boot;
    if (jump != 0)
        suspend(sv, jump);
    else if (w->looked && wall - w->kept >= KEEP_MS)
        trusted_clock_store(sv);
}

static int trusted_clock_start(struct services *sv, struct error *e)
{
    struct trusted_clock *w = module_new(sv, &trusted_clock_module, sizeof *w);
    uv_timer_t *t = timer_new(sv, sv);
    int64_t kept = 0;
    w->wall = clock_wall_ms();
    w->boot = clock_boot_ms();
    if (meta_get(store_reader(sv->store), "clock", &kept, sizeof kept) == 0) {
        if (w->wall < kept - CLOCK_JUMP_MS)
            log_warn("the clock is %lld s behind the time of the last run: nothing expires until "
                     "receipts were looked for",
                     (long long)(kept - w->wall) / 1000);
        else if (w->wall > kept + ABSENCE_MS)
            log_info(
                "%lld hours since the last run: nothing expires until receipts were looked for",
                (long long)(w->wall - kept) / 3600000);
    }
    w->timer = t;
    return uv_timer_start(t, on_tick, TICK_MS, TICK_MS);
}

bool trusted_clock_holds(const struct services *sv)
{
    return trusted_clock_of(sv) != NULL && trusted_clock_of(sv)->looked;
}

static void looked(struct services *sv)
{
    if (trusted_clock_of(sv) == NULL || trusted_clock_of(sv)->looked)
        return;
    trusted_clock_of(sv)->looked = true;
    log_info("receipts were looked for: what is over by this clock may expire");
    trusted_clock_store(sv);
    kick(sv);
}

static void trusted_clock_stop(struct services *sv)
{
    if (trusted_clock_of(sv) != NULL)
        timer_free(&trusted_clock_of(sv)->timer);
}

static void trusted_clock_on(struct services *sv, enum event what)
{
    if (what == EVENT_RECEIPTS_LOOKED)
        looked(sv);
}

const struct module trusted_clock_module = {
    .on = trusted_clock_on, .start = trusted_clock_start, .stop = trusted_clock_stop};
