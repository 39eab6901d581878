/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_jobs.c - worker threads: order, batches and their errors, threads kept for small jobs, ends
 * that lose nothing. */
#include "base/jobs.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct task {
    struct job job;
    int number, rc;
    bool ran, done;
};

static uv_loop_t loop;
static pthread_t loop_thread;
static int order[1000];
static atomic_int ran;
static int finished;

static void run(struct job *job, void *ctx)
{
    struct task *t = (struct task *)job;
    assert_false(pthread_equal(pthread_self(), loop_thread));
    order[atomic_fetch_add(&ran, 1)] = t->number;
    t->ran = true;
}

static void done(struct job *job)
{
    struct task *t = (struct task *)job;
    assert_true(pthread_equal(pthread_self(), loop_thread));
    assert_false(t->done);
    t->done = true;
    finished++;
}

static struct task task_of(int number)
{
    return (struct task){.job = {.run = run, .done = done}, .number = number};
}

static void spin_until(int count)
{
    for (int i = 0; i < 5000 && finished < count; i++) {
        (void)uv_run(&loop, UV_RUN_NOWAIT);
        (void)usleep(1000);
    }
    assert_int_equal(finished, count);
}

static void drain(struct jobs **jobs)
{
    jobs_free(jobs);
    assert_null(*jobs);
    (void)uv_run(&loop, UV_RUN_DEFAULT); /* ends: no handle is left */
}

static int reset(void **state)
{
    atomic_store(&ran, 0);
    finished = 0;
    loop_thread = pthread_self();
    return 0;
}

static void test_order(void **state)
{
    struct jobs_config c = {.name = "order", .threads = 1};
    struct error e;
    struct jobs *jobs = jobs_create(&loop, &c, &e);
    struct task t[500];
    assert_non_null(jobs);
    for (int i = 0; i < 500; i++) {
        t[i] = task_of(i);
        jobs_submit(jobs, &t[i].job);
    }
    assert_int_equal(jobs_pending(jobs), 500);
    spin_until(500);
    assert_int_equal(jobs_pending(jobs), 0);
    for (int i = 0; i < 500; i++)
        assert_int_equal(order[i], i);
    drain(&jobs);
}

/* What is queued when the end comes still runs, and is reported. */
static void test_free_runs_queue(void **state)
{
    struct jobs_config c = {.name = "end", .threads = 3};
    struct error e;
    struct jobs *jobs = jobs_create(&loop, &c, &e);
    struct task t[100];
    for (int i = 0; i < 100; i++) {
        t[i] = task_of(i);
        jobs_submit(jobs, &t[i].job);
    }
    drain(&jobs);
    assert_int_equal(finished, 100);
    for (int i = 0; i < 100; i++)
        assert_true(t[i].ran && t[i].done);
    jobs_free(&jobs);             /* nothing */
    jobs_submit(NULL, &t[0].job); /* after the end: dropped */
    assert_int_equal(finished, 100);
}

static atomic_bool block;

static void run_blocked(struct job *job, void *ctx)
{
    while (atomic_load(&block))
        (void)usleep(1000);
    run(job, ctx);
}

/* One of two threads is kept for small jobs: a large one that lasts does not stop them. */
static void test_small(void **state)
{
    struct jobs_config c = {.name = "small", .threads = 2, .small_threads = 1};
    struct error e;
    struct jobs *jobs = jobs_create(&loop, &c, &e);
    struct task large[2] = {task_of(100), task_of(101)}, small[3];
    atomic_store(&block, true);
    for (int i = 0; i < 2; i++) {
        large[i].job.run = run_blocked;
        jobs_submit(jobs, &large[i].job);
    }
    for (int i = 0; i < 3; i++) {
        small[i] = task_of(i);
        small[i].job.small = true;
        jobs_submit(jobs, &small[i].job);
    }
    spin_until(3);
    assert_false(large[0].done || large[1].done);
    assert_true(small[0].done && small[1].done && small[2].done);
    atomic_store(&block, false);
    spin_until(5);
    drain(&jobs);
}

struct ledger {
    int begun, ended, failed, in_batch, largest;
    bool begin_fails, end_fails;
};

static void *ledger_start(void *arg)
{
    return arg;
}

static int batch_begin(void *ctx)
{
    struct ledger *l = ctx;
    l->begun++;
    l->in_batch = 0;
    return l->begin_fails ? -1 : 0;
}

static int batch_end(void *ctx)
{
    struct ledger *l = ctx;
    l->ended++;
    if (l->in_batch > l->largest)
        l->largest = l->in_batch;
    return l->end_fails ? -1 : 0;
}

static void batch_failed(struct job *job)
{
    ((struct task *)job)->rc = -1;
}

static void run_counted(struct job *job, void *ctx)
{
    struct ledger *l = ctx;
    l->in_batch++;
    while (atomic_load(&block))
        (void)usleep(1000);
    run(job, ctx);
}

static void batches(struct ledger *l, struct task *t, int count)
{
    struct jobs_config c = {.name = "batch",
                            .threads = 1,
                            .thread_start = ledger_start,
                            .arg = l,
                            .batch_begin = batch_begin,
                            .batch_end = batch_end,
                            .batch_failed = batch_failed,
                            .batch = 4};
    struct error e;
    struct jobs *jobs = jobs_create(&loop, &c, &e);
    atomic_store(&block, true); /* the first one waits until the others are queued */
    for (int i = 0; i < count; i++) {
        t[i] = task_of(i);
        t[i].job.run = run_counted;
        jobs_submit(jobs, &t[i].job);
    }
    atomic_store(&block, false);
    spin_until(count);
    drain(&jobs);
}

static void test_batches(void **state)
{
    struct ledger l = {0};
    struct task t[21];
    batches(&l, t, 21);
    assert_int_equal(l.begun, l.ended);
    assert_true(l.begun >= 6 && l.begun <= 21); /* never more than 4 in one */
    assert_true(l.largest <= 4);
    for (int i = 0; i < 21; i++) {
        assert_int_equal(order[i], i);
        assert_int_equal(t[i].rc, 0);
    }
}

static void test_batch_errors(void **state)
{
    struct ledger end = {.end_fails = true};
    struct task t[5];
    batches(&end, t, 5);
    for (int i = 0; i < 5; i++)
        assert_true(t[i].ran && t[i].rc == -1);
    (void)reset(NULL);
    struct ledger begin = {.begin_fails = true};
    batches(&begin, t, 5);
    assert_int_equal(begin.ended, 0);
    for (int i = 0; i < 5; i++)
        assert_true(!t[i].ran && t[i].rc == -1 && t[i].done);
}

static void *start_fails(void *arg)
{
    return NULL;
}

static void test_start_fails(void **state)
{
    struct jobs_config c = {
        .name = "a name of many letters", .threads = 2, .thread_start = start_fails};
    struct error e = {""};
    assert_null(jobs_create(&loop, &c, &e));
    assert_non_null(strstr(e.text, "a name of many letters"));
    (void)uv_run(&loop, UV_RUN_DEFAULT);
}

static int make(void **state)
{
    return uv_loop_init(&loop);
}

static int unmake(void **state)
{
    return uv_loop_close(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_order, reset),
        cmocka_unit_test_setup(test_free_runs_queue, reset),
        cmocka_unit_test_setup(test_small, reset),
        cmocka_unit_test_setup(test_batches, reset),
        cmocka_unit_test_setup(test_batch_errors, reset),
        cmocka_unit_test_setup(test_start_fails, reset),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
