/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_stub.c - the stub file: what the daemon writes, both readers understand alike, and neither
 * takes anything else for a stub (P-7.1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/crypt.h"
#include "dovecot/stub-parse.h"
#include "proto/stub.h"
#include <stdio.h>
#include <string.h>

static const uint8_t KEY[HASH_LEN] = "0123456789abcdef0123456789ABCDE";
static const char HEADER[] = "Received: by bob; Mon, 23 Nov 2026 20:58:00 +0000\r\n"
                             "From: alice@demo\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\n\r\n";
static const char STRUCTURE[] = "\"text\" \"plain\" NIL NIL NIL \"7bit\" 5 1 NIL NIL NIL NIL";

static void plugin_hmac(const unsigned char id[32], const unsigned char *p, size_t n,
                        unsigned char out[32])
{
    uint8_t *all = malloc(32 + n);
    assert_non_null(all);
    memcpy(all, id, 32);
    memcpy(all + 32, p, n);
    hmac_sha256(KEY, HASH_LEN, all, 32 + n, out);
    free(all);
}

static struct buf encode(const char *header, size_t header_len, const char *structure)
{
    struct buf b = BUF_INIT(STUB_MAX);
    struct stub s = {.header = (const uint8_t *)header,
                     .header_len = header_len,
                     .structure = (const uint8_t *)structure,
                     .structure_len = strlen(structure)};
    memset(s.id, 0xa7, sizeof s.id);
    assert_int_equal(stub_encode(&s, KEY, &b), 0);
    return b;
}

/* Both readers' verdict, which must be the same; exact copies so that ASan sees every overrun. */
static bool both(const uint8_t *p, size_t n)
{
    uint8_t *copy = malloc(n == 0 ? 1 : n);
    struct stub_file f;
    struct stub s;
    assert_non_null(copy);
    memcpy(copy, p, n);
    bool mine = stub_decode(copy, n, KEY, &s, NULL) == 0;
    bool plugins = stub_file_parse(copy, n, plugin_hmac, &f);
    assert_int_equal(mine, plugins);
    if (mine) {
        assert_memory_equal(s.id, f.id, HASH_LEN);
        assert_int_equal(s.header_len, f.header_len);
        assert_int_equal(s.structure_len, f.structure_len);
        assert_ptr_equal(s.header, copy + f.line_len);
    }
    free(copy);
    return mine;
}

static void test_round_trip(void **state)
{
    struct buf b = encode(HEADER, strlen(HEADER), STRUCTURE);
    struct error e;
    struct stub s;
    (void)state;
    assert_true(both(b.data, b.len));
    assert_int_equal(stub_decode(b.data, b.len, KEY, &s, &e), 0);
    assert_int_equal(s.header_len, strlen(HEADER));
    assert_memory_equal(s.header, HEADER, s.header_len);
    assert_int_equal(s.structure_len, strlen(STRUCTURE));
    assert_memory_equal(s.structure, STRUCTURE, s.structure_len);
    assert_int_equal(s.id[31], 0xa7);
    buf_free(&b);
}

/* The octets of the format, so that it cannot drift: the HMAC was computed with Python's. */
static void test_first_line(void **state)
{
    struct buf b = encode("A: b\r\n\r\n", 8, "x");
    static const char line[] =
        "X-Restante-Stub: 1 a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7 8 1 ";
    (void)state;
    assert_memory_equal(b.data, line, sizeof line - 1);
    assert_int_equal(b.len, sizeof line - 1 + 64 + 2 + 8 + 1);
    assert_memory_equal(b.data + sizeof line - 1,
                        "522da57066e635e5459ea69ce643fda46aa48da55104ed1de23658e8b126b64f", 64);
    buf_free(&b);
}

/* Every octet matters: a changed one makes it an ordinary mail for both readers. */
static void test_every_changed_octet_is_noticed(void **state)
{
    struct buf b = encode(HEADER, strlen(HEADER), STRUCTURE);
    (void)state;
    for (size_t i = 0; i < b.len; i++) {
        b.data[i] ^= 0x01;
        assert_false(both(b.data, b.len));
        b.data[i] ^= 0x21; /* also letter case: hex has one spelling */
        assert_false(both(b.data, b.len));
        b.data[i] ^= 0x20;
    }
    assert_true(both(b.data, b.len));
    buf_free(&b);
}

static void test_every_cut_is_noticed(void **state)
{
    struct buf b = encode(HEADER, strlen(HEADER), STRUCTURE);
    uint8_t *longer = malloc(b.len + 1);
    (void)state;
    assert_non_null(longer);
    memcpy(longer, b.data, b.len);
    longer[b.len] = '\n';
    assert_false(both(longer, b.len + 1));
    for (size_t n = 0; n < b.len; n++)
        assert_false(both(b.data, n));
    free(longer);
    buf_free(&b);
}

static void test_other_key_is_no_stub(void **state)
{
    struct buf b = encode(HEADER, strlen(HEADER), STRUCTURE);
    uint8_t other[HASH_LEN];
    struct error e;
    struct stub s;
    (void)state;
    memcpy(other, KEY, sizeof other);
    other[31] ^= 1;
    assert_int_equal(stub_decode(b.data, b.len, other, &s, &e), -1);
    assert_string_equal(e.text, "The stub was not made by this peer.");
    buf_free(&b);
}

/* Same meaning, other spelling. */
static void test_odd_numbers_are_refused(void **state)
{
    static const char *const odd[] = {"08 1 ",
                                      "+8 1 ",
                                      " 8 1 ",
                                      "8  1 ",
                                      "8 1\t",
                                      "8 01 ",
                                      "99999999999999999999999 1 ",
                                      "8 4294967297 ",
                                      "-8 1 ",
                                      "18446744073709551616 1 ",
                                      "8 1  "};
    char id[65], mac[65], text[512];

    (void)state;
    memset(id, '0', 64);
    memset(mac, '0', 64);
    id[64] = mac[64] = '\0';
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        int n =
            snprintf(text, sizeof text, "%s%s %s%s\r\nA: b\r\n\r\nx", STUB_MAGIC, id, odd[i], mac);
        assert_false(both((const uint8_t *)text, (size_t)n));
    }
}

