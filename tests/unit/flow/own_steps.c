/* SPDX-License-Identifier: GPL-3.0-or-later */
/* own_steps.c - see own_steps.h. */
#include "own_steps.h"
#include "dht/dht.h"
#include <stdlib.h>
#include <string.h>

/* ---- the clocks, and memory that is not there (the linker's --wrap) */

int64_t mono_ahead_ms;
size_t calloc_fails_of;

int64_t __real_clock_mono_ms(void);
int64_t __wrap_clock_mono_ms(void);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

int64_t __wrap_clock_mono_ms(void)
{
    return __real_clock_mono_ms() + mono_ahead_ms;
}

void *__wrap_calloc(size_t n, size_t size)
{
    if (calloc_fails_of == 1 || (calloc_fails_of > 0 && n * size == calloc_fails_of))
        return NULL;
    return __real_calloc(n, size);
}

/* ---- rows of an own table, one lane a step; and one lane of the rows of replica */

#define JOB_DUE(lane)                                                                              \
    "SELECT n FROM job WHERE lane=" lane " AND due_ms<=?1 ORDER BY due_ms,n LIMIT ?2"
#define JOB_NEXT(lane) "SELECT min(due_ms) FROM job WHERE lane=" lane " AND due_ms>?"
#define JOB_DELAY "UPDATE job SET due_ms=?1,tries=tries+1,why=?3 WHERE n=?2"
#define JOB_TRIES "SELECT tries FROM job WHERE n=?"
#define JOB_QUEUE(lane_)                                                                           \
    {                                                                                              \
        .name = "lane " lane_, .due = JOB_DUE(lane_), .next = JOB_NEXT(lane_), .delay = JOB_DELAY, \
        .tries = JOB_TRIES                                                                         \
    }

const struct queue one = JOB_QUEUE("1"), two = JOB_QUEUE("2"), three = JOB_QUEUE("3");
const struct queue other = {
    .name = "other",
    .due = "SELECT n FROM replica WHERE state=1 AND due_ms<=?1 LIMIT ?2",
    .next = "SELECT min(due_ms) FROM replica WHERE state=1 AND due_ms>?",
    .delay = "UPDATE replica SET due_ms=?1,tries=tries+1 WHERE n=?2",
    .tries = "SELECT tries FROM replica WHERE n=?",
};

struct services sv;
static char dir[32], database[48];
const struct module *const scheduler_alone[] = {&scheduler_module, NULL};

struct begun begun[BEGUN_MAX];
size_t begun_count;
unsigned most;

unsigned under_way(void)
{
    unsigned n = 0;
    for (size_t i = 0; i < begun_count; i++)
        n += begun[i].w != NULL;
    return n;
}

struct begun *note(struct work *w)
{
    assert_in_range(begun_count, 0, BEGUN_MAX - 1);
    for (size_t i = 0; i < begun_count; i++) /* never twice at once */
        assert_false(begun[i].w != NULL && begun[i].step == w->step && begun[i].n == w->n);
    begun[begun_count] = (struct begun){w->step, w->n, clock_wall_ms(), w};
    unsigned now = under_way() + 1;
    most = now > most ? now : most;
    return &begun[begun_count++];
}

void hold(struct work *w)
{
    (void)note(w);
}

int64_t count_of(const struct step *step)
{
    int64_t n = 0;
    for (size_t i = 0; i < begun_count; i++)
        n += begun[i].step == step;
    return n;
}

void end(size_t i)
{
    commit_sql(sv.store, "UPDATE job SET lane=0 WHERE n=%lld", (long long)begun[i].n);
    struct work *w = begun[i].w;
    begun[i].w = NULL;
    work_end(w);
}

void put(int lane, int64_t n, int64_t due_ms)
{
    commit_sql(sv.store, "INSERT INTO job(n,lane,due_ms) VALUES(%lld,%d,%lld)", (long long)n, lane,
               (long long)due_ms);
}

int64_t value_of(const char *text, int64_t n)
{
    return db_int(store_reader(sv.store), -1, text, "i", n);
}

/* ---- from its start to its end */

void start(const struct step *const *steps)
{
    struct error e = {""};
    sv.steps = steps;
    sv.stopping = false;
    begun_count = 0;
    most = 0;
    assert_int_equal(modules_start(&sv, scheduler_alone, &e), 0);
}

void stop(void)
{
    if (sv.stopping)
        return;
    sv.stopping = true;
    modules_stop(&sv, scheduler_alone);
    turn_closed();
    modules_free(&sv, scheduler_alone);
}

int fresh(void **state)
{
    struct error e = {""};
    (void)strcpy(dir, "/tmp/restante-sched-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(database, sizeof database, "%s/state.db", dir);
    sv = (struct services){.loop = &loop, .c = {.retry = RETRY_MS}};
    sv.store = store_open(&loop, database, &e);
    sv.dht = dht_memory(&loop);
    if (sv.store == NULL || sv.dht == NULL)
        return -1;
    commit_sql(sv.store, "CREATE TABLE job(n INTEGER PRIMARY KEY, lane INTEGER NOT NULL, due_ms"
                         " INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0, why TEXT)");
    mono_ahead_ms = 0;
    calloc_fails_of = 0;
    return 0;
}

int clean(void **state)
{
    char command[64];
    stop(); /* of a test that has failed */
    dht_free(&sv.dht);
    store_close(&sv.store);
    turn_closed();
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

void reopen(void)
{
    struct error e = {""};
    store_close(&sv.store);
    turn_closed();
    assert_non_null(sv.store = store_open(&loop, database, &e));
}
