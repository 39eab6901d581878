/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_receipts.c - what POST /receipt carries both ways: exact octets, and everything else refused
 * (P-6.8, P-6.9, P-3.11). */
#include "proto/receipts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static struct receipt some[RECEIPTS_MAX + 1];
static struct receipt_answer answers[RECEIPTS_MAX + 1];

static int fill(void **state)
{
    for (size_t i = 0; i <= RECEIPTS_MAX; i++) {
        memset(some[i].id, (int)i, ENTRY_ID_LEN);
        memset(some[i].value, (int)(200 - i), HASH_LEN);
        answers[i].taken = i % 3 != 1;
        memset(answers[i].proof, answers[i].taken ? (int)i : 0, HASH_LEN);
    }
    return 0;
}

static void one_is_these_octets(void **state)
{
    struct buf b = BUF_INIT(RECEIPTS_BODY_MAX);
    uint8_t want[45] = {0x81, 0x82, 0x48};
    memset(want + 3, 7, 8);
    want[11] = 0x58;
    want[12] = 0x20;
    memset(want + 13, 193, 32);
    assert_int_equal(receipts_encode(&some[7], 1, &b), 0);
    assert_int_equal(b.len, sizeof want);
    assert_memory_equal(b.data, want, sizeof want);
    buf_free(&b);
}

static void round_trip(void **state)
{
    struct error e;
    for (size_t n = 1; n <= RECEIPTS_MAX; n++) {
        struct buf b = BUF_INIT(RECEIPTS_BODY_MAX);
        struct receipt r[RECEIPTS_MAX];
        struct receipt_answer a[RECEIPTS_MAX];
        size_t count = 0;
        assert_int_equal(receipts_encode(some, n, &b), 0);
        assert_int_equal(receipts_decode(b.data, b.len, r, &count, &e), 0);
        assert_int_equal(count, n);
        assert_memory_equal(r, some, n * sizeof *r);
        assert_int_equal(receipts_decode(b.data, b.len - 1, r, &count, &e), -1);
        assert_int_equal(count, 0);
        buf_free(&b);
        assert_int_equal(answers_encode(answers, n, &b), 0);
        assert_int_equal(answers_decode(b.data, b.len, a, n, &e), 0);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(a[i].taken, answers[i].taken);
            assert_memory_equal(a[i].proof, answers[i].proof, HASH_LEN);
        }
        assert_int_equal(answers_decode(b.data, b.len, a, n - 1, &e), -1);
        assert_int_equal(answers_decode(b.data, b.len - 1, a, n, &e), -1);
        assert_false(a[0].taken); /* nothing of what is refused is believed */
        buf_free(&b);
    }
}

static void caps(void **state)
{
    struct buf b = BUF_INIT(2 * RECEIPTS_BODY_MAX);
    assert_int_equal(receipts_encode(some, RECEIPTS_MAX, &b), 0);
    assert_int_equal(b.len, RECEIPTS_BODY_MAX);
    assert_int_equal(receipts_encode(some, RECEIPTS_MAX + 1, &b), -1);
    assert_int_equal(receipts_encode(some, 0, &b), -1);
    assert_int_equal(answers_encode(answers, RECEIPTS_MAX + 1, &b), -1);
    buf_free(&b);
}

static void refused(void **state)
{
    static const struct {
        const char *octets;
        size_t n;
    } bad[] = {
        {"", 0},
        {"\x80", 1},
        {"\xa0", 1},
        {"\x81", 1},
        {"\x81\x40", 2},
        {"\x81\x82\x48", 3},
        {"\x98\x21", 2},
        {"\x81\x81\x40", 3},
        {"\x81\x82\x40\x40", 4},
        {"\x9f\xff", 2},
        {"\x9a\xff\xff\xff\xff", 5},
    };
    struct receipt r[RECEIPTS_MAX];
    struct receipt_answer a;
    size_t count = 9;
    struct error e;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(receipts_decode((const uint8_t *)bad[i].octets, bad[i].n, r, &count, &e),
                         -1);
        assert_int_equal(count, 0);
    }
    assert_int_equal(answers_decode((const uint8_t *)"\x81\x41x", 3, &a, 1, &e), -1);
    assert_int_equal(answers_decode((const uint8_t *)"\x81\x40", 2, &a, 1, &e), 0);
    assert_false(a.taken);
}

/* Computed by a second program: HMAC-SHA-256(HKDF-SHA-256(p, "taken"), value). */
static void proof(void **state)
{
    uint8_t p[SECRET_LEN], value[HASH_LEN], got[HASH_LEN], other[HASH_LEN];
    char hex[2 * HASH_LEN + 1];
    for (size_t i = 0; i < SECRET_LEN; i++)
        p[i] = (uint8_t)i;
    memset(value, 5, sizeof value);
    receipt_proof(p, value, got);
    hex_encode(got, HASH_LEN, hex);
    assert_string_equal(hex, "9687327fa5a22b482b16d580a2819614242fd4357ff1eae05396b4f47a1f198e");
    value[0] ^= 1;
    receipt_proof(p, value, other);
    assert_memory_not_equal(got, other, HASH_LEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_these_octets),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(caps),
        cmocka_unit_test(refused),
        cmocka_unit_test(proof),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
