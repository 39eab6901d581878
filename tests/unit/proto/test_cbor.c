/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_cbor.c - the strict CBOR reader and the writer: shortest forms, order, caps, ends (P-1.5).
 */
#include "proto/cbor_in.h"
#include "proto/cbor_out.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define IN(in, ...)                                                                                \
    static const uint8_t octets_[] = {__VA_ARGS__};                                                \
    cbor_in_init(&in, octets_, sizeof octets_)

static void numbers(void **state)
{
    static const struct {
        uint64_t v;
        size_t n;
        uint8_t octets[9];
    } cases[] = {
        {0, 1, {0x00}},
        {23, 1, {0x17}},
        {24, 2, {0x18, 24}},
        {255, 2, {0x18, 255}},
        {256, 3, {0x19, 1, 0}},
        {65535, 3, {0x19, 255, 255}},
        {65536, 5, {0x1a, 0, 1, 0, 0}},
        {UINT32_MAX, 5, {0x1a, 255, 255, 255, 255}},
        {1ULL << 32, 9, {0x1b, 0, 0, 0, 1, 0, 0, 0, 0}},
        {UINT64_MAX, 9, {0x1b, 255, 255, 255, 255, 255, 255, 255, 255}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = BUF_INIT(16);
        struct cbor_out out;
        struct cbor_in in;
        uint64_t v;
        cbor_out_init(&out, &b);
        cbor_out_uint(&out, cases[i].v);
        assert_int_equal(cbor_out_end(&out), 0);
        assert_int_equal(b.len, cases[i].n);
        assert_memory_equal(b.data, cases[i].octets, b.len);
        cbor_in_init(&in, b.data, b.len);
        assert_int_equal(cbor_in_uint(&in, UINT64_MAX, &v), 0);
        assert_true(v == cases[i].v);
        assert_int_equal(cbor_in_end(&in, NULL), 0);
        if (cases[i].v > 0) {
            cbor_in_init(&in, b.data, b.len);
            assert_int_equal(cbor_in_uint(&in, cases[i].v - 1, &v), -1);
            assert_true(v == 0);
        }
        buf_free(&b);
    }
}

/* A number of n octets behind an initial octet that announces more of them than needed. */
static void long_forms(void **state)
{
    static const struct {
        size_t n;
        uint8_t octets[12];
    } cases[] = {
        {2, {0x18, 23}},
        {3, {0x19, 0, 255}},
        {5, {0x1a, 0, 0, 255, 255}},
        {9, {0x1b, 0, 0, 0, 0, 255, 255, 255, 255}},
        {3, {0x58, 1, 'a'}},        /* byte string */
        {3, {0x78, 1, 'a'}},        /* text */
        {3, {0x98, 1, 0}},          /* array */
        {4, {0xb8, 1, 0, 0}},       /* map */
        {4, {0x5f, 0x41, 0, 0xff}}, /* without a length */
        {4, {0x7f, 0x61, 'a', 0xff}},
        {3, {0x9f, 0, 0xff}},
        {4, {0xbf, 0, 0, 0xff}},
        {1, {0x20}},       /* -1 */
        {2, {0xc1, 0}},    /* tag */
        {1, {0xf6}},       /* null */
        {1, {0xf7}},       /* undefined */
        {3, {0xf9, 0, 0}}, /* half float */
        {2, {0xf8, 21}},   /* true, in two octets */
        {1, {0xff}},       /* break */
        {1, {0x1c}},       /* reserved */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cbor_in in;
        uint64_t v;
        size_t n;
        struct span s;
        bool t;
        const uint8_t *p = cases[i].octets;
        cbor_in_init(&in, p, cases[i].n);
        assert_int_equal(cbor_in_uint(&in, UINT64_MAX, &v), -1);
        cbor_in_init(&in, p, cases[i].n);
        assert_int_equal(cbor_in_bytes(&in, 100, &s), -1);
        cbor_in_init(&in, p, cases[i].n);
        assert_int_equal(cbor_in_text(&in, 100, &s), -1);
        cbor_in_init(&in, p, cases[i].n);
        assert_int_equal(cbor_in_array(&in, 100, &n), -1);
        cbor_in_init(&in, p, cases[i].n);
        assert_int_equal(cbor_in_map(&in, 100, &n), -1);
        cbor_in_init(&in, p, cases[i].n);
        assert_int_equal(cbor_in_bool(&in, &t), -1);
    }
}

static void strings(void **state)
{
    struct cbor_in in;
    struct span s;
    char out[4];
    uint8_t three[3];
    IN(in, 0x85, 0x43, 1, 2, 3, 0x40, 0x63, 'a', 'b', 'c', 0xf5, 0xf4);
    bool yes, no;
    assert_int_equal(cbor_in_array_of(&in, 5), 0);
    assert_int_equal(cbor_in_bytes_of(&in, three, 3), 0);
    assert_memory_equal(three, "\1\2\3", 3);
    assert_int_equal(cbor_in_bytes(&in, 0, &s), 0);
    assert_int_equal(s.n, 0);
    assert_int_equal(cbor_in_str(&in, out, sizeof out), 0);
    assert_string_equal(out, "abc");
    assert_int_equal(cbor_in_bool(&in, &yes), 0);
    assert_int_equal(cbor_in_bool(&in, &no), 0);
    assert_true(yes && !no);
    assert_int_equal(cbor_in_leave(&in), 0);
    assert_int_equal(cbor_in_end(&in, NULL), 0);
}

static void caps(void **state)
{
    struct cbor_in in;
    struct span s;
    size_t n;
    char out[3];
    uint8_t two[2], four[4];
    IN(in, 0x43, 1, 2, 3);
    assert_int_equal(cbor_in_bytes(&in, 2, &s), -1);
    assert_null(s.p);
    cbor_in_init(&in, octets_, sizeof octets_);
    assert_int_equal(cbor_in_bytes_of(&in, two, 2), -1);
    cbor_in_init(&in, octets_, sizeof octets_);
    assert_int_equal(cbor_in_bytes_of(&in, four, 4), -1);
    assert_memory_equal(four, "\0\0\0\0", 4);
    cbor_in_init(&in, (const uint8_t *)"\x63\x61\x62\x63", 4);
    assert_int_equal(cbor_in_str(&in, out, sizeof out), -1);
    assert_string_equal(out, "");
    cbor_in_init(&in, (const uint8_t *)"\x82\0\0", 3);
    assert_int_equal(cbor_in_array(&in, 1, &n), -1);
    assert_int_equal(n, 0);
    cbor_in_init(&in, (const uint8_t *)"\xa2\0\0\1\0", 5);
    assert_int_equal(cbor_in_map(&in, 1, NULL), -1);
}

/* Counts that the input cannot hold are refused before anybody allocates for them. */
static void counts(void **state)
{
    static const uint8_t array[] = {0x9b, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0};
    static const uint8_t map[] = {0xbb, 255, 255, 255, 255, 255, 255, 255, 255, 0};
    static const uint8_t bytes[] = {0x5b, 255, 255, 255, 255, 255, 255, 255, 255, 0};
    struct cbor_in in;
    struct span s;
    cbor_in_init(&in, array, sizeof array);
    assert_int_equal(cbor_in_array(&in, SIZE_MAX, NULL), -1);
    cbor_in_init(&in, map, sizeof map);
    assert_int_equal(cbor_in_map(&in, SIZE_MAX, NULL), -1);
    cbor_in_init(&in, bytes, sizeof bytes);
    assert_int_equal(cbor_in_bytes(&in, SIZE_MAX, &s), -1);
    cbor_in_init(&in, (const uint8_t *)"\xa1\0", 2);
    assert_int_equal(cbor_in_map(&in, 9, NULL), -1);
}

static void fields(void **state)
{
    struct cbor_in in;
    uint64_t a, b, c;
    IN(in, 0xa3, 1, 10, 2, 20, 0x18, 24, 3);
    assert_int_equal(cbor_in_map(&in, 3, NULL), 0);
    assert_int_equal(cbor_in_need(&in, 1), 0);
    assert_int_equal(cbor_in_uint(&in, 99, &a), 0);
    assert_true(cbor_in_field(&in, 2));
    assert_int_equal(cbor_in_uint(&in, 99, &b), 0);
    assert_false(cbor_in_field(&in, 3));
    assert_true(cbor_in_field(&in, 24));
    assert_int_equal(cbor_in_uint(&in, 99, &c), 0);
    assert_false(cbor_in_field(&in, 25));
    assert_int_equal(cbor_in_leave(&in), 0);
    assert_int_equal(cbor_in_end(&in, NULL), 0);
    assert_true(a == 10 && b == 20 && c == 3);
    /* a field left over; a missing one; a value where a key should be */
    cbor_in_init(&in, octets_, sizeof octets_);
    cbor_in_map(&in, 3, NULL);
    assert_int_equal(cbor_in_leave(&in), -1);
    cbor_in_init(&in, octets_, sizeof octets_);
    cbor_in_map(&in, 3, NULL);
    assert_int_equal(cbor_in_need(&in, 2), -1);
    cbor_in_init(&in, octets_, sizeof octets_);
    cbor_in_map(&in, 3, NULL);
    assert_true(cbor_in_field(&in, 1));
    assert_false(cbor_in_field(&in, 10));
    assert_int_equal(cbor_in_uint(&in, 99, &a), -1);
}

/* Reads a map of uint or text keys with uint values. */
static int read_map(const void *p, size_t n)
{
    struct cbor_in in;
    size_t pairs;
    uint64_t v;
    cbor_in_init(&in, p, n);
    cbor_in_map(&in, 10, &pairs);
    for (size_t i = 0; i < pairs; i++) {
        struct span key;
        bool is_text = in.p < in.end && *in.p >= 0x60;
        if (is_text)
            cbor_in_text(&in, 10, &key);
        else
            cbor_in_uint(&in, UINT64_MAX, &v);
        cbor_in_uint(&in, UINT64_MAX, &v);
    }
    cbor_in_leave(&in);
    return cbor_in_end(&in, NULL);
}

static void order(void **state)
{
    assert_int_equal(read_map("\xa0", 1), 0);
    assert_int_equal(read_map("\xa2\1\0\2\0", 5), 0);
    assert_int_equal(read_map("\xa2\2\0\1\0", 5), -1); /* out of order */
    assert_int_equal(read_map("\xa2\1\0\1\0", 5), -1); /* doubled */
    assert_int_equal(read_map("\xa2\x17\0\x18\x18\0", 6), 0);
    assert_int_equal(read_map("\xa2\x18\x18\0\x17\0", 6), -1);
    assert_int_equal(read_map("\xa2\1\0\x61z\0", 6), 0); /* a number stands before a text */
    assert_int_equal(read_map("\xa2\x61z\0\1\0", 6), -1);
    assert_int_equal(read_map("\xa2\x61z\0\x62"
                              "aa\0",
                              8),
                     0); /* the shorter stands first */
    assert_int_equal(read_map("\xa2\x62"
                              "aa\0\x61z\0",
                              8),
                     -1);
    assert_int_equal(read_map("\xa1\1\0\0", 4), -1); /* left over */
}

/* A map as another map's key. */
static void odd_keys(void **state)
{
    struct cbor_in in;
    IN(in, 0xa1, 0xa0, 0);
    assert_int_equal(cbor_in_map(&in, 1, NULL), 0);
    assert_int_equal(cbor_in_map(&in, 1, NULL), -1);
}

static void nesting(void **state)
{
    uint8_t deep[CBOR_DEPTH_MAX + 2];
    struct cbor_in in;
    memset(deep, 0x81, sizeof deep);
    cbor_in_init(&in, deep, sizeof deep);
    for (size_t i = 0; i < CBOR_DEPTH_MAX; i++)
        assert_int_equal(cbor_in_array_of(&in, 1), 0);
    assert_int_equal(cbor_in_array_of(&in, 1), -1);
    cbor_in_init(&in, deep, 1);
    assert_int_equal(cbor_in_leave(&in), -1);
}

static void ends(void **state)
{
    struct cbor_in in;
    struct error e;
    uint64_t v;
    cbor_in_init(&in, NULL, 0);
    assert_int_equal(cbor_in_uint(&in, 9, &v), -1);
    cbor_in_init(&in, NULL, 0);
    assert_int_equal(cbor_in_end(&in, &e), -1);
    cbor_in_init(&in, (const uint8_t *)"\0\0", 2);
    assert_int_equal(cbor_in_uint(&in, 9, &v), 0);
    assert_int_equal(cbor_in_end(&in, &e), -1);
    assert_non_null(strstr(e.text, "left over"));
    cbor_in_init(&in, (const uint8_t *)"\0\0", 2);
    assert_int_equal(cbor_in_uint(&in, 9, &v), 0);
    assert_int_equal(cbor_in_uint(&in, 9, &v), -1); /* one outermost item only */
    cbor_in_init(&in, (const uint8_t *)"\x82\0\0", 3);
    cbor_in_array_of(&in, 2);
    cbor_in_uint(&in, 9, &v);
    cbor_in_uint(&in, 9, &v);
    assert_int_equal(cbor_in_uint(&in, 9, &v), -1); /* past the array's end */
    assert_int_equal(cbor_in_fail(&in, "later"), -1);
    assert_int_equal(cbor_in_end(&in, &e), -1);
    assert_null(strstr(e.text, "later")); /* the first error stays */
}

static void utf8(void **state)
{
    static const char *good[] = {"",
                                 "abc",
                                 "\xc2\x80",
                                 "\xdf\xbf",
                                 "\xe0\xa0\x80",
                                 "\xed\x9f\xbf",
                                 "\xee\x80\x80",
                                 "\xf0\x90\x80\x80",
                                 "\xf4\x8f\xbf\xbf"};
    static const char *bad[] = {
        "\x80",         "\xc0\x80",         "\xc1\xbf",         "\xc2",
        "\xc2\x61",     "\xe0\x9f\xbf",     "\xe0\xa0",         "\xed\xa0\x80",
        "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
        "\xff",         "a\xe2\x82"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(utf8_valid((const uint8_t *)good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(utf8_valid((const uint8_t *)bad[i], strlen(bad[i])));
    struct cbor_in in;
    struct span s;
    cbor_in_init(&in, (const uint8_t *)"\x61\0", 2);
    assert_int_equal(cbor_in_text(&in, 9, &s), -1);
    cbor_in_init(&in, (const uint8_t *)"\x61\xff", 2);
    assert_int_equal(cbor_in_text(&in, 9, &s), -1);
}

static void writer_stops(void **state)
{
    struct buf b = BUF_INIT(6);
    struct cbor_out out;
    assert_int_equal(buf_append(&b, "xy", 2), 0);
    cbor_out_init(&out, &b);
    cbor_out_array(&out, 2);
    cbor_out_text(&out, "abcdef"); /* over the cap */
    cbor_out_uint(&out, 1);
    assert_int_equal(cbor_out_end(&out), -1);
    assert_int_equal(b.len, 2);
    assert_memory_equal(b.data, "xy", 2);
    cbor_out_init(&out, &b);
    cbor_out_map(&out, 1);
    cbor_out_uint(&out, 1);
    cbor_out_bool(&out, true);
    cbor_out_bytes(&out, NULL, 0);
    assert_int_equal(cbor_out_end(&out), 0);
    assert_int_equal(b.len, 6);
    assert_memory_equal(b.data, "xy\xa1\x01\xf5\x40", 6);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers), cmocka_unit_test(long_forms), cmocka_unit_test(strings),
        cmocka_unit_test(caps),    cmocka_unit_test(counts),     cmocka_unit_test(fields),
        cmocka_unit_test(order),   cmocka_unit_test(odd_keys),   cmocka_unit_test(nesting),
        cmocka_unit_test(ends),    cmocka_unit_test(utf8),       cmocka_unit_test(writer_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
