/* SPDX-License-Identifier: GPL-3.0-or-later */
/* jobs.c - see jobs.h. One lock for both queues; the loop is woken by a uv_async. */
#include "base/jobs.h"
#include "base/mem.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct jobs_queue {
    struct job *first, **last;
};

struct worker {
    struct jobs *jobs;
    pthread_t thread;
    bool small_only, started;
    void *ctx;
};

struct jobs {
    struct jobs_config config;
    char name[16];
    uv_async_t *wake;
    pthread_mutex_t lock;
    pthread_cond_t more; /* a job was queued, a thread reported, or it ends */
    struct jobs_queue todo, finished;
    size_t pending; /* loop thread only */
    unsigned ready, failed;
    bool stop;
    struct worker *workers;
};

static void queue_init(struct jobs_queue *q)
{
    q->first = NULL;
    q->last = &q->first;
}

static void queue_push(struct jobs_queue *q, struct job *j)
{
    j->next = NULL;
    *q->last = j;
    q->last = &j->next;
}

/* The first job, or the first small one. */
static struct job *queue_pop(struct jobs_queue *q, bool small_only)
{
    for (struct job **at = &q->first; *at != NULL; at = &(*at)->next) {
        struct job *j = *at;
        if (small_only && !j->small)
            continue;
        *at = j->next;
        if (j->next == NULL)
            q->last = at;
        j->next = NULL;
        return j;
    }
    return NULL;
}

static void run_batch(struct worker *w, struct jobs_queue *batch)
{
    const struct jobs_config *c = &w->jobs->config;
    int rc = c->batch_begin != NULL ? c->batch_begin(w->ctx) : 0;
    for (struct job *j = batch->first; j != NULL && rc == 0; j = j->next)
        j->run(j, w->ctx);
    if (rc == 0 && c->batch_end != NULL)
        rc = c->batch_end(w->ctx);
    for (struct job *j = batch->first; j != NULL && rc != 0; j = j->next)
        if (c->batch_failed != NULL)
            c->batch_failed(j);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct jobs *jobs = w->jobs;
    const struct jobs_config *c = &jobs->config;
    bool bad = false;
    if (c->thread_start != NULL) {
        w->ctx = c->thread_start(c->arg);
        bad = w->ctx == NULL;
    }
    pthread_mutex_lock(&jobs->lock);
    jobs->ready++;
    jobs->failed += bad;
    pthread_cond_broadcast(&jobs->more);
    while (!bad) {
        struct jobs_queue batch;
        queue_init(&batch);
        unsigned max = c->batch == 0 ? 1 : c->batch;
        struct job *j;
        for (unsigned n = 0; n < max && (j = queue_pop(&jobs->todo, w->small_only)) != NULL; n++)
            queue_push(&batch, j);
        if (batch.first == NULL) {
            if (jobs->stop)
                break;
            pthread_cond_wait(&jobs->more, &jobs->lock);
            continue;
        }
        pthread_mutex_unlock(&jobs->lock);
        run_batch(w, &batch);
        pthread_mutex_lock(&jobs->lock);
        *jobs->finished.last = batch.first;
        jobs->finished.last = batch.last;
        (void)uv_async_send(jobs->wake);
    }
    pthread_mutex_unlock(&jobs->lock);
    if (!bad && c->thread_stop != NULL)
        c->thread_stop(w->ctx);
    return NULL;
}

static void jobs_report(struct jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    struct job *j = jobs->finished.first;
    queue_init(&jobs->finished);
    pthread_mutex_unlock(&jobs->lock);
    while (j != NULL) {
        struct job *next = j->next;
        jobs->pending--;
        j->done(j);
        j = next;
    }
}

static void on_wake(uv_async_t *a)
{
    jobs_report(a->data);
}

static void free_wake(uv_handle_t *h)
{
    free(h);
}

static int start_workers(struct jobs *jobs)
{
    sigset_t all, old; /* signals are the loop thread's */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    unsigned n = 0;
    for (; n < jobs->config.threads; n++) {
        struct worker *w = &jobs->workers[n];
        w->jobs = jobs;
        w->small_only = n < jobs->config.small_threads;
        if (pthread_create(&w->thread, NULL, worker_main, w) != 0)
            break;
        w->started = true;
        (void)pthread_setname_np(w->thread, jobs->name);
    }
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_mutex_lock(&jobs->lock);
    while (jobs->ready < n)
        pthread_cond_wait(&jobs->more, &jobs->lock);
    int rc = n == jobs->config.threads && jobs->failed == 0 ? 0 : -1;
    pthread_mutex_unlock(&jobs->lock);
    return rc;
}

struct jobs *jobs_create(uv_loop_t *loop, const struct jobs_config *config, struct error *e)
{
    struct jobs *jobs = mem_new(sizeof *jobs);
    struct worker *workers = mem_array(config->threads, sizeof *workers);
    uv_async_t *wake = mem_new(sizeof *wake);
    if (uv_async_init(loop, wake, on_wake) < 0) {
        free(jobs);
        free(workers);
        free(wake);
        (void)error_set(e, "Cannot start the %s threads: they have no way to wake the loop.",
                        config->name);
        return NULL;
    }
    jobs->config = *config;
    strncpy(jobs->name, config->name, sizeof jobs->name - 1);
    jobs->workers = workers;
    jobs->wake = wake;
    wake->data = jobs;
    queue_init(&jobs->todo);
    queue_init(&jobs->finished);
    (void)pthread_mutex_init(&jobs->lock, NULL);
    (void)pthread_cond_init(&jobs->more, NULL);
    if (start_workers(jobs) < 0) {
        jobs_free(&jobs);
        (void)error_set(e, "Cannot start the %s threads; the log says why.", config->name);
        return NULL;
    }
    return jobs;
}

void jobs_submit(struct jobs *jobs, struct job *job)
{
    if (jobs == NULL || jobs->stop) /* only this thread sets stop */
        return;
    jobs->pending++;
    pthread_mutex_lock(&jobs->lock);
    queue_push(&jobs->todo, job);
    /* With threads that take only small jobs one signal might wake the wrong one. */
    if (jobs->config.small_threads > 0)
        pthread_cond_broadcast(&jobs->more);
    else
        pthread_cond_signal(&jobs->more);
    pthread_mutex_unlock(&jobs->lock);
}

size_t jobs_pending(const struct jobs *jobs)
{
    return jobs->pending;
}

void jobs_free(struct jobs **p)
{
    struct jobs *jobs = *p;
    if (jobs == NULL)
        return;
    *p = NULL;
    pthread_mutex_lock(&jobs->lock);
    jobs->stop = true;
    pthread_cond_broadcast(&jobs->more);
    pthread_mutex_unlock(&jobs->lock);
    for (unsigned i = 0; i < jobs->config.threads; i++)
        if (jobs->workers[i].started)
            (void)pthread_join(jobs->workers[i].thread, NULL);
    jobs_report(jobs);
    uv_close((uv_handle_t *)jobs->wake, free_wake);
    (void)pthread_mutex_destroy(&jobs->lock);
    (void)pthread_cond_destroy(&jobs->more);
    free(jobs->workers);
    free(jobs);
}
