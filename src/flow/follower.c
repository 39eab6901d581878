/* SPDX-License-Identifier: GPL-3.0-or-later */
/* follower.c - see follower.h. */
#include "flow/follower.h"

struct growing *follower_take(struct flow *f)
{
    if (f->followed != NULL || f->follower == NULL || f->stopping)
        return NULL;
    return f->followed = growing_new();
}

void follower_run(struct flow *f, struct job *job, void (*run)(struct job *, void *),
                  void (*done)(struct job *))
{
    flow_job(f->follower, job, run, done, false);
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

void follower_free(struct flow *f)
{
    growing_free(&f->followed);
}
