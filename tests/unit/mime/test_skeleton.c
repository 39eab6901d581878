/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_skeleton.c - the skeleton's bytes, and the trees that nobody may send (P-4.11). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "proto/skeleton.h"

#define PLAIN (SKELETON_MIME | SKELETON_TEXT)
#define MIXED (SKELETON_MIME | SKELETON_MULTIPART)
#define INNER (SKELETON_MIME | SKELETON_MESSAGE)
#define HEAD(s) .header = (const uint8_t *)(s), .header_len = sizeof s - 1

static void encodes_the_shortest_form(void **state)
{
    static const uint8_t want[] = {0x82, 0x85, 0x40, 0x18, 0x64, 0x03, 0x05, 0x01,
                                   0x85, 0x42, '\r', '\n', 0x05, 0x01, 0x03, 0x00};
    struct skeleton_part part[] = {{.octets = 100, .lines = 3, .kind = MIXED, .children = 1},
                                   {HEAD("\r\n"), .octets = 5, .lines = 1, .kind = PLAIN}};
    struct buf b = BUF_INIT(SKELETON_MAX);
    (void)state;
    assert_int_equal(skeleton_encode(&(struct skeleton){part, 2}, &b, NULL), 0);
    assert_int_equal(b.len, sizeof want);
    assert_memory_equal(b.data, want, sizeof want);
    buf_free(&b);
}

static void comes_back_as_it_went(void **state)
{
    struct skeleton_part part[] = {
        {.octets = 1ULL << 40, .lines = UINT32_MAX, .kind = MIXED | SKELETON_DIGEST, .children = 3},
        {HEAD("A: b\r\n\r\n"), .octets = 70000, .lines = 400, .kind = INNER, .children = 1},
        {HEAD("C: d\r\n\r\n"), .octets = 300, .lines = 2, .kind = MIXED, .children = 0},
        {HEAD(""), .octets = 0, .lines = 0, .kind = SKELETON_MIME},
        {HEAD("\r\n"), .octets = 24, .lines = 24, .kind = SKELETON_TEXT},
    };
    struct buf b = BUF_INIT(SKELETON_MAX);
    struct skeleton s;
    (void)state;
    assert_int_equal(skeleton_encode(&(struct skeleton){part, 5}, &b, NULL), 0);
    assert_int_equal(skeleton_decode(b.data, b.len, &s, NULL), 0);
    assert_int_equal(s.count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(s.part[i].header_len, part[i].header_len);
        assert_memory_equal(s.part[i].header, part[i].header, part[i].header_len);
        assert_true(s.part[i].octets == part[i].octets);
        assert_true(s.part[i].lines == part[i].lines);
        assert_int_equal(s.part[i].kind, part[i].kind);
        assert_int_equal(s.part[i].children, part[i].children);
    }
    skeleton_free(&s);
    assert_null(s.part);

    for (size_t n = 0; n < b.len; n++) /* no part of it is whole */
        assert_int_equal(skeleton_decode(b.data, n, &s, NULL), -1);
    assert_int_equal(buf_append(&b, "", 1), 0);
    assert_int_equal(skeleton_decode(b.data, b.len, &s, NULL), -1);
    assert_int_equal(s.count, 0);
    buf_free(&b);
}

/* Writes what skeleton_encode would refuse to write: numbers are below 24, headers empty. */
static int decode_small(const uint8_t (*part)[4], size_t count, struct error *e)
{
    struct buf b = BUF_INIT(4096);
    struct skeleton s;
    uint8_t head = (uint8_t)(0x80 + count);
    assert_int_equal(buf_append(&b, &head, 1), 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(buf_append(&b, "\x85\x40", 2), 0);
        assert_int_equal(buf_append(&b, part[i], 4), 0);
    }
    int ret = skeleton_decode(b.data, b.len, &s, e);
    skeleton_free(&s);
    buf_free(&b);
    return ret;
}

static void refuses_impossible_trees(void **state)
{
    static const struct {
        const char *what; /* words of the sentence */
        size_t count;
        uint8_t part[4][4]; /* octets, lines, kind, children */
    } bad[] = {
        {"outside its tree", 2, {{9, 1, 3, 0}, {1, 0, 3, 0}}},
        {"lacks parts", 1, {{9, 1, 5, 1}}},
        {"lacks parts", 2, {{9, 1, 5, 2}, {1, 0, 3, 0}}},
        {"lacks parts", 3, {{9, 1, 5, 2}, {8, 0, 5, 1}, {1, 0, 3, 0}}},
        {"exactly one child", 1, {{9, 1, 17, 0}}},
        {"exactly one child", 3, {{9, 1, 17, 2}, {1, 0, 3, 0}, {1, 0, 3, 0}}},
        {"cannot have children", 2, {{9, 1, 3, 1}, {1, 0, 3, 0}}},
        {"two kinds", 1, {{9, 1, 7, 0}}},
        {"two kinds", 2, {{9, 1, 21, 1}, {1, 0, 3, 0}}},
        {"two kinds", 2, {{9, 1, 19, 1}, {1, 0, 3, 0}}},
        {"two kinds", 1, {{9, 1, 9, 0}}},
        {"is not text", 1, {{9, 1, 0, 0}}},
        {"is not text", 1, {{9, 1, 4, 0}}},
        {"impossible sizes", 1, {{9, 10, 3, 0}}},
        {"larger than what holds them", 2, {{9, 1, 5, 1}, {10, 0, 3, 0}}},
        {"larger than what holds them", 3, {{9, 1, 5, 2}, {5, 0, 3, 0}, {5, 0, 3, 0}}},
    };
    static const uint8_t good[4][4] = {{9, 1, 5, 2}, {4, 0, 3, 0}, {5, 0, 17, 1}, {5, 0, 2, 0}};

    (void)state;
    assert_int_equal(decode_small(good, 4, NULL), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error e = {""};
        assert_int_equal(decode_small(bad[i].part, bad[i].count, &e), -1);
        if (strstr(e.text, bad[i].what) == NULL)
            fail_msg("case %zu: %s", i, e.text);
    }
}

