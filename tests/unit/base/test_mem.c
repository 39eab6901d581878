/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_mem.c - memory that a program cannot go on without: there, zeroed, or the program ends. */
#include "base/mem.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Under AddressSanitizer the allocator is to answer as the C library's does. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void there(void **state)
{
    char *p = mem_new(1000), *none = mem_array(0, 8), *text = mem_text("hello");
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(p[i], 0);
    assert_non_null(none);
    assert_string_equal(text, "hello");
    text = mem_grow(text, 100, 1);
    assert_string_equal(text, "hello");
    free(p);
    free(none);
    free(text);
}

static void ends_without(void (*ask)(void))
{
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit no_core = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)signal(SIGABRT, SIG_DFL); /* cmocka catches it */
        ask();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static volatile size_t huge = SIZE_MAX / 4; /* as the compiler must not know */

static void ask_new(void)
{
    free(mem_new(huge));
}

static void ask_array(void)
{
    free(mem_array(huge, 8)); /* and the product does not wrap */
}

static void ask_grown(void)
{
    free(mem_grow(NULL, huge, 8));
}

static void nothing_left(void **state)
{
    ends_without(ask_new);
    ends_without(ask_array);
    ends_without(ask_grown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there),
        cmocka_unit_test(nothing_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
