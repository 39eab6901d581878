/* SPDX-License-Identifier: GPL-3.0-or-later */
/* upkeep.c - see upkeep.h. */
#include "flow/core/timer.h"
#include "flow/core/upkeep.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/incoming.h"
#include "store/invites.h"
#include "store/outgoing.h"
#include "flow/core/trusted_clock.h"
#include <stdlib.h>

#define LOG_AREA "upkeep"
#define FIRST_MS 3000
#define DAY_MS (86400LL * 1000)
#define OUT_DAYS 60 /* ended notifications are remembered so long: late receipts are answered */

struct upkeep {
    uv_timer_t *timer;
};

static struct upkeep *upkeep_of(const struct services *sv)
{
    return module_state(sv, &upkeep_module);
}

static int upkeep_forget_run(struct db *db, void *arg)
{
    int64_t now = trusted_now_ms(arg);
    store_crash_point("upkeep.before");
    return out_forget(db, now - OUT_DAYS * DAY_MS) < 0 || in_forget(db, now) < 0 ||
                   invite_forget(db, now) < 0
               ? -1
               : 0;
}

static void upkeep_forget_done(void *arg, int rc)
{
    store_crash_point("upkeep.after");
    if (rc != 0)
        log_error("the database does not forget old rows");
}

static void upkeep_on_timer(uv_timer_t *t)
{
    struct services *sv = t->data;
    if (!sv->stopping)
        store_do(sv->store, upkeep_forget_run, upkeep_forget_done, sv);
}

static int upkeep_start(struct services *sv, struct error *e)
{
    struct upkeep *u = module_new(sv, &upkeep_module, sizeof *u);
    uv_timer_t *t = timer_new(sv, sv);
    u->timer = t;
    return uv_timer_start(t, upkeep_on_timer, FIRST_MS, DAY_MS);
}

static void upkeep_stop(struct services *sv)
{
    if (upkeep_of(sv) != NULL)
        timer_free(&upkeep_of(sv)->timer);
}

const struct module upkeep_module = {.start = upkeep_start, .stop = upkeep_stop};
