/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_http_range.c - Range, Content-Range and lists of entity tags. */
#include "net_test.h"
#include "net/http_range.h"
#include <string.h>

static void part(const char *value, uint64_t size, uint64_t first, uint64_t last)
{
    uint64_t f = 99, l = 99;
    assert_int_equal(range_parse(value, size, &f, &l), RANGE_PART);
    assert_int_equal(f, first);
    assert_int_equal(l, last);
}

static void kind(const char *value, uint64_t size, enum range_kind expected)
{
    uint64_t f, l;
    if (range_parse(value, size, &f, &l) != expected)
        fail_msg("%s of %llu", value != NULL ? value : "nothing", (unsigned long long)size);
}

static void test_parts(void **state)
{
    (void)state;
    part("bytes=0-0", 10, 0, 0);
    part("bytes=3-7", 10, 3, 7);
    part("bytes=3-", 10, 3, 9);
    part("bytes=9-", 10, 9, 9);
    part("bytes=3-10", 10, 3, 9);
    part("bytes=0-9999999999999999999", 10, 0, 9);
    part("bytes=-1", 10, 9, 9);
    part("bytes=-10", 10, 0, 9);
    part("bytes=-11", 10, 0, 9);
    part("BYTES= 3-7 ", 10, 3, 7);
    part("bytes=5000000000-", 6000000000, 5000000000, 5999999999);
}

static void test_whole(void **state)
{
    static const char *const bad[] = {"",
                                      "bytes",
                                      "bytes=",
                                      "bytes=-",
                                      "bytes=a-b",
                                      "bytes=3",
                                      "bytes=7-3",
                                      "bytes=0-1,3-4",
                                      "bytes=3-4x",
                                      "bytes=+3-4",
                                      "bytes=0x1-2",
                                      "bytes=--1",
                                      "bytes=99999999999999999999-",
                                      "bytes=1-99999999999999999999",
                                      "items=0-1",
                                      "bytes =0-1"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        kind(bad[i], 10, RANGE_WHOLE);
    kind(NULL, 10, RANGE_WHOLE);
}

static void test_impossible(void **state)
{
    (void)state;
    kind("bytes=10-", 10, RANGE_IMPOSSIBLE);
    kind("bytes=10-12", 10, RANGE_IMPOSSIBLE);
    kind("bytes=-0", 10, RANGE_IMPOSSIBLE);
    kind("bytes=0-", 0, RANGE_IMPOSSIBLE);
    kind("bytes=-5", 0, RANGE_IMPOSSIBLE);
    kind("bytes=9999999999999999999-", 10, RANGE_IMPOSSIBLE);
}

static bool content(const char *s, uint64_t *f, uint64_t *l, uint64_t *n)
{
    return content_range_parse(s, strlen(s), f, l, n);
}

static void test_content_range(void **state)
{
    uint64_t f, l, n;
    (void)state;
    assert_true(content(" bytes 3-9/10\r\n", &f, &l, &n));
    assert_int_equal(f, 3);
    assert_int_equal(l, 9);
    assert_int_equal(n, 10);
    assert_true(content("bytes 0-0/*", &f, &l, &n));
    assert_true(n == UINT64_MAX);
    assert_false(content("bytes 3-10/10", &f, &l, &n));
    assert_false(content("bytes 9-3/10", &f, &l, &n));
    assert_false(content("bytes */10", &f, &l, &n));
    assert_false(content("bytes 3-9", &f, &l, &n));
    assert_false(content("bytes 3-9/10 and more", &f, &l, &n));
    assert_false(content("bytes 3-9/", &f, &l, &n));
    assert_false(content("", &f, &l, &n));
    assert_false(content_range_parse("bytes 3-9/10", 9, &f, &l, &n));
}

static void test_etags(void **state)
{
    (void)state;
    assert_true(etag_listed("\"a\"", "\"a\""));
    assert_true(etag_listed("\"b\", W/\"a\" ", "\"a\""));
    assert_true(etag_listed(" * ", "\"a\""));
    assert_false(etag_listed("\"b\", \"aa\"", "\"a\""));
    assert_false(etag_listed("a", "\"a\""));
    assert_false(etag_listed("", "\"a\""));
    assert_false(etag_listed(" , ,", "\"a\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),      cmocka_unit_test(test_whole),
        cmocka_unit_test(test_impossible), cmocka_unit_test(test_content_range),
        cmocka_unit_test(test_etags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
