/* SPDX-License-Identifier: GPL-3.0-or-later */
/* turn.c - see turn.h. */
#include "turn.h"
#include "store/db.h"
#include <stdio.h>
#include <time.h>
#include <unistd.h>

uv_loop_t loop;

int loop_open(void **state)
{
    return uv_loop_init(&loop);
}

int loop_shut(void **state)
{
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop);
}

int64_t turn_clock(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Not UV_RUN_ONCE: that waits for another event when a timer was all there was. */
void turn(void)
{
    if (uv_run(&loop, UV_RUN_NOWAIT) != 0)
        (void)usleep(500);
}

void pass(int64_t ms)
{
    int64_t end = turn_clock() + ms;
    do {
        turn();
        (void)usleep(200);
    } while (turn_clock() < end);
}

static void is_closing(uv_handle_t *h, void *arg)
{
    *(bool *)arg = *(bool *)arg || uv_is_closing(h);
}

void turn_closed(void)
{
    bool some;
    do {
        turn();
        some = false;
        uv_walk(&loop, is_closing, &some);
    } while (some);
}

struct committing {
    store_run_fn *run;
    void *arg;
    bool done;
    int rc;
};

static int committing_run(struct db *db, void *arg)
{
    struct committing *c = arg;
    return c->run(db, c->arg);
}

static void committing_done(void *arg, int rc)
{
    struct committing *c = arg;
    c->done = true;
    c->rc = rc;
}

int commit(struct store *s, store_run_fn *run, void *arg)
{
    struct committing c = {.run = run, .arg = arg};
    store_do(s, committing_run, committing_done, &c);
    until(c.done);
    return c.rc;
}

static int sql_run(struct db *db, void *arg)
{
    struct error e = {""};
    int rc = db_script(db, arg, &e);
    if (rc < 0)
        (void)fprintf(stderr, "%s\n", e.text);
    return rc;
}

void commit_sql(struct store *s, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    assert_in_range(n, 1, (int)sizeof text - 1);
    assert_int_equal(commit(s, sql_run, text), 0);
}
