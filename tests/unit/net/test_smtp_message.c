/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_smtp_message.c - the message in an SMTP conversation, DATA and BDAT, fed in pieces of every
 * size. */
#include "smtp_session_test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_message_at_every_cut(void **state)
{
    static const char text[] = "EHLO me\r\nAUTH PLAIN AHVzZXIAc2VjcmV0\r\n"
                               "MAIL FROM:<a@demo> SIZE=30\r\nRCPT TO:<b@demo>\r\n"
                               "RCPT TO:<no@demo>\r\nDATA\r\n"
                               "Subject: x\r\n\r\n..\r\n.dot\r\n\r\n...\r\nend\r\n.\r\n"
                               "MAIL FROM:<>\r\nRCPT TO:<c@demo>\r\n"
                               "BDAT 5\r\n.\r\n\n\rBDAT 0\r\nBDAT 4 LAST\r\nQUITQUIT\r\n";
    (void)state;
    for (size_t piece = 1; piece < sizeof text; piece++) {
        if (piece > 1) {
            teardown(NULL);
            setup(NULL);
        }
        assert_int_equal(feed_n(text, sizeof text - 1, piece), 0);
        assert_true(book->s.over);
        smtp_session_end(&book->s);
        expect(&book->events, "mail a@demo 30\nrcpt b@demo\nrcpt no@demo\nend\nreset\n"
                              "mail  0\nrcpt c@demo\nend\nreset\ngone\n");
        expect(&book->data, "Subject: x\r\n\r\n.\r\ndot\r\n\r\n..\r\nend\r\n.\r\n\n\rQUIT");
        assert_non_null(
            strstr(buf_str(&book->replies),
                   "235 2.7.0 Authentication successful.\r\n250 2.1.0 ok??Injected: 1\r\n"
                   "250 2.1.5 seen\r\n550 2.1.5 seen\r\n354 "));
        assert_non_null(
            strstr(buf_str(&book->replies),
                   "250 2.0.0 5 bytes received so far.\r\n250 2.0.0 5 bytes received so far.\r\n"
                   "250 2.0.0 taken\r\n221 2.0.0 Bye.\r\n"));
    }
}

/* Only CRLF "." CRLF ends DATA; any bare CR or LF refuses the message, at every cut. */
static void test_bare_line_ends(void **state)
{
    static const char *const bodies[] = {
        "a\nb\r\n.\r\n",         "a\r\n.\nMAIL FROM:<x@y>\r\n.\r\n",
        "a\n.\r\nQUIT\r\n.\r\n", "a\rb\r\n.\r\n",
        "a\r\n.\rQUIT\r\n.\r\n", "a\r\r\n.\r\n",
        "\n.\n\r\n.\r\n",        "a\n.\n\r\n.\r\n"};

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        size_t n = strlen(bodies[i]);
        for (size_t piece = 1; piece <= n; piece++) {
            teardown(NULL);
            setup(NULL);
            open_transaction();
            feed("DATA\r\n");
            expect_code(354);
            assert_int_equal(feed_n(bodies[i], n, piece), 0);
            expect_code(550);
            expect(&book->events, "reset\n");
            assert_int_equal(book->s.mode, SMTP_LINE);
            feed("NOOP\r\n");
            expect_code(250);
        }
    }
}

static void test_too_large(void **state)
{
    char big[1200];
    (void)state;
    memset(big, 'x', sizeof big);
    open_transaction();
    feed("BDAT 1000\r\n");
    feed_n(big, 1000, 77);
    expect_code(250);
    feed("BDAT 1 LAST\r\n");
    assert_int_equal(book->replies.len, 0);
    feed("x");
    expect_code(552);
    expect(&book->events, "reset\n");
    assert_int_equal(book->data.len, 1000);

    feed("MAIL FROM:<a@b>\r\nRCPT TO:<1@c>\r\nDATA\r\n");
    book->replies.len = 0;
    feed_n(big, sizeof big, 100);
    feed("\r\nRSET\r\n.\r\n");
    expect_code(552);
    feed("NOOP\r\n");
    expect_code(250);
    assert_true(book->data.len <= 2000);
}

static void test_handler_refuses_data(void **state)
{
    (void)state;
    open_transaction();
    book->refuse_at = 3;
    book->end_code = 554;
    feed("BDAT 4\r\nabcd");
    expect_code(250);
    feed("BDAT 4\r\nefgh");
    expect_code(250);
    feed("BDAT 0 LAST\r\n");
    expect_code(554);
    expect(&book->events, "end\nreset\n");
    expect(&book->data, "abcd");
}

static void test_bdat_without_receiver(void **state)
{
    (void)state;
    login();
    feed("MAIL FROM:<a@b>\r\nRCPT TO:<no@c>\r\n");
    book->replies.len = 0;
    feed("BDAT 6 LAST\r\nQUIT\r\n");
    expect_code(554);
    assert_false(book->s.over);
    assert_int_equal(book->data.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_message_at_every_cut), TEST(test_bare_line_ends),        TEST(test_too_large),
        TEST(test_handler_refuses_data), TEST(test_bdat_without_receiver),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
