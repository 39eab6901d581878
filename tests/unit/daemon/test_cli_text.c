/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_cli_text.c - what the command line prints: text of strangers cannot upset a terminal,
 * encoded words are decoded, sizes and ages are readable, tables are aligned. */
#include "cli/table.h"
#include "cli/text.h"
#include "cli/words.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void expect_safe(const char *in, size_t columns, const char *want)
{
    struct buf out = BUF_INIT(4096);
    assert_int_equal(text_safe(in, columns, &out), 0);
    assert_string_equal(buf_str(&out), want);
    assert_true(text_columns(want) <= columns);
    buf_free(&out);
}

static void test_safe(void **state)
{
    expect_safe("plain text", 80, "plain text");
    expect_safe("\x1b[31mred\x07\x7f", 80, "?[31mred??");
    expect_safe("a\r\n\tb", 80, "a   b");
    expect_safe("\xC2\x9B"
                "31m",
                80, "?31m"); /* C1 CSI */
    expect_safe("a\xE2\x80\xAE"
                "b",
                80, "a?b"); /* right-to-left override */
    expect_safe("a\xE2\x80\x8B"
                "b\xEF\xBB\xBF",
                80, "a?b?");                               /* invisible ones */
    expect_safe("\xF3\xA0\x81\x81", 80, "?");              /* tag character */
    expect_safe("\xC0\xAF\xED\xA0\x80\xFF", 80, "??????"); /* overlong, surrogate, no UTF-8 */
    expect_safe("\xF5\x80\x80\x80", 80, "????");           /* above U+10FFFF */
    expect_safe("cut \xC3", 80, "cut ?");                  /* ends inside a character */
    expect_safe("Gr\xC3\xBC\xC3\x9F"
                "e",
                80,
                "Gr\xC3\xBC\xC3\x9F"
                "e");
}

static void test_cut(void **state)
{
    expect_safe("abcdef", 6, "abcdef");
    expect_safe("abcdefg", 6, "abcde\xE2\x80\xA6");
    expect_safe("\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E", 6, "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E");
    expect_safe("\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E", 5, "\xE6\x97\xA5\xE6\x9C\xAC\xE2\x80\xA6");
    expect_safe("abc", 0, "");
    char tower[200] = "a";
    for (int i = 0; i < 50; i++)
        (void)strcat(tower, "\xCC\x81");
    expect_safe(tower, 5, "a\xCC\x81\xCC\x81\xCC\x81\xCC\x81");
    struct buf full = BUF_INIT(3);
    assert_int_equal(text_safe("four", 80, &full), -1);
    buf_free(&full);
}

static void test_numbers(void **state)
{
    static const struct {
        uint64_t n;
        const char *text;
    } sizes[] = {{0, "0 B"},
                 {999, "999 B"},
                 {1000, "1.0 KB"},
                 {4200, "4.2 KB"},
                 {99949, "99.9 KB"},
                 {123456, "123 KB"},
                 {999499, "999 KB"},
                 {999500, "1.0 MB"},
                 {2000000000, "2.0 GB"},
                 {UINT64_MAX, "18.4 EB"}};
    static const struct {
        int64_t s;
        const char *text;
    } spans[] = {{-5, "0 s"},
                 {59, "59 s"},
                 {60, "1 min"},
                 {7200, "2 h"},
                 {7500, "2 h 5 min"},
                 {86400, "1 d"},
                 {INT64_MAX, "106751991167300 d"}};
    char out[40];
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        text_size(sizes[i].n, out);
        assert_string_equal(out, sizes[i].text);
    }
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        text_span(spans[i].s, out);
        assert_string_equal(out, spans[i].text);
    }
    text_age(1000000, 999500, out);
    assert_string_equal(out, "now");
    text_age(1000000, 940000, out);
    assert_string_equal(out, "1 min");
    text_age(1000000, 1090000, out);
    assert_string_equal(out, "in 1 min");
    text_age(INT64_MAX, INT64_MIN, out);
    assert_string_equal(out, "?");
}

