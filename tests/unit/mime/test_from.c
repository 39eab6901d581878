/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_from.c - what counts as one sender's address, and what only looks so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "mimed.h"
#include <lib.h>

#define ALICE "alice@house.example"

struct one {
    const char *header;
    unsigned count;
    const char *address;
};

static void check(const struct one *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct from from;
        memset(&from, 0xff, sizeof from);
        from_of((const uint8_t *)c[i].header, strlen(c[i].header), &from);
        if (from.count != c[i].count || strcmp(from.address, c[i].address) != 0)
            fail_msg("%s gives %u, \"%s\"", c[i].header, from.count, from.address);
    }
}

static void finds_one_address(void **state)
{
    static const struct one good[] = {
        {"From: " ALICE "\r\n\r\n", 1, ALICE},
        {"From:" ALICE "\r\n\r\n", 1, ALICE},
        {"From: " ALICE, 1, ALICE}, /* not even a line end */
        {"Subject: x\r\nFROM : <" ALICE ">\r\nTo: b@c, d@e\r\n\r\n", 1, ALICE},
        {"from:\r\n\t" ALICE "\r\n\r\n", 1, ALICE},
        {"From: Alice <" ALICE ">\r\n\r\n", 1, ALICE},
        {"From: \"Doe, Alice\" <" ALICE ">\r\n\r\n", 1, ALICE},
        {"From: \"bob@b.example, \\\"x\\\" <bob@b.example>\" <" ALICE ">\r\n\r\n", 1, ALICE},
        {"From: \"A\"\r\n <" ALICE ">\r\n\r\n", 1, ALICE},
        {"From: =?utf-8?q?bob=40b.example=2C?= <" ALICE ">\r\n\r\n", 1, ALICE},
        {"From: =?utf-8?b?Ym9iQGIuZXhhbXBsZSw=?=\r\n =?utf-8?q?x?= <" ALICE ">\r\n\r\n", 1, ALICE},
        {"From: " ALICE " (Alice (of, the <house>))\r\n\r\n", 1, ALICE},
        {"From: (bob@b.example) Alice <" ALICE "> (x)\r\n\r\n", 1, ALICE},
        {"From: J\xc3\xb6rg \xe9 <" ALICE ">\r\n\r\n", 1, ALICE},
        {"From: j\xc3\xb6rg@house.example\r\n\r\n", 1, "j\xc3\xb6rg@house.example"},
        {"From: A. B. C. <" ALICE ">\r\n\r\n", 1, ALICE},
        {"From: Alice+Tag@House.Example\r\n\r\n", 1, "Alice+Tag@House.Example"},
        {"From: alice@[192.0.2.1]\r\n\r\n", 1, "alice@[192.0.2.1]"},
        {"From: " ALICE "\r\n\r\nFrom: bob@b.example\r\n", 1, ALICE}, /* that is body */
        {"From: " ALICE "\nSubject: bare line ends\n\n", 1, ALICE},
        {"X-From: b@c\r\nFrom-X: b@c\r\nSender: b@c\r\nFrom: " ALICE "\r\n\r\n", 1, ALICE},
    };
    (void)state;
    check(good, sizeof good / sizeof *good);
}

static void counts_others(void **state)
{
    static const struct one other[] = {
        {"", 0, ""},
        {"\r\n", 0, ""},
        {"Subject: no From\r\nSender: " ALICE "\r\n\r\n", 0, ""},
        {"From:\r\n\r\n", 0, ""},
        {"From: \t \r\n\r\n", 0, ""},
        {"From: <>\r\n\r\n", 0, ""},
        {"From: ()\r\n\r\n", 0, ""},
        {"From: alice\r\n\r\n", 0, ""},
        {"From: Alice <alice>\r\n\r\n", 0, ""},
        {"From: @house.example\r\n\r\n", 0, ""},
        {"From: alice@\r\n\r\n", 0, ""},
        {"From: " ALICE ", bob@b.example\r\n\r\n", 2, ""},
        {"From: " ALICE ", " ALICE "\r\n\r\n", 2, ""},
        {"From: " ALICE "\r\nFrom: " ALICE "\r\n\r\n", 2, ""},
        {"From: " ALICE "\r\nSubject: x\r\nfrom : bob@b.example, c@d\r\n\r\n", 3, ""},
        {"From: " ALICE "\r\nFrom:\r\n\r\n", 0, ""},
        {"From:\r\nFrom: " ALICE "\r\n\r\n", 0, ""},
        {"From: " ALICE "\r\nFrom: nobody\r\n\r\n", 0, ""},
        {"From: undisclosed:;\r\n\r\n", 0, ""},
        {"From: group: " ALICE ";\r\n\r\n", 0, ""},
        {"From: group: " ALICE "\r\n\r\n", 0, ""},
        {"From: group: " ALICE ", b@c;\r\n\r\n", 2, ""},
        {"From: g:;, " ALICE "\r\n\r\n", 0, ""},
        {"From: " ALICE ", g:;\r\n\r\n", 0, ""},
        {"From: <@relay.example:" ALICE ">\r\n\r\n", 0, ""},
        {"From: <@" ALICE ",@x.example:bob@b.example>\r\n\r\n", 0, ""},
    };
    (void)state;
    check(other, sizeof other / sizeof *other);
}

