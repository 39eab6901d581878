/* SPDX-License-Identifier: GPL-3.0-or-later */
/* own_steps.h - for tests of the scheduler: steps and queues of the test's own over rows in a real
 * store, its own clock, and memory that is not there. */
#ifndef RESTANTE_TEST_OWN_STEPS_H
#define RESTANTE_TEST_OWN_STEPS_H

#include "turn.h"
#include "base/clock.h"
#include "flow/core/module.h"
#include "flow/core/scheduler.h"
#include "flow/core/step.h"
#include "store/db.h"
#include <stdio.h>

#define PAUSE_MS 5000 /* as in scheduler.c */
#define YIELD_MS 10000
#define RETRY_MS 100
#define BEGUN_MAX 400

/* The linker's --wrap: so far is the monotonic clock ahead; allocations by calloc of
 * calloc_fails_of octets fail (0: none; 1: all). */
extern int64_t mono_ahead_ms;
extern size_t calloc_fails_of;

/* Rows of a table "job" of three lanes; and those of the table replica in state 1. */
extern const struct queue one, two, three, other;

extern struct services sv;
extern const struct module *const scheduler_alone[];
/* A new store with the table, and a DHT; the end of a test that may have failed. */
int fresh(void **state);
int clean(void **state);
/* The same store is opened again. */
void reopen(void);
void start(const struct step *const *steps);
/* What is under way is forgotten; its rows are as they were. */
void stop(void);

extern struct begun { /* what was started, in its order */
    const struct step *step;
    int64_t n, at_ms;
    struct work *w; /* while it is under way */
} begun[BEGUN_MAX];
extern size_t begun_count;
extern unsigned most; /* at once, of all steps */
/* A step has begun: never twice at once on a row. */
struct begun *note(struct work *w);
/* A step that is under way until the test ends it. */
void hold(struct work *w);
unsigned under_way(void);
int64_t count_of(const struct step *step);

/* The row is done with: it leaves its lane, then the step ends. */
void end(size_t i);
void put(int lane, int64_t n, int64_t due_ms);
int64_t value_of(const char *text, int64_t n);

#endif
