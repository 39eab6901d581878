/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_invite.c - an invitation is one line with exactly one meaning, a damaged one is none, and
 * its proof holds for one signer only (P-15.1 to P-15.3). */
#include "proto/invite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static struct invite full(void)
{
    struct invite v = {.network = 7, .expiry_s = 1800000000, .group = true, .nodes = 3};
    (void)strcpy(v.address, "alice@example.net");
    memset(v.fpr, 0xa1, FPR_LEN);
    memset(v.id, 0x1d, INVITE_ID_LEN);
    memset(v.secret, 0x5e, INVITE_SECRET_LEN);
    (void)strcpy(v.node[0], "alice.example.net:4222");
    (void)strcpy(v.node[1], "192.0.2.7:4222");
    (void)strcpy(v.node[2], "[2001:db8::1]:4222");
    return v;
}

static void round_trip(void **state)
{
    struct invite v = full(), got;
    struct buf b = BUF_INIT(INVITE_LINE_MAX);
    struct error e;
    assert_int_equal(invite_format(&v, &b), 0);
    assert_memory_equal(b.data, "restante:", 9);
    assert_null(memchr(b.data, '=', b.len));
    assert_int_equal(invite_parse((char *)b.data, b.len, &got, &e), 0);
    assert_memory_equal(&got, &v, sizeof v);
    buf_free(&b);
}

/* A mail program breaks the line, a person copies blanks around it. */
static void white_space_does_not_count(void **state)
{
    struct invite v = full(), got;
    struct buf b = BUF_INIT(INVITE_LINE_MAX), c = BUF_INIT(INVITE_LINE_MAX);
    struct error e;
    assert_int_equal(invite_format(&v, &b), 0);
    assert_int_equal(buf_printf(&c, "  %.*s\r\n %.*s\n", 60, (char *)b.data, (int)b.len - 60,
                                (char *)b.data + 60),
                     0);
    assert_int_equal(invite_parse((char *)c.data, c.len, &got, &e), 0);
    assert_memory_equal(&got, &v, sizeof v);
    buf_free(&b);
    buf_free(&c);
}

static void every_damage_is_seen(void **state)
{
    struct invite v = full(), got;
    struct buf b = BUF_INIT(INVITE_LINE_MAX);
    struct error e;
    assert_int_equal(invite_format(&v, &b), 0);
    char *p = (char *)b.data;
    for (size_t i = 0; i < b.len; i++) {
        assert_int_equal(invite_parse(p, i, &got, &e), -1);
        char was = p[i];
        p[i] = was == 'A' ? 'B' : 'A';
        /* the last character of an unpadded text has bits that mean nothing */
        if (invite_parse(p, b.len, &got, &e) == 0)
            assert_int_equal(i, b.len - 1);
        p[i] = was;
    }
    assert_int_equal(invite_parse("https://x", 9, &got, &e), -1);
    assert_non_null(strstr(e.text, "restante:"));
    buf_free(&b);
}

static void too_long_is_refused(void **state)
{
    static char big[3 * INVITE_LINE_MAX];
    struct invite v = full(), got;
    struct buf b = BUF_INIT(INVITE_LINE_MAX);
    struct error e;
    memset(big, 'A', sizeof big);
    memcpy(big, "restante:", 9);
    assert_int_equal(invite_parse(big, sizeof big, &got, &e), -1);
    assert_int_equal(invite_parse(big, INVITE_LINE_MAX + 1, &got, &e), -1);
    v.nodes = INVITE_NODES_MAX;
    for (size_t i = 0; i < v.nodes; i++) { /* eight names of the longest kind do not fit */
        memset(v.node[i], 0, sizeof v.node[i]);
        for (size_t k = 0; k < 251; k++)
            v.node[i][k] = k % 50 == 49 ? '.' : 'a';
        (void)strcpy(v.node[i] + 251, ":65535");
    }
    assert_int_equal(invite_format(&v, &b), -1);
    assert_int_equal(b.len, 0);
    buf_free(&b);
}

static void bad_fields_are_not_written(void **state)
{
    struct buf b = BUF_INIT(INVITE_LINE_MAX);
    struct invite v = full();
    (void)strcpy(v.node[1], "no-port");
    assert_int_equal(invite_format(&v, &b), -1);
    v = full();
    (void)strcpy(v.address, "Alice@example.net");
    assert_int_equal(invite_format(&v, &b), -1);
    v = full();
    v.expiry_s = -1;
    assert_int_equal(invite_format(&v, &b), -1);
    assert_false(invite_node_ok("host:0"));
    assert_false(invite_node_ok("user@host:1"));
    assert_true(invite_node_ok("localhost:4222"));
}

/* Each thing that the proof is about changes it (P-15.3). */
static void proof_binds(void **state)
{
    uint8_t secret[INVITE_SECRET_LEN] = {1}, a[FPR_LEN] = {2}, b[FPR_LEN] = {3}, one[HASH_LEN],
            other[HASH_LEN];
    struct invite_claim c = {
        .network = 1, .inviter_fpr = a, .fpr = b, .address = "bob@example.net", .id = {4}};
    invite_prove(&c, secret, one);
    invite_prove(&c, secret, other);
    assert_memory_equal(one, other, HASH_LEN);
    struct invite_claim x[5] = {c, c, c, c, c};
    x[0].network = 2;
    x[1].inviter_fpr = b;
    x[2].fpr = a;
    x[3].address = "eve@example.net";
    x[4].id[7] = 1;
    for (size_t i = 0; i < 5; i++) {
        invite_prove(&x[i], secret, other);
        assert_memory_not_equal(one, other, HASH_LEN);
    }
    secret[15] = 1;
    invite_prove(&c, secret, other);
    assert_memory_not_equal(one, other, HASH_LEN);
}

static void field_round_trip(void **state)
{
    struct invite_claim c = {.id = {0xab, 1}, .proof = {9, 8}}, got = {0};
    char text[INVITE_FIELD_LEN + 1];
    invite_field(&c, text);
    assert_int_equal(strlen(text), INVITE_FIELD_LEN);
    assert_int_equal(invite_field_parse(text, INVITE_FIELD_LEN, &got), 0);
    assert_memory_equal(got.id, c.id, INVITE_ID_LEN);
    assert_memory_equal(got.proof, c.proof, HASH_LEN);
    assert_int_equal(invite_field_parse(text, INVITE_FIELD_LEN - 1, &got), -1);
    text[0] = '2';
    assert_int_equal(invite_field_parse(text, INVITE_FIELD_LEN, &got), -1);
    text[0] = '1';
    text[5] = 'g';
    assert_int_equal(invite_field_parse(text, INVITE_FIELD_LEN, &got), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(white_space_does_not_count),
        cmocka_unit_test(every_damage_is_seen),
        cmocka_unit_test(too_long_is_refused),
        cmocka_unit_test(bad_fields_are_not_written),
        cmocka_unit_test(proof_binds),
        cmocka_unit_test(field_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