static void test_words(void **state)
{
    static const char *const pairs[][2] = {
        {"plain", "plain"},
        {"=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Gr\xC3\xBC\xC3\x9F"
                                        "e"},
        {"=?ISO-8859-1?q?a_b=E9?= tail", "a b\xC3\xA9 tail"},
        {"=?UTF-8?B?8J+YgA==?=", "\xF0\x9F\x98\x80"},
        {"=?UTF-8*en?B?YQ==?=\r\n =?UTF-8?B?Yg==?= c", "ab c"},
        {"=?utf-8?Q?a?= x =?utf-8?Q?b?=", "a x b"},
        {"=?utf-8?Q?bad=C?=", "=?utf-8?Q?bad=C?="},
        {"=?utf-8?Q?bad=ZZ?=", "=?utf-8?Q?bad=ZZ?="},
        {"=?utf-8?Q?=FF=FE?=", "=?utf-8?Q?=FF=FE?="},
        {"=?windows-1252?Q?=80?=", "\xE2\x82\xAC"},
        {"=?iso-8859-15?Q?=A4?=", "\xE2\x82\xAC"},
        {"=?utf-7?Q?+AGE-?=", "=?utf-7?Q?+AGE-?="},
        {"=?iso-8859-?Q?a?=", "=?iso-8859-?Q?a?="},
        {"=?iso-8859-1//IGNORE?Q?a?=", "=?iso-8859-1//IGNORE?Q?a?="},
        {"=?no-such-set?Q?a?=", "=?no-such-set?Q?a?="},
        {"=?utf-8?X?a?=", "=?utf-8?X?a?="},
        {"=?utf-8?Q?nul=00?=", "=?utf-8?Q?nul=00?="},
        {"=?utf-8?B?*?=", "=?utf-8?B?*?="},
        {"=?utf-8?Q?open", "=?utf-8?Q?open"},
        {"=?", "=?"},
        {"=?a?", "=?a?"},
        {"=?a?b", "=?a?b"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct buf out = BUF_INIT(1024);
        assert_int_equal(words_decode(pairs[i][0], &out), 0);
        assert_string_equal(buf_str(&out), pairs[i][1]);
        buf_free(&out);
    }
}

/* What table_print writes to stdout, into text. */
static void capture(struct table **t, char *text, size_t size)
{
    char path[] = "/tmp/restante-table-XXXXXX";
    int fd = mkstemp(path), old = dup(STDOUT_FILENO);
    assert_true(fd >= 0 && old >= 0);
    (void)fflush(stdout);
    (void)dup2(fd, STDOUT_FILENO);
    int rc = table_print(t);
    (void)fflush(stdout);
    (void)dup2(old, STDOUT_FILENO);
    ssize_t n = pread(fd, text, size - 1, 0);
    (void)close(fd);
    (void)close(old);
    (void)unlink(path);
    assert_int_equal(rc, 0);
    assert_true(n >= 0);
    text[n] = '\0';
}

static void test_table(void **state)
{
    static const struct table_column columns[] = {
        {"ID", false, 0}, {"SIZE", true, 0}, {"SUBJECT", false, 10}};
    char text[1024];
    struct table *t = table_new(columns, 3);
    assert_non_null(t);
    table_cell(t, "ab");
    table_cell(t, "5 B");
    table_cell(t, "\xE6\x97\xA5");
    table_cell(t, "abcdef");
    table_cell(t, NULL);
    table_cell(t, "two\nlines");
    table_note(t, "a\x1bnote");
    assert_int_equal(table_rows(t), 3);
    capture(&t, text, sizeof text);
    assert_null(t);
    assert_string_equal(text, "ID      SIZE  SUBJECT\n"
                              "ab       5 B  \xE6\x97\xA5\n"
                              "abcdef        two lines\n"
                              "    a?note\n");
}

static void test_whole_numbers(void **state)
{
    static const char *const none[] = {"",   "-1", "+1",  " 1",
                                       "5x", "x",  "601", "99999999999999999999"};
    assert_int_equal(text_number("0", 600), 0);
    assert_int_equal(text_number("600", 600), 600);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(text_number(none[i], 600), -1);
}

int main(void)
{
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        return 77; /* meson: skipped */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_safe),    cmocka_unit_test(test_cut),
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_words),
        cmocka_unit_test(test_table),   cmocka_unit_test(test_whole_numbers),
    };
    return cmocka_run_group_tests_name("cli text", tests, NULL, NULL);
}