static void test_caps(void **state)
{
    char *big = malloc(STUB_HEADER_MAX + 1);
    struct stub s = {.header = (const uint8_t *)big, .header_len = STUB_HEADER_MAX + 1};
    struct buf b = BUF_INIT(STUB_MAX);
    (void)state;
    assert_non_null(big);
    assert_int_equal(STUB_HEADER_MAX, STUB_FILE_HEADER_MAX);
    assert_int_equal(STUB_STRUCTURE_MAX, STUB_FILE_STRUCTURE_MAX);
    assert_int_equal(STUB_MAX, STUB_FILE_MAX);
    assert_string_equal(STUB_MAGIC, STUB_FILE_MAGIC);
    memset(big, 'h', STUB_HEADER_MAX + 1);
    assert_int_equal(stub_encode(&s, KEY, &b), -1);
    s.header_len = 0;
    assert_int_equal(stub_encode(&s, KEY, &b), -1);
    s.header_len = STUB_HEADER_MAX;
    s.structure = (const uint8_t *)"a\0b";
    s.structure_len = 3;
    assert_int_equal(stub_encode(&s, KEY, &b), -1);
    assert_int_equal(b.len, 0);
    s.structure_len = 1;
    assert_int_equal(stub_encode(&s, KEY, &b), 0);
    assert_true(both(b.data, b.len));
    buf_free(&b);
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_first_line),
        cmocka_unit_test(test_every_changed_octet_is_noticed),
        cmocka_unit_test(test_every_cut_is_noticed),
        cmocka_unit_test(test_other_key_is_no_stub),
        cmocka_unit_test(test_odd_numbers_are_refused),
        cmocka_unit_test(test_caps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
