/* SPDX-License-Identifier: GPL-3.0-or-later */
/* turn.h - the one loop of a test program, and waiting on it for what other threads do. */
#ifndef RESTANTE_TEST_TURN_H
#define RESTANTE_TEST_TURN_H

#include "store/store.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include <cmocka.h>

extern uv_loop_t loop; /* cmocka's group setup: loop_open; its teardown: loop_shut */
int loop_open(void **state);
/* Fails if a handle was left open. */
int loop_shut(void **state);

/* Whatever is ready now; a moment of sleep if the loop has other things to wait for. */
void turn(void);
/* The same, for so many ms. */
void pass(int64_t ms);
/* Until the handles that are being closed are. */
void turn_closed(void);

/* Turns the loop until something is so; a minute is for a machine that has much else to do. */
#define until(condition)                                                                           \
    do {                                                                                           \
        int64_t end_ = turn_clock() + 60000;                                                       \
        while (!(condition) && turn_clock() < end_)                                                \
            turn();                                                                                \
        assert_true(condition);                                                                    \
    } while (0)
/* ms since some start, whatever clock the test has set. */
int64_t turn_clock(void);

/* A transition, and its result once it is committed. */
int commit(struct store *s, store_run_fn *run, void *arg);
/* SQL that must succeed as one. */
void commit_sql(struct store *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
