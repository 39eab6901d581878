/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stream_worker.c - see stream_worker.h. */
#include "flow/core/stream_worker.h"
#include "flow/core/job.h"

struct stream_worker {
    struct growing *stream;
};

static struct stream_worker *stream_worker_of(const struct services *sv)
{
    return module_state(sv, &stream_worker_module);
}

bool stream_worker_busy(const struct services *sv)
{
    const struct stream_worker *w = stream_worker_of(sv);
    return w == NULL || w->stream != NULL;
}

struct growing *stream_worker_take(struct services *sv)
{
    if (stream_worker_busy(sv) || sv->stream_worker == NULL || sv->stopping)
        return NULL;
    return stream_worker_of(sv)->stream = growing_new();
}

void stream_worker_run(struct services *sv, struct job *job, void (*run)(struct job *, void *),
                       void (*done)(struct job *))
{
    job_run(sv->stream_worker, job, run, done, false);
}

void stream_worker_leave(struct services *sv)
{
    growing_free(&stream_worker_of(sv)->stream);
}

static int stream_worker_start(struct services *sv, struct error *e)
{
    (void)module_new(sv, &stream_worker_module, sizeof(struct stream_worker));
    return 0;
}

/* What is read will not grow any more. */
static void stream_worker_stop(struct services *sv)
{
    const struct stream_worker *w = stream_worker_of(sv);
    if (w != NULL && w->stream != NULL)
        growing_abort(w->stream);
}

static void stream_worker_free(struct services *sv)
{
    struct stream_worker *w = stream_worker_of(sv);
    if (w != NULL)
        growing_free(&w->stream);
}

const struct module stream_worker_module = {
    .start = stream_worker_start, .stop = stream_worker_stop, .free = stream_worker_free};