/* Read in one way by Dovecot and in another by some mail program. */
static void trusts_nothing_ambiguous(void **state)
{
    static const struct one bad[] = {
        {"From: " ALICE " <bob@b.example>\r\n\r\n", 0, ""},
        {"From: bob@b.example <" ALICE ">\r\n\r\n", 0, ""},
        {"From: <" ALICE "> <bob@b.example>\r\n\r\n", 0, ""},
        {"From: <" ALICE "> bob@b.example\r\n\r\n", 0, ""},
        {"From: " ALICE "; bob@b.example\r\n\r\n", 0, ""},
        {"From: " ALICE " bob@b.example\r\n\r\n", 0, ""},
        {"From: " ALICE "@b.example\r\n\r\n", 0, ""},
        {"From: \"" ALICE "\"@b.example\r\n\r\n", 0, ""},
        {"From: <" ALICE "\r\n\r\n", 0, ""},
        {"From: " ALICE ">\r\n\r\n", 0, ""},
        {"From: <<" ALICE ">>\r\n\r\n", 0, ""},
        {"From: " ALICE ",\r\n\r\n", 0, ""},
        {"From: ," ALICE "\r\n\r\n", 0, ""},
        {"From: " ALICE " (open\r\n\r\n", 0, ""},
        {"From: \"open <" ALICE ">\r\n\r\n", 0, ""},
        {"From: " ALICE ", behind@it (\r\n\r\n", 0, ""},
        {"From: " ALICE ", behind@it <\r\n\r\n", 2, ""},
        {"From: alice@house.example . evil.example\r\n\r\n", 0, ""},
        {"From: alice@house.example(.evil).example\r\n\r\n", 0, ""},
        {"From: alice (x) @house.example\r\n\r\n", 0, ""},
        {"From: \"ali\\ce\"@house.example\r\n\r\n", 0, ""},
        {"From: " ALICE "\rFrom: bob@b.example\r\n\r\n", 0, ""},
        {"Subject: x\rFrom: bob@b.example\r\nFrom: " ALICE "\r\n\r\n", 0, ""},
        {" From: bob@b.example\r\nFrom: " ALICE "\r\n\r\n", 0, ""},
        {"\tx\r\nFrom: " ALICE "\r\n\r\n", 0, ""},
    };
    static const char nul[] = "From: alice@house\0.example\r\n\r\n";
    static const char nul_before[] = "X: \0\r\nFrom: " ALICE "\r\n\r\n";
    struct from from;
    (void)state;
    check(bad, sizeof bad / sizeof *bad);
    from_of((const uint8_t *)nul, sizeof nul - 1, &from);
    assert_int_equal(from.count, 0);
    assert_string_equal(from.address, "");
    from_of((const uint8_t *)nul_before, sizeof nul_before - 1, &from);
    assert_int_equal(from.count, 0);
}

static void caps_the_address(void **state)
{
    (void)state;
    for (unsigned n = MIME_FROM_MAX - 1; n <= MIME_FROM_MAX + 1; n++) {
        char header[600];
        struct from from;
        (void)snprintf(header, sizeof header, "From: %0*d@b\r\n\r\n", (int)n - 2, 0);
        from_of((const uint8_t *)header, strlen(header), &from);
        assert_int_equal(from.count, n <= MIME_FROM_MAX);
        assert_int_equal(strlen(from.address), n <= MIME_FROM_MAX ? n : 0);
    }
}

static double seconds_for(const char *first, const char *each, size_t times, unsigned *count)
{
    size_t a = strlen(first), b = strlen(each);
    char *header = malloc(a + b * times);
    struct from from;
    struct timespec t0, t1;
    assert_non_null(header);
    memcpy(header, first, a);
    for (size_t i = 0; i < times; i++)
        memcpy(header + a + i * b, each, b);
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t0);
    from_of((const uint8_t *)header, a + b * times, &from);
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t1);
    free(header);
    *count = from.count;
    assert_string_equal(from.address, "");
    return (double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9;
}

/* Each takes a few milliseconds; a second is for slow machines and sanitizers. */
static void is_not_slow(void **state)
{
    static const struct {
        const char *first, *each;
        size_t times;
        unsigned least; /* addresses counted */
    } large[] = {
        {"From: ", "a@b,", 100000, 1000},    {"From: ", "a@b,\r\n ", 100000, 1000},
        {"", "From: a@b\r\n", 100000, 1000}, {"", "From:\r\n", 100000, 0},
        {"", "From: x\r\n", 100000, 0},      {"From: ", "(", 250000, 0},
        {"From: ", "\"", 250000, 0},         {"From: ", "<", 250000, 0},
        {"From: ", "g:", 100000, 0},         {"From: ", "g:;,", 100000, 0},
        {"From: ", ",", 250000, 0},          {"From: ", "x ", 100000, 0},
        {"From: ", "x\r\n ", 100000, 0},     {"From: <", "@a,", 80000, 0},
        {"From: a@", "b.", 100000, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        unsigned count;
        double took = seconds_for(large[i].first, large[i].each, large[i].times, &count);
        if (took > 1)
            fail_msg("%zu times %s: %f s", large[i].times, large[i].each, took);
        assert_true(large[i].least == 0 ? count == 0 : count >= large[i].least);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_one_address),
        cmocka_unit_test(counts_others),
        cmocka_unit_test(trusts_nothing_ambiguous),
        cmocka_unit_test(caps_the_address),
        cmocka_unit_test(is_not_slow),
    };
    lib_init();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    lib_deinit();
    return failed;
}
