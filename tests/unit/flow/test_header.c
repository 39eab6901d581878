/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_header.c - from what a client submits to m's header: what goes, what comes, and that the
 * rest stays to the octet, in odd real mail too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "flow/mail/header.h"
#include "proto/limits.h"

#define NOW 1795467480000 /* Mon, 23 Nov 2026 20:58:00 +0000 */
#define HAS "Date: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <1@x>\r\n"
#define DATED "Date: Mon, 23 Nov 2026 20:58:00 +0000\r\n"

static const struct header_rules plain = {.domain = "house.example", .now_ms = NOW};

static const char *make(const char *in, const struct header_rules *rules, struct buf *out)
{
    struct error e;

    out->len = 0;
    assert_int_equal(header_make((const uint8_t *)in, strlen(in), rules, out, &e), 0);
    return buf_str(out);
}

static void changes_only_what_it_must(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        /* nothing to do */
        {HAS "\r\n", HAS "\r\n"},
        {HAS "Subject:  odd   spaces \t\r\n\r\n", HAS "Subject:  odd   spaces \t\r\n\r\n"},
        {"DATE:\r\nmessage-id:\r\n\r\n", "DATE:\r\nmessage-id:\r\n\r\n"},
        {"Date : x\r\nMessage-ID\t: y\r\n\r\n", "Date : x\r\nMessage-ID\t: y\r\n\r\n"},
        /* Received: the first field only, and only at the first place */
        {"Received: from a\r\n\tby b; x\r\n" HAS "\r\n", HAS "\r\n"},
        {"received : x\r\n" HAS "\r\n", HAS "\r\n"},
        {"Received: 1\r\nReceived: 2\r\n" HAS "\r\n", "Received: 2\r\n" HAS "\r\n"},
        {HAS "Received: 1\r\n\r\n", HAS "Received: 1\r\n\r\n"},
        {"X: y\r\nReceived: 1\r\n" HAS "\r\n", "X: y\r\nReceived: 1\r\n" HAS "\r\n"},
        {"no field\r\nReceived: 1\r\n" HAS "\r\n", "no field\r\nReceived: 1\r\n" HAS "\r\n"},
        {"Received-SPF: x\r\n" HAS "\r\n", "Received-SPF: x\r\n" HAS "\r\n"},
        {"Received\r\n" HAS "\r\n", "Received\r\n" HAS "\r\n"},
        /* Bcc: all of them */
        {"Bcc: a@b\r\n" HAS "\r\n", HAS "\r\n"},
        {HAS "Bcc: a@b\r\n\r\n", HAS "\r\n"},
        {HAS "bcc:\r\nTo: x\r\nBCC: a@b\r\n\r\n", HAS "To: x\r\n\r\n"},
        {HAS "Bcc : a@b\r\nBcc \t : a@b\r\n\r\n", HAS "\r\n"},
        {HAS "Bcc: a@b,\r\n c@d,\r\n\te@f\r\nTo: x\r\n\r\n", HAS "To: x\r\n\r\n"},
        {HAS "Bcc:\r\n \r\n a@b\r\nTo: x\r\n\r\n", HAS "To: x\r\n\r\n"},
        {"Received: 1\r\nBcc: a@b\r\n" HAS "\r\n", HAS "\r\n"},
        {HAS "Bcc: a@b", HAS}, /* not even a line end */
        {HAS "X-Bcc: a\r\nBccs: b\r\nSubject: Bcc: c\r\n Bcc: d\r\n\r\n",
         HAS "X-Bcc: a\r\nBccs: b\r\nSubject: Bcc: c\r\n Bcc: d\r\n\r\n"},
        /* lines that are no fields */
        {HAS "a line without colon\r\n\r\n", HAS "a line without colon\r\n\r\n"},
        {"From someone Mon Jan  1 00:00:00 2024\r\n" HAS "\r\n",
         "From someone Mon Jan  1 00:00:00 2024\r\n" HAS "\r\n"},
        {HAS ": no name\r\n::\r\n>From x: y\r\n\r\n", HAS ": no name\r\n::\r\n>From x: y\r\n\r\n"},
        {HAS "Sujet \xe9t\xe9: x\r\n\xff\xfe\r\n\r\n",
         HAS "Sujet \xe9t\xe9: x\r\n\xff\xfe\r\n\r\n"},
        {HAS "Bcc\r\n : that is no Bcc\r\n\r\n", HAS "Bcc\r\n : that is no Bcc\r\n\r\n"},
        /* a CR alone ends neither line nor header */
        {HAS "\rX: y\r\nBcc: a@b\r\n\r\n", HAS "\rX: y\r\n\r\n"},
        {HAS "\r\r\nBcc: a@b\r\n\r\n", HAS "\r\r\n\r\n"},
        {HAS "X: \rBcc: a\r\n\r\n", HAS "X: \rBcc: a\r\n\r\n"},
        /* nothing behind the empty line is looked at */
        {HAS "\r\nBcc: a@b\r\nDate: x\r\n", HAS "\r\nBcc: a@b\r\nDate: x\r\n"},
        /* Sender is the user's when nothing else is asked for */
        {HAS "Sender: a@b\r\n\r\n", HAS "Sender: a@b\r\n\r\n"},
    };
    struct buf out = BUF_INIT(HEADER_MAX);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(make(cases[i].in, &plain, &out), cases[i].out);
    buf_free(&out);
}

