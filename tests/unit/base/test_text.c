/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_text.c - lines of the log, dates, sentences of errors. */
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define LOG_AREA "test"

static void test_dates(void **state)
{
    char d[40];
    clock_rfc5322(0, d);
    assert_string_equal(d, "Thu, 01 Jan 1970 00:00:00 +0000");
    clock_rfc5322(1795467480999, d);
    assert_string_equal(d, "Mon, 23 Nov 2026 20:58:00 +0000");
    clock_rfc5322(951782400000, d);
    assert_string_equal(d, "Tue, 29 Feb 2000 00:00:00 +0000");
    clock_rfc5322(INT64_MAX, d); /* nonsense fits, too */
    assert_true(strlen(d) < 40);
    clock_rfc5322(INT64_MIN, d);
    assert_true(strlen(d) < 40);
}

static void test_clocks(void **state)
{
    int64_t wall = clock_wall_ms(), mono = clock_mono_ms();
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    /* RESTANTE_CLOCK_OFFSET was an hour when the clock was first read */
    assert_in_range(wall - t.tv_sec * 1000LL, 3600 * 1000 - 1000, 3600 * 1000 + 2000);
    assert_true(clock_mono_ms() >= mono);
    assert_true(clock_wall_ms() >= wall);
}

static void test_error(void **state)
{
    struct error e = {""};
    char long_text[1000];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    assert_int_equal(error_set(&e, "No %s at %d.", "one", 7), -1);
    assert_string_equal(e.text, "No one at 7.");
    assert_int_equal(error_set(&e, "%s", long_text), -1);
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
    assert_int_equal(error_set(NULL, "nobody listens"), -1);
}

static void test_log(void **state)
{
    char path[] = "/tmp/restante-log-XXXXXX", long_text[5000];
    int fd = mkstemp(path);
    struct buf b = BUF_INIT(65536);
    struct stat st;
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(log_open(path, LOG_INFO), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    log_info("from %s", "a\r\nforged line\x1b[2J\x7f");
    log_debug("too fine for this level");
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    log_warn("%s", long_text);
    log_error("last");
    assert_int_equal(file_read(path, &b, NULL), 0);
    (void)unlink(path);
    const char *text = buf_str(&b);
    assert_non_null(strstr(text, " info test: from a??forged line?[2J?\n"));
    assert_null(strstr(text, "too fine"));
    assert_non_null(strstr(text, " warn test: xxx"));
    assert_non_null(strstr(text, " error test: last\n"));
    unsigned lines = 0;
    for (const char *at = text, *nl; (nl = strchr(at, '\n')) != NULL; at = nl + 1, lines++) {
        assert_true(nl - at < 2048);
        assert_int_equal(at[10], 'T'); /* 2026-11-23T20:58:00.123Z */
        assert_int_equal(at[23], 'Z');
    }
    assert_int_equal(lines, 3);
    buf_free(&b);
    assert_int_equal(log_open("/no/such/folder/log", LOG_INFO), -1);
}

static void test_levels(void **state)
{
    assert_int_equal(log_level_parse("error"), LOG_ERROR);
    assert_int_equal(log_level_parse("trace"), LOG_TRACE);
    assert_int_equal(log_level_parse("Trace"), -1);
    assert_int_equal(log_level_parse(""), -1);
}

int main(void)
{
    (void)setenv("RESTANTE_CLOCK_OFFSET", "3600000", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates), cmocka_unit_test(test_clocks), cmocka_unit_test(test_error),
        cmocka_unit_test(test_log),   cmocka_unit_test(test_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
