/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_validity.c - when a message expires by its own header, and the limits (P-13.6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "flow/mail/validity.h"
#include "proto/limits.h"

#define NOW_S 1795467480LL /* Mon, 23 Nov 2026 20:58:00 +0000 */

static void reads_dates(void **state)
{
    assert_int_equal(validity_date("Mon, 23 Nov 2026 20:58:00 +0000"), NOW_S);
    assert_int_equal(validity_date("23 Nov 2026 20:58 GMT"), NOW_S);
    assert_int_equal(validity_date("Mon, 23 nov 2026 22:28:00 +0130"), NOW_S);
    assert_int_equal(validity_date("Mon, 23 Nov 2026 15:58:00 -0500 (EST)"), NOW_S);
    assert_int_equal(validity_date("Thu, 1 Jan 1970 00:00:00 Z"), 0);
    assert_int_equal(validity_date("Thu, 29 Feb 2024 12:00:00 UTC"), 1709208000);
    static const char *const bad[] = {"",
                                      "tomorrow",
                                      "Mon, 23 Nov 2026",
                                      "Mon, 23 Nov 2026 20:58:00",
                                      "Mon, 23 Abc 2026 20:58:00 +0000",
                                      "Mon, 32 Nov 2026 20:58:00 +0000",
                                      "Mon, 23 Nov 2026 24:58:00 +0000",
                                      "Mon, 23 Nov 2026 20:58:00 +00:0",
                                      "Mon, 23 Nov 2026 20:58:00 Paris",
                                      "Mon, 23 Nov 26 20:58:00 +0000",
                                      "2026-11-23 20:58:00"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(validity_date(bad[i]), -1);
    for (int64_t t = 0; t < 4102444800LL; t += 86400 * 17 + 12345) { /* to the year 2100 */
        char text[40];
        clock_rfc5322(t * 1000, text);
        assert_int_equal(validity_date(text), t);
    }
}

static int64_t asked(const char *header)
{
    return validity_asked((const uint8_t *)header, strlen(header), NOW_S * 1000);
}

static void asks_within_limits(void **state)
{
    assert_int_equal(asked("Subject: x\r\n\r\n"), 0);
    assert_int_equal(asked("Expires: Wed, 25 Nov 2026 20:58:00 +0000\r\n\r\n"), NOW_S + 2 * 86400);
    assert_int_equal(asked("Expiry-Date: Wed, 25 Nov 2026 20:58:00\r\n +0000\r\n\r\n"),
                     NOW_S + 2 * 86400);
    assert_int_equal(asked("Expires: soon\r\n\r\n"), 0);
    assert_int_equal(asked("Expires: Sun, 22 Nov 2026 20:58:00 +0000\r\n\r\n"), 0);
    assert_int_equal(asked("Expires: Mon, 23 Nov 2026 20:59:00 +0000\r\n\r\n"),
                     NOW_S + VALIDITY_MIN_S);
    assert_int_equal(asked("Expires: Mon, 23 Nov 2099 20:59:00 +0000\r\n\r\n"),
                     NOW_S + VALIDITY_MAX_S);
}

static void ends_within_limits(void **state)
{
    int64_t now = NOW_S * 1000;
    assert_int_equal(validity_end(0, 604800000, now), NOW_S + 604800);
    assert_int_equal(validity_end(0, 6000, now), NOW_S + 6); /* the setting may be short */
    assert_int_equal(validity_end(NOW_S + 86400, 604800000, now), NOW_S + 86400);
    /* sealed later than submitted: the receiver has an hour all the same */
    assert_int_equal(validity_end(NOW_S - 5, 604800000, now), NOW_S + VALIDITY_MIN_S);
    /* the longest life is accepted by a receiver whose clock is an hour behind */
    assert_true(validity_end(0, NS_LIFE_MAX * 1000, now) + LIFE_SLACK < NOW_S + NS_LIFE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_dates),
        cmocka_unit_test(asks_within_limits),
        cmocka_unit_test(ends_within_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
