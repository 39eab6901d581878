/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stream_worker.c - see stream_worker.h. */
#include "flow/core/stream_worker.h"

struct growing *stream_worker_take(struct services *sv)
{
    if (sv->followed != NULL || sv->stream_worker == NULL || sv->stopping)
        return NULL;
    return sv->followed = growing_new();
}

void stream_worker_run(struct services *sv, struct job *job, void (*run)(struct job *, void *),
                       void (*done)(struct job *))
{
    job_run(sv->stream_worker, job, run, done, false);
}

void stream_worker_leave(struct services *sv)
{
    growing_free(&sv->followed);
}

void stream_worker_stop(struct services *sv)
{
    if (sv->followed != NULL)
        growing_abort(sv->followed);
}

void stream_worker_free(struct services *sv)
{
    growing_free(&sv->followed);
}
