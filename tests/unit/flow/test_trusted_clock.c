/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_trusted_clock.c - what counts as a jump of the clock (P-13.2): wall time against the time
 * that passed, sleep of the computer included. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "flow/core/trusted_clock.h"

#define HOUR CLOCK_JUMP_MS
#define WALL 1795467480000

static void time_that_passes_is_no_jump(void **state)
{
    assert_int_equal(clock_jump(WALL, 5, WALL, 5), 0);
    assert_int_equal(clock_jump(WALL, 5, WALL + 10000, 10005), 0);
    /* asleep over a holiday: the boot clock went on */
    assert_int_equal(clock_jump(WALL, 5, WALL + 400 * HOUR, 5 + 400 * HOUR), 0);
    /* corrections within the slack of two clocks */
    assert_int_equal(clock_jump(WALL, 5, WALL + HOUR, 5), 0);
    assert_int_equal(clock_jump(WALL, 5, WALL - HOUR, 5), 0);
}

static void more_than_an_hour_is_one(void **state)
{
    assert_int_equal(clock_jump(WALL, 5, WALL + HOUR + 1, 5), HOUR + 1);
    assert_int_equal(clock_jump(WALL, 5, WALL - HOUR - 1, 5), -HOUR - 1);
    assert_int_equal(clock_jump(WALL, 5, WALL + 10000 + 720 * HOUR, 10005), 720 * HOUR);
    /* and a wall clock that stood still while time passed */
    assert_int_equal(clock_jump(WALL, 5, WALL, 5 + 2 * HOUR), -2 * HOUR);
}

static void the_clocks_go_on(void **state)
{
    int64_t boot = clock_boot_ms(), mono = clock_mono_ms();
    assert_true(boot > 0 && mono > 0);
    assert_true(clock_boot_ms() >= boot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_that_passes_is_no_jump),
        cmocka_unit_test(more_than_an_hour_is_one),
        cmocka_unit_test(the_clocks_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
