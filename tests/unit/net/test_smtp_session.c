/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_smtp_session.c - the SMTP conversation without sockets. */
#include "smtp_session_test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_greeting(void **state)
{
    (void)state;
    feed("EHLO me\r\n");
    expect(&book->replies, "220 test ESMTP\r\n250-test\r\n250-AUTH PLAIN\r\n250-8BITMIME\r\n"
                           "250-CHUNKING\r\n250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n"
                           "250-PIPELINING\r\n250 SIZE 1000\r\n");
    feed("HELO me\r\n");
    expect(&book->replies, "250 test\r\n");
    feed("EHLO\r\n");
    expect_code(501);
    feed("STARTTLS\r\n");
    expect_code(500);
    feed("XCLIENT NAME=x\r\n");
    expect_code(500);
}

static void test_needs_auth(void **state)
{
    (void)state;
    feed("MAIL FROM:<a@b>\r\n");
    book->replies.len = 0;
    feed("EHLO me\r\n");
    book->replies.len = 0;
    feed("MAIL FROM:<a@b>\r\n");
    expect_code(530);
    feed("RCPT TO:<a@b>\r\n");
    expect_code(530);
    feed("DATA\r\n");
    expect_code(530);
    assert_int_equal(book->events.len, 0);
    /* The octets after a refused BDAT must not be read as commands. */
    feed("BDAT 20 LAST\r\nMAIL FROM:<a@b>\r\n");
    expect_code(530);
    assert_true(book->s.over);
}

static void test_auth(void **state)
{
    uint8_t line[] = "AUTH PLAIN AHVzZXIAc2VjcmV0\r\n";
    (void)state;
    feed("AUTH PLAIN AHVzZXIAc2VjcmV0\r\n");
    assert_false(book->s.authenticated);
    feed("EHLO me\r\n");
    book->replies.len = 0;
    feed("AUTH LOGIN\r\n");
    expect_code(504);
    feed("AUTH PLAIN\r\n");
    expect(&book->replies, "334 \r\n");
    feed("*\r\n");
    expect_code(501);
    feed("AUTH PLAIN AHVzZXIAc2VjcmV1\r\n");
    expect_code(535);
    feed("AUTH PLAIN\r\n");
    book->replies.len = 0;
    feed("AHVzZXIAc2VjcmV0\r\n");
    expect_code(235);
    assert_true(book->s.authenticated);
    feed("AUTH PLAIN AHVzZXIAc2VjcmV0\r\n");
    expect_code(503);
    /* The password is gone from the input and from the line's memory. */
    smtp_session_feed(&book->s, line, sizeof line - 1);
    for (size_t i = 0; i < sizeof line - 1; i++)
        assert_int_equal(line[i], 0);
    assert_null(memmem(book->s.line.data, book->s.line.size, "AHVz", 4));
}

static void test_auth_tries(void **state)
{
    (void)state;
    feed("EHLO me\r\nAUTH PLAIN AAAA\r\nAUTH PLAIN AAAA\r\n");
    assert_false(book->s.over);
    feed("AUTH PLAIN AAAA\r\n");
    assert_true(book->s.over);
    assert_non_null(strstr(buf_str(&book->replies), "\r\n421 "));
}

static void test_order(void **state)
{
    (void)state;
    login();
    feed("RCPT TO:<a@b>\r\n");
    expect_code(503);
    feed("DATA\r\n");
    expect_code(503);
    feed("MAIL FROM:<a@b>\r\n");
    expect_code(250);
    feed("MAIL FROM:<a@b>\r\n");
    expect_code(503);
    feed("DATA\r\n");
    expect_code(554);
    feed("RCPT TO:<b@c>\r\nBDAT 1\r\nx");
    book->replies.len = 0;
    feed("DATA\r\n");
    expect_code(503);
    feed("RCPT TO:<b@c>\r\n");
    expect_code(503);
    feed("RSET\r\n");
    expect_code(250);
    expect(&book->events, "mail a@b 0\nrcpt b@c\nreset\n");
    feed("BDAT 4 LAST\r\nQUIT");
    expect_code(503);
    assert_false(book->s.over);
    feed("BDAT x\r\n");
    expect_code(501);
    assert_true(book->s.over);
}

static void test_refused_mail(void **state)
{
    (void)state;
    login();
    book->mail_code = 550;
    feed("MAIL FROM:<a@b>\r\n");
    expect_code(550);
    expect(&book->events, "mail a@b 0\nreset\n");
    feed("RCPT TO:<a@b>\r\n");
    expect_code(503);
    feed("MAIL FROM:<a@b> SIZE=1001\r\n");
    expect_code(552);
    assert_int_equal(book->events.len, 0);
}