/* Takes a Message-ID field of ours off the front; its 32 digits go to id. */
static const char *skip_id(const char *at, char id[33])
{
    static const char front[] = "Message-ID: <", back[] = "@house.example>\r\n";

    assert_memory_equal(at, front, sizeof front - 1);
    at += sizeof front - 1;
    assert_int_equal(strspn(at, "0123456789abcdef"), 32);
    memcpy(id, at, 32);
    id[32] = '\0';
    assert_memory_equal(at + 32, back, sizeof back - 1);
    return at + 32 + sizeof back - 1;
}

static void adds_what_is_missing(void **state)
{
    static const char *const with_neither[] = {
        "\r\n", /* no header at all */
        "",
        "only text, no field\r\n\r\n",
        "Subject: x\r\n\r\n",
        "X-Date: x\r\nResent-Date: y\r\nResent-Message-ID: z\r\n\r\n",
        "Date\r\nMessage-ID\r\n\r\n",            /* no colon */
        "Subject: x\r\n Date: folded\r\n\r\n",   /* part of Subject */
        "\r\nDate: x\r\nMessage-ID: <y@z>\r\n",  /* part of the body */
        "\n\r\nDate: x\r\nMessage-ID: <y@z>\r\n" /* and so */
    };
    struct buf out = BUF_INIT(HEADER_MAX);
    char id[33], other[33];

    (void)state;
    for (size_t i = 0; i < sizeof with_neither / sizeof *with_neither; i++) {
        const char *at = make(with_neither[i], &plain, &out);
        assert_memory_equal(at, DATED, sizeof DATED - 1);
        at = skip_id(at + sizeof DATED - 1, id);
        assert_string_equal(at, with_neither[i]);
        (void)skip_id(make(with_neither[i], &plain, &out) + sizeof DATED - 1, other);
        assert_string_not_equal(id, other);
    }
    assert_string_equal(make("Message-ID: <1@x>\r\nBcc: y\r\n\r\n", &plain, &out),
                        DATED "Message-ID: <1@x>\r\n\r\n");
    assert_string_equal(skip_id(make("Received: x\r\nDate: y\r\n\r\n", &plain, &out), id),
                        "Date: y\r\n\r\n");
    buf_free(&out);
}

