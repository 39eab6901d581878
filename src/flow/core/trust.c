/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trust.c - see trust.h. */
#include "flow/core/trust.h"

#define SLACK_BACK 24          /* one ms of slack comes back in so many */
#define LOW_MS (3600 * 1000LL) /* so long a lower wall clock is a passing fault */

void trust_begin(struct trust *t, int64_t wall, int64_t boot)
{
    *t = (struct trust){.wall = wall, .boot = boot, .slack = TRUST_SLACK_MS};
}

static int64_t reckoned(const struct trust *t, int64_t boot)
{
    return boot > t->boot ? t->wall + (boot - t->boot) : t->wall;
}

int64_t trust_now(const struct trust *t, int64_t wall, int64_t boot)
{
    int64_t at = reckoned(t, boot);
    return at < wall ? at : wall;
}

bool trust_needs_witness(const struct trust *t, int64_t wall, int64_t boot)
{
    return wall - reckoned(t, boot) > t->slack;
}

void trust_look(struct trust *t, int64_t wall, int64_t boot, int64_t witness)
{
    int64_t at = reckoned(t, boot);
    if (boot > t->boot)
        t->slack += (boot - t->boot) / SLACK_BACK;
    if (t->slack > TRUST_SLACK_MS)
        t->slack = TRUST_SLACK_MS;
    if (witness > at)
        at = witness < wall ? witness : wall > at ? wall : at;
    if (wall > at && wall - at <= t->slack) {
        t->slack -= wall - at;
        at = wall;
    }
    if (wall >= at - TRUST_SLACK_MS)
        t->low_for = 0;
    else if (t->low_for == 0)
        t->low_for = boot > 0 ? boot : 1;
    else if (boot - t->low_for >= LOW_MS)
        at = wall;
    t->wall = at;
    t->boot = boot;
}
