/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_buf.c - growing buffers: what goes in comes out, the cap holds, and a refusal (cap or
 * memory) changes nothing. The linker sends realloc here (see meson.build). */
#include "base/buf.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool no_memory;
void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n)
{
    return no_memory ? NULL : __real_realloc(p, n);
}

static void test_append(void **state)
{
    struct buf b = BUF_INIT(100000);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(buf_append(&b, "0123456789", 10), 0);
    assert_int_equal(b.len, 100000);
    for (size_t i = 0; i < b.len; i++)
        assert_int_equal(b.data[i], '0' + i % 10);
    assert_true(b.size <= b.cap + 1);
    assert_int_equal(buf_append(&b, "x", 1), -1);
    assert_int_equal(b.len, 100000);
    assert_int_equal(buf_append(&b, NULL, 0), 0);
    assert_string_equal(buf_str(&b) + 99990, "0123456789");
    buf_free(&b);
    assert_null(b.data);
    assert_int_equal(b.cap, 100000);
}

static void test_cap(void **state)
{
    struct buf b = BUF_INIT(8);
    assert_int_equal(buf_append(&b, "123456789", 9), -1);
    assert_int_equal(b.len, 0);
    assert_int_equal(buf_append(&b, "12345678", 8), 0);
    assert_null(buf_reserve(&b, 1));
    assert_non_null(buf_reserve(&b, 0));
    assert_null(buf_reserve(&b, SIZE_MAX));
    assert_string_equal(buf_str(&b), "12345678");
    buf_free(&b);
    struct buf none = BUF_INIT(0);
    assert_int_equal(buf_append(&none, "a", 1), -1);
    assert_string_equal(buf_str(&none), "");
    buf_free(&none);
    struct buf huge = BUF_INIT(SIZE_MAX); /* sizes could overflow: refused */
    assert_int_equal(buf_append(&huge, "a", 1), -1);
}

static void test_printf(void **state)
{
    struct buf b = BUF_INIT(12);
    assert_int_equal(buf_printf(&b, "%s-%d", "abc", 42), 0);
    assert_string_equal(buf_str(&b), "abc-42");
    assert_int_equal(buf_printf(&b, "%s", "1234567"), -1);
    assert_string_equal(buf_str(&b), "abc-42");
    assert_int_equal(buf_printf(&b, "%s", "123456"), 0);
    assert_string_equal(buf_str(&b), "abc-42123456");
    buf_free(&b);
}

static void test_consume_steal(void **state)
{
    struct buf b = BUF_INIT(64);
    assert_int_equal(buf_append(&b, "head:body", 9), 0);
    buf_consume(&b, 5);
    assert_string_equal(buf_str(&b), "body");
    buf_consume(&b, 0);
    assert_int_equal(b.len, 4);
    size_t n = 0;
    uint8_t *p = buf_steal(&b, &n);
    assert_int_equal(n, 4);
    assert_memory_equal(p, "body", 4);
    assert_null(b.data);
    assert_int_equal(b.len, 0);
    free(p);
    assert_int_equal(buf_append(&b, "again", 5), 0);
    buf_consume(&b, 99);
    assert_int_equal(b.len, 0);
    buf_wipe(&b);
    assert_null(b.data);
}

static void test_no_memory(void **state)
{
    struct buf b = BUF_INIT(1000);
    assert_int_equal(buf_append(&b, "kept", 4), 0);
    char more[500] = {0};
    no_memory = true;
    int rc = buf_append(&b, more, sizeof more);
    int printed = buf_printf(&b, "%0500d", 1);
    no_memory = false;
    assert_int_equal(rc, -1);
    assert_int_equal(printed, -1);
    assert_int_equal(b.len, 4);
    assert_string_equal(buf_str(&b), "kept");
    buf_free(&b);
    no_memory = true;
    const char *s = buf_str(&b);
    no_memory = false;
    assert_null(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append),    cmocka_unit_test(test_cap),
        cmocka_unit_test(test_printf),    cmocka_unit_test(test_consume_steal),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