static void names_one_sender(void **state)
{
    static const struct header_rules rules = {
        .domain = "house.example", .now_ms = NOW, .sender = "a@house.example"};
    struct buf out = BUF_INIT(HEADER_MAX);

    (void)state;
    assert_string_equal(make(HAS "\r\n", &rules, &out), "Sender: <a@house.example>\r\n" HAS "\r\n");
    assert_string_equal(
        make("sender: x@y\r\nTo: z\r\nSENDER : x,\r\n\ty\r\n" HAS "\r\n", &rules, &out),
        "Sender: <a@house.example>\r\nTo: z\r\n" HAS "\r\n");
    /* the second pass: a Received field in front keeps the client's own */
    assert_string_equal(make("Received: x\r\nReceived: y\r\n" HAS "\r\n", &rules, &out),
                        "Sender: <a@house.example>\r\nReceived: y\r\n" HAS "\r\n");
    buf_free(&out);
}

static void refuses_white_space_in_front(void **state)
{
    static const char *const bad[] = {" ", "\t", " \r\n\r\n", " Subject: x\r\n" HAS "\r\n",
                                      "\tReceived: x\r\n" HAS "\r\n"};
    struct buf out = BUF_INIT(HEADER_MAX);

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error e = {""};
        assert_int_equal(header_make((const uint8_t *)bad[i], strlen(bad[i]), &plain, &out, &e),
                         -1);
        assert_non_null(strstr(e.text, "white space"));
        assert_int_equal(out.len, 0);
    }
}

static void keeps_the_cap(void **state)
{
    static const char front[] = HAS "X: ", back[] = "\r\n\r\n";
    size_t n = 2000, fixed = sizeof front - 1 + sizeof back - 1;
    char *in = malloc(n);
    struct error e = {""};

    (void)state;
    assert_non_null(in);
    memset(in, 'x', n);
    memcpy(in, front, sizeof front - 1);
    memcpy(in + n - (sizeof back - 1), back, sizeof back - 1);
    assert_true(n > fixed);
    struct buf exact = BUF_INIT(2000), small = BUF_INIT(1999);
    assert_int_equal(header_make((uint8_t *)in, n, &plain, &exact, &e), 0);
    assert_int_equal(exact.len, n);
    assert_memory_equal(exact.data, in, n);
    assert_int_equal(header_make((uint8_t *)in, n, &plain, &small, &e), -1);
    assert_non_null(strstr(e.text, "1999"));
    /* what is dropped does not count */
    struct buf little = BUF_INIT(sizeof HAS + 1);
    memcpy(in, "Bcc", 3);
    in[3] = ':';
    memset(in + 4, 'x', n - 4);
    memcpy(in + n - sizeof HAS - 3, "\r\n" HAS "\r\n", sizeof HAS + 3);
    assert_int_equal(header_make((uint8_t *)in, n, &plain, &little, &e), 0);
    assert_int_equal(little.len, sizeof HAS + 1);
    buf_free(&exact);
    buf_free(&small);
    buf_free(&little);
    free(in);
}

