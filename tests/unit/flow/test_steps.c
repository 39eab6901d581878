/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_steps.c - the table of steps: each has its own queue, and fits into the scheduler's looks.
 */
#include "flow/steps.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define PARALLEL_MAX 64 /* as many rows as a look asks for, at most */

static void each_is_whole(void **state)
{
    size_t count = 0;
    for (const struct step *const *s = flow_steps; *s != NULL; s++, count++) {
        const struct queue *q = (*s)->queue;
        assert_non_null(q);
        assert_non_null((*s)->start);
        assert_in_range((*s)->parallel, 1, PARALLEL_MAX);
        assert_true(q->name != NULL && q->name[0] != '\0');
        assert_true(q->due != NULL && q->next != NULL && q->delay != NULL && q->tries != NULL);
        for (const struct step *const *other = flow_steps; other < s; other++) {
            assert_ptr_not_equal((*other)->queue, q);
            assert_string_not_equal((*other)->queue->name, q->name);
        }
    }
    assert_true(count > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_is_whole)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
