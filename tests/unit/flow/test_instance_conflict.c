/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_instance_conflict.c - what the own descriptor in the DHT means (P-10.20). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "flow/peers/instance_conflict.h"

static void compared(void **state)
{
    uint8_t own[INSTANCE_LEN] = {1};
    struct descriptor d = {.seq = 100, .instance = {1}, .endpoint_count = 1};
    assert_int_equal(conflict_compare(NULL, own, 0), CONFLICT_NONE);
    assert_int_equal(conflict_compare(&d, own, 100), CONFLICT_NONE); /* a plain restart */
    assert_int_equal(conflict_compare(&d, own, 101),
                     CONFLICT_NONE); /* ended between commit and put */
    assert_int_equal(conflict_compare(&d, own, 99), CONFLICT_RESTORED);
    d.instance[0] = 2;
    assert_int_equal(conflict_compare(&d, own, 100),
                     CONFLICT_NONE); /* what a takeover has replaced */
    assert_int_equal(conflict_compare(&d, own, 99), CONFLICT_OTHER);
    d.endpoint_count = 0; /* the other one has stopped cleanly */
    assert_int_equal(conflict_compare(&d, own, 99), CONFLICT_RESTORED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(compared)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
