/* SPDX-License-Identifier: GPL-3.0-or-later */
/* follower.c - see follower.h. */
#include "flow/follower.h"

struct growing *follower_take(struct flow *f, struct job *job, void (*run)(struct job *, void *),
                              void (*done)(struct job *))
{
    if (f->followed != NULL || f->follower == NULL || f->stopping)
        return NULL;
    f->followed = growing_new();
    if (f->followed != NULL)
        flow_job(f->follower, job, run, done, false);
    return f->followed;
}

void follower_leave(struct flow *f)
{
    growing_free(&f->followed);
}

void follower_stop(struct flow *f)
{
    if (f->followed != NULL)
        growing_abort(f->followed);
}
