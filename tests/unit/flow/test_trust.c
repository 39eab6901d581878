/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_trust.c - how far the wall clock is believed (P-13.2): jumps, drift, sleep, witnesses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "flow/core/trust.h"

#define MIN 60000LL
#define HOUR (60 * MIN)
#define DAY (24 * HOUR)
#define YEAR (365 * DAY)
#define WALL 1795467480000LL

static struct trust t;

static int begin(void **state)
{
    trust_begin(&t, WALL, 5 * MIN);
    return 0;
}

/* The time for endings, looked at every two seconds for so long, with the wall clock so far off. */
static int64_t pass(int64_t *boot, int64_t ms, int64_t off, int64_t witness)
{
    for (int64_t end = *boot + ms; *boot < end; *boot += 2000)
        trust_look(&t, WALL + (*boot - 5 * MIN) + off, *boot, witness);
    return trust_now(&t, WALL + (*boot - 5 * MIN) + off, *boot);
}

static void test_time_that_passes(void **state)
{
    int64_t boot = 5 * MIN;
    assert_int_equal(pass(&boot, DAY, 0, 0), WALL + DAY);
    /* asleep: the boot clock went on */
    boot += 30 * DAY;
    assert_int_equal(trust_now(&t, WALL + 31 * DAY, boot), WALL + 31 * DAY);
}

static void test_jumps(void **state)
{
    static const int64_t jump[] = {2 * HOUR, DAY, 10 * DAY, YEAR, 10 * YEAR};
    for (size_t i = 0; i < sizeof jump / sizeof *jump; i++) {
        int64_t boot = 5 * MIN;
        (void)begin(NULL);
        assert_int_equal(pass(&boot, 10 * MIN, jump[i], 0),
                         WALL + 10 * MIN);                              /* ahead: not believed */
        assert_int_equal(pass(&boot, 10 * MIN, 0, 0), WALL + 20 * MIN); /* and right again */
        (void)begin(NULL);
        boot = 5 * MIN;
        assert_int_equal(pass(&boot, 10 * MIN, -jump[i], 0),
                         WALL + 10 * MIN - jump[i]); /* never later */
        assert_int_equal(pass(&boot, 10 * MIN, 0, 0), WALL + 20 * MIN);
    }
}

static void test_small_gaps_need_no_witness(void **state)
{
    int64_t boot = 5 * MIN;
    assert_int_equal(pass(&boot, MIN, 1000, 0), WALL + MIN + 1000);
    assert_int_equal(pass(&boot, MIN, -1000, 0), WALL + 2 * MIN - 1000);
    assert_int_equal(pass(&boot, MIN, 59 * MIN, 0), WALL + 3 * MIN + 59 * MIN);
    /* the hour is used up: it comes back within a day */
    assert_true(pass(&boot, HOUR, 3 * HOUR, 0) < WALL + 5 * HOUR);
}

static void test_no_creeping(void **state)
{
    /* a clock that runs twice as fast gains at most the slack and what comes back of it */
    int64_t boot = 5 * MIN;
    for (; boot < 10 * DAY; boot += 2000)
        trust_look(&t, WALL + 2 * (boot - 5 * MIN), boot, 0);
    int64_t now = trust_now(&t, WALL + 2 * (boot - 5 * MIN), boot);
    assert_true(now <= WALL + (boot - 5 * MIN) + 12 * HOUR);
}

static void test_drift(void **state)
{
    /* 200 ppm, which a time service corrects all the time: never more than a moment behind */
    int64_t boot = 5 * MIN;
    for (; boot < 60 * DAY; boot += 2000)
        trust_look(&t, WALL + (boot - 5 * MIN) * 10002 / 10000, boot, 0);
    int64_t wall = WALL + (boot - 5 * MIN) * 10002 / 10000;
    assert_true(wall - trust_now(&t, wall, boot) < 1000);
}

static void test_witnesses(void **state)
{
    int64_t boot = 5 * MIN;
    /* three weeks off: the wall clock is right, and nobody says so */
    assert_int_equal(pass(&boot, MIN, 21 * DAY, 0), WALL + MIN);
    /* somebody signed two weeks ago: so far */
    assert_int_equal(pass(&boot, 2000, 21 * DAY, WALL + 7 * DAY), WALL + 7 * DAY + 2000);
    /* and half an hour ago: all of it */
    assert_int_equal(pass(&boot, 2000, 21 * DAY, WALL + 21 * DAY - 30 * MIN),
                     WALL + 21 * DAY + MIN + 4000);
    /* a witness never leads beyond the wall clock */
    assert_int_equal(pass(&boot, 2000, 21 * DAY, WALL + YEAR), WALL + 21 * DAY + MIN + 6000);
}

static void test_a_belief_that_was_wrong_passes(void **state)
{
    /* the first start was by a clock a year ahead; it was set right, and runs so for an hour */
    int64_t boot = 5 * MIN;
    trust_begin(&t, WALL + YEAR, boot);
    assert_int_equal(pass(&boot, 2 * HOUR, 0, 0), WALL + 2 * HOUR);
    /* so the same wrong clock is no longer believed */
    assert_true(pass(&boot, MIN, YEAR, 0) < WALL + 3 * HOUR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_time_that_passes, begin),
        cmocka_unit_test_setup(test_jumps, begin),
        cmocka_unit_test_setup(test_small_gaps_need_no_witness, begin),
        cmocka_unit_test_setup(test_no_creeping, begin),
        cmocka_unit_test_setup(test_drift, begin),
        cmocka_unit_test_setup(test_witnesses, begin),
        cmocka_unit_test_setup(test_a_belief_that_was_wrong_passes, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
