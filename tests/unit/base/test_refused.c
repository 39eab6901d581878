/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Why a process could not close itself in: the kernel and a filter are told apart. */
#include "base/refused.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void the_kernel_is_not_blamed_for_a_filter(void **state)
{
    (void)state;
    assert_non_null(strstr(refused_why(EPERM), "a filter around this program forbids"));
    assert_null(strstr(refused_why(EPERM), "kernel"));
    assert_non_null(strstr(refused_why(ENOSYS), "the kernel does not have the call"));
    assert_non_null(strstr(refused_why(EOPNOTSUPP), "turned off in the kernel"));
    assert_string_equal(refused_why(EMFILE), strerror(EMFILE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_kernel_is_not_blamed_for_a_filter)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
