/* SPDX-License-Identifier: GPL-3.0-or-later */
/* jobs.h - work that must not stop the loop: named threads with one queue each.
 * A job's run() is called on a worker thread, then its done() on the loop's thread. */
#ifndef RESTANTE_BASE_JOBS_H
#define RESTANTE_BASE_JOBS_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct job {
    void (*run)(struct job *job, void *thread_ctx); /* worker thread */
    void (*done)(struct job *job);                  /* loop thread; may free the job */
    bool small;       /* may be taken by a thread kept for small work */
    struct job *next; /* the queue's */
};

struct jobs_config {
    const char *name;                      /* of the threads, at most 15 characters */
    unsigned threads;                      /* at least 1 */
    unsigned small_threads;                /* how many of them take only jobs marked small */
    void *(*thread_start)(void *arg);      /* on each thread before its first job; its result is */
    void (*thread_stop)(void *thread_ctx); /* thread_ctx. Both may be NULL. NULL result = failure */
    void *arg;
    /* Optional, with threads == 1: called around each run of up to batch jobs (a transaction). When
     * batch_end fails, its error goes to batch_failed for each job of the batch before done(). */
    int (*batch_begin)(void *thread_ctx);
    int (*batch_end)(void *thread_ctx);
    void (*batch_failed)(struct job *job);
    unsigned batch; /* 0 = 1 */
};

struct jobs;

/* Starts the threads. NULL and e when one cannot be started or its thread_start fails. */
struct jobs *jobs_create(uv_loop_t *loop, const struct jobs_config *config, struct error *e);
/* Queues; the job stays the caller's memory and must live until done() was called. Without threads
 * (NULL, or while jobs_free runs) the job is dropped: neither run() nor done() is called. */
void jobs_submit(struct jobs *jobs, struct job *job);
/* Number of jobs queued or running or waiting for done(). */
size_t jobs_pending(const struct jobs *jobs);
/* Runs what is queued, joins, calls the outstanding done()s, frees, and nulls *jobs. */
void jobs_free(struct jobs **jobs);

#endif