static void refuses_other_cbor(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
    } bad[] = {
        {"", 0},
        {"\x80", 1},                             /* no part */
        {"\xa0", 1},                             /* a map */
        {"\x81\x84\x40\x01\x01\x03", 6},         /* four fields */
        {"\x81\x86\x40\x01\x01\x03\x00\x00", 8}, /* six */
        {"\x81\x85\x60\x01\x01\x03\x00", 7},     /* text for the header */
        {"\x81\x85\x41\x41\x01\x01\x03\x00", 8}, /* the root has a header */
        {"\x81\x85\x40\x18\x01\x01\x03\x00", 8}, /* 1 in two octets */
        {"\x81\x85\x40\x01\x01\x18\x20\x00", 8}, /* unknown kind */
        {"\x9f\x85\x40\x01\x01\x03\x00\xff", 8}, /* indefinite length */
        {"\x81\x85\x40\x1b\x00\x00\x40\x00\x00\x00\x00\x01\x01\x03\x00", 15}, /* over 2^46 octets */
        {"\x81\x85\x40\x1b\x00\x00\x01\x00\x00\x00\x00\x00\x1b\x00\x00\x00\x01\x00\x00\x00\x00"
         "\x03\x00",
         23},                        /* 2^32 lines */
        {"\x9a\x00\x00\x03\xe9", 5}, /* 1,001 parts */
    };
    struct skeleton s;

    (void)state;
    assert_int_equal(skeleton_decode((const uint8_t *)"\x81\x85\x40\x01\x01\x03\x00", 7, &s, NULL),
                     0);
    skeleton_free(&s);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(skeleton_decode((const uint8_t *)bad[i].bytes, bad[i].n, &s, NULL), -1);
        assert_null(s.part);
    }
}

/* count messages inside each other, the innermost one text. */
static int encode_chain(size_t count, struct buf *b)
{
    struct skeleton_part part[SKELETON_DEPTH_MAX + 1];
    for (size_t i = 0; i < count; i++)
        part[i] = (struct skeleton_part){.octets = 1000 - i, .kind = INNER, .children = 1};
    part[count - 1].kind = PLAIN;
    part[count - 1].children = 0;
    return skeleton_encode(&(struct skeleton){part, count}, b, NULL);
}

static void keeps_its_limits(void **state)
{
    static struct skeleton_part part[PARTS_MAX + 1];
    static uint8_t large[SKELETON_MAX];
    struct buf b = BUF_INIT(2 * SKELETON_MAX);
    struct skeleton s;
    (void)state;
    assert_int_equal(encode_chain(SKELETON_DEPTH_MAX, &b), 0);
    assert_int_equal(skeleton_decode(b.data, b.len, &s, NULL), 0);
    skeleton_free(&s);
    b.len = 0;
    assert_int_equal(encode_chain(SKELETON_DEPTH_MAX + 1, &b), -1);

    part[0] = (struct skeleton_part){.octets = 1 << 30, .kind = MIXED, .children = PARTS_MAX - 1};
    for (size_t i = 1; i <= PARTS_MAX; i++)
        part[i].kind = PLAIN;
    assert_int_equal(skeleton_encode(&(struct skeleton){part, PARTS_MAX}, &b, NULL), 0);
    assert_int_equal(skeleton_decode(b.data, b.len, &s, NULL), 0);
    assert_int_equal(s.count, PARTS_MAX);
    skeleton_free(&s);
    b.len = 0;
    part[0].children = PARTS_MAX;
    assert_int_equal(skeleton_encode(&(struct skeleton){part, PARTS_MAX + 1}, &b, NULL), -1);

    memset(large, 'x', sizeof large);
    part[0].children = 1;
    part[1].header = large;
    part[1].header_len = SKELETON_MAX - 64;
    assert_int_equal(skeleton_encode(&(struct skeleton){part, 2}, &b, NULL), 0);
    assert_true(b.len <= SKELETON_MAX);
    b.len = 3;
    part[1].header_len = SKELETON_MAX;
    assert_int_equal(skeleton_encode(&(struct skeleton){part, 2}, &b, NULL), -1);
    assert_int_equal(b.len, 3);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_the_shortest_form), cmocka_unit_test(comes_back_as_it_went),
        cmocka_unit_test(refuses_impossible_trees),  cmocka_unit_test(refuses_other_cbor),
        cmocka_unit_test(keeps_its_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