static void test_receivers(void **state)
{
    (void)state;
    login();
    feed(
        "MAIL FROM:<a@b>\r\nRCPT TO:<1@c>\r\nRCPT TO:<no@c>\r\nRCPT TO:<2@c>\r\nRCPT TO:<3@c>\r\n");
    book->replies.len = 0;
    feed("RCPT TO:<4@c>\r\n");
    expect_code(452);
    assert_int_equal(book->s.rcpts, 3);
}

static int wakes;

static void on_wake(struct smtp_session *s)
{
    (void)s;
    wakes++;
}

/* Nothing is looked at while an answer is outstanding; answers come in order. */
static void test_later_answers(void **state)
{
    static const char line[] = "NOOP\r\n";
    (void)state;
    login();
    book->later = true;
    book->s.wake = on_wake;
    wakes = 0;
    assert_int_equal(feed("MAIL FROM:<a@b>\r\nNOOP\r\n"), sizeof line - 1);
    assert_int_equal(book->replies.len, 0);
    assert_int_equal(feed("NOOP\r\n"), sizeof line - 1);
    smtp_reply(&book->s, 250, "2.1.0 later");
    assert_int_equal(wakes, 1);
    smtp_reply(&book->s, 250, "2.1.0 twice is ignored");
    assert_int_equal(feed("NOOP\r\n"), 0);
    expect(&book->replies, "250 2.1.0 later\r\n250 2.0.0 OK.\r\n");
    smtp_reply(&book->s, 250, "2.1.0 nobody asked");
    assert_int_equal(book->s.out.len, 0);
    feed("RCPT TO:<b@c>\r\n");
    smtp_session_end(&book->s);
    smtp_reply(&book->s, 250, "2.1.0 too late");
    expect(&book->events, "mail a@b 0\nrcpt b@c\nreset\ngone\n");
}

static void test_long_lines(void **state)
{
    char line[20000];
    (void)state;
    login();
    memset(line, 'x', sizeof line);
    memcpy(line, "NOOP ", 5);
    memcpy(line + SMTP_LINE_MAX - 2, "\r\n", 2);
    feed_n(line, SMTP_LINE_MAX, 100);
    expect_code(250);
    memset(line + 5, 'x', sizeof line - 5);
    memcpy(line + SMTP_LINE_MAX - 1, "\r\n", 2);
    feed_n(line, SMTP_LINE_MAX + 1, 100);
    expect_code(500);
    memset(line, 'A', sizeof line);
    memcpy(line, "AUTH PLAIN ", 11);
    memcpy(line + sizeof line - 2, "\r\n", 2);
    feed_n(line, sizeof line, 1000);
    expect_code(500);
    assert_int_equal(book->s.mode, SMTP_LINE);
    feed("NOOP\r\n");
    expect_code(250);
}

static void test_bad_octets(void **state)
{
    (void)state;
    login();
    feed("NOOP\n");
    expect_code(500);
    feed_n("NO\0OP\r\n", 7, 7);
    expect_code(500);
    feed("NOOP \xc3\xa4\r\n");
    expect_code(500);
    feed("NO\rOP\r\n");
    expect_code(500);
    for (int i = 0; i < 16; i++) {
        assert_false(book->s.over);
        feed("\r\n");
    }
    assert_true(book->s.over);
    assert_non_null(strstr(buf_str(&book->replies), "\r\n421 "));
}

/* A client that never reads its replies stops being read. */
static void test_back_pressure(void **state)
{
    uint8_t lines[60000];
    (void)state;
    login();
    for (size_t i = 0; i + 6 <= sizeof lines; i += 6)
        memcpy(lines + i, "NOOP\r\n", 6);
    size_t used = smtp_session_feed(&book->s, lines, sizeof lines);
    assert_true(used < sizeof lines);
    assert_in_range(book->s.out.len, SMTP_OUT_HIGH, SMTP_OUT_HIGH + 100);
    assert_int_equal(smtp_session_feed(&book->s, lines + used, sizeof lines - used), 0);
    book->s.out.len = 0;
    assert_true(smtp_session_feed(&book->s, lines + used, sizeof lines - used) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_greeting),   TEST(test_needs_auth),    TEST(test_auth),
        TEST(test_auth_tries), TEST(test_order),         TEST(test_refused_mail),
        TEST(test_receivers),  TEST(test_later_answers), TEST(test_long_lines),
        TEST(test_bad_octets), TEST(test_back_pressure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