static void finds_values(void **state)
{
    static const struct {
        const char *header, *name;
        size_t max;
        const char *value; /* NULL: there is none */
    } cases[] = {
        {"Subject: x\r\n\r\n", "subject", 100, "x"},
        {"sUBJECT:x\r\n\r\n", "Subject", 100, "x"},
        {"Subject :\t x y \t\r\n\r\n", "subject", 100, "x y"},
        {"Subject: a\r\nSubject: b\r\n\r\n", "subject", 100, "a"},
        {"Subject: a\r\n b\r\n\tc\r\n\r\n", "subject", 100, "a b c"},
        {"Subject:\r\n a\r\n\r\n", "subject", 100, "a"},
        {"Subject:\r\n\r\n", "subject", 100, ""},
        {"Subject: \r\n \t\r\n\r\n", "subject", 100, ""},
        {"Subject:", "subject", 100, ""},
        {"Subject: x", "subject", 100, "x"},
        {"Subject: a:b\r\n\r\n", "subject", 100, "a:b"},
        {"Subject: a\x01z\x7f\ry\r\n\r\n", "subject", 100, "a z  y"},
        {"Subject: \x7f\x01x\x01\x7f\r\n\r\n", "subject", 100, "x"},
        {"Subject: \xc3\xa9\xff\r\n\r\n", "subject", 100, "\xc3\xa9\xff"},
        {"Subject: abcdef\r\n\r\n", "subject", 3, "abc"},
        {"Subject: abcdef\r\n\r\n", "subject", 0, ""},
        {"Subject: abc\r\n\r\n", "subject", 3, "abc"},
        {"Subject: =?utf-8?Q?a?=\r\n =?utf-8?Q?b?=\r\n\r\n", "subject", 20, "=?utf-8?Q?a?="},
        {"Subject: ab cd ef\r\n\r\n", "subject", 5, "ab cd"},
        {"", "subject", 100, NULL},
        {"\r\nSubject: x\r\n", "subject", 100, NULL},
        {"\nSubject: x\r\n", "subject", 100, NULL},
        {"Subject x\r\n\r\n", "subject", 100, NULL},
        {"X: y\r\n Subject: x\r\n\r\n", "subject", 100, NULL},
        {"Subjec: x\r\nSubjects: y\r\nX-Subject: z\r\n\r\n", "subject", 100, NULL},
        {"\rX: y\r\nSubject: x\r\n\r\n", "subject", 100, "x"}, /* a CR alone hides nothing */
    };
    struct buf out = BUF_INIT(200);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *h = cases[i].header;
        int want = cases[i].value == NULL ? -1 : 0;

        out.len = 0;
        assert_int_equal(buf_append(&out, "=", 1), 0); /* it appends */
        assert_int_equal(
            header_value((const uint8_t *)h, strlen(h), cases[i].name, cases[i].max, &out), want);
        assert_int_equal(buf_str(&out)[0], '=');
        assert_string_equal(buf_str(&out) + 1, want == 0 ? cases[i].value : "");
    }
    buf_free(&out);
}

static void counts_fields(void **state)
{
    static const char h[] =
        "X: 1\r\nx : 2\r\nY: X: 3\r\n X: 4\r\nX\r\nXX: 5\r\nx:\r\n\r\nX: body\r\n";

    (void)state;
    assert_int_equal(header_count((const uint8_t *)h, sizeof h - 1, "x"), 3);
    assert_int_equal(header_count((const uint8_t *)h, sizeof h - 1, "Y"), 1);
    assert_int_equal(header_count((const uint8_t *)h, sizeof h - 1, "z"), 0);
    assert_int_equal(header_count(NULL, 0, "x"), 0);
}

/* The largest headers, of shapes that could cost more than their length. A few ms each. */
static void is_not_slow(void **state)
{
    static const char *const each[] = {"\r\n ", "Bcc: x\r\n", "x\r\n", ":", "X:\r\n", "\r", "\n "};
    struct buf in = BUF_INIT(HEADER_MAX), out = BUF_INIT(2 * HEADER_MAX);

    (void)state;
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        in.len = out.len = 0;
        assert_int_equal(buf_append(&in, "Subject: x", 10), 0);
        while (buf_append(&in, each[i], strlen(each[i])) == 0)
            ;
        clock_t start = clock();
        assert_int_equal(header_make(in.data, in.len, &plain, &out, NULL), 0);
        assert_true(clock() - start < CLOCKS_PER_SEC / 2);
    }
    buf_free(&in);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_only_what_it_must),
        cmocka_unit_test(adds_what_is_missing),
        cmocka_unit_test(names_one_sender),
        cmocka_unit_test(refuses_white_space_in_front),
        cmocka_unit_test(keeps_the_cap),
        cmocka_unit_test(finds_values),
        cmocka_unit_test(counts_fields),
        cmocka_unit_test(is_not_slow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
