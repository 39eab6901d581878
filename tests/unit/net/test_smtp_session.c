/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_smtp_session.c - the SMTP conversation without sockets, fed in pieces of every size. */
#include "net_test.h"
#include "net/smtp_session.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A handler that writes down what it is told. */
struct book {
    struct smtp_session s;
    struct buf events; /* "mail a@b 12\n", ... */
    struct buf data, replies;
    int mail_code, end_code;
    bool later;       /* answers are given by hand */
    size_t refuse_at; /* data says -1 once so much is there; 0 = never */
};

static void on_mail(void *ctx, struct smtp_session *s, const char *from, uint64_t size)
{
    struct book *b = ctx;

    buf_printf(&b->events, "mail %s %llu\n", from, (unsigned long long)size);
    if (!b->later) {
        smtp_reply(s, b->mail_code, "2.1.0 ok\r\nInjected: %d", 1);
    }
}

static void on_rcpt(void *ctx, struct smtp_session *s, const char *addr)
{
    struct book *b = ctx;

    buf_printf(&b->events, "rcpt %s\n", addr);
    if (!b->later) {
        smtp_reply(s, strncmp(addr, "no", 2) == 0 ? 550 : 250, "2.1.5 seen");
    }
}

static int on_data(void *ctx, struct smtp_session *s, const uint8_t *p, size_t n)
{
    struct book *b = ctx;

    (void)s;
    assert_int_equal(buf_append(&b->data, p, n), 0);
    return b->refuse_at != 0 && b->data.len >= b->refuse_at ? -1 : 0;
}

static void on_data_end(void *ctx, struct smtp_session *s)
{
    struct book *b = ctx;

    buf_printf(&b->events, "end\n");
    if (!b->later) {
        smtp_reply(s, b->end_code, "2.0.0 taken");
    }
}

static void on_reset(void *ctx, struct smtp_session *s)
{
    struct book *b = ctx;

    (void)s;
    buf_printf(&b->events, "reset\n");
}

static void on_gone(void *ctx, struct smtp_session *s)
{
    struct book *b = ctx;

    (void)s;
    buf_printf(&b->events, "gone\n");
}

static const struct smtp_handler handler = {on_mail,     on_rcpt,  on_data,
                                            on_data_end, on_reset, on_gone};

static struct book *book;
static struct smtp_settings settings = {.name = "test",
                                        .user = "user",
                                        .password = "secret",
                                        .max_rcpts = 3,
                                        .max_size = 1000,
                                        .handler = &handler};

static int setup(void **state)
{
    (void)state;
    book = calloc(1, sizeof(*book));
    book->events.cap = book->data.cap = book->replies.cap = 1 << 20;
    book->mail_code = book->end_code = 250;
    settings.ctx = book;
    assert_int_equal(smtp_session_init(&book->s, &settings), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    smtp_session_end(&book->s);
    smtp_session_free(&book->s);
    buf_free(&book->events);
    buf_free(&book->data);
    buf_free(&book->replies);
    free(book);
    return 0;
}

static void collect(void)
{
    assert_int_equal(buf_append(&book->replies, book->s.out.data, book->s.out.len), 0);
    book->s.out.len = 0;
}

/* Feeds octets in pieces; what is not taken is given again. Returns what is left in the end. */
static size_t feed_n(const void *text, size_t n, size_t piece)
{
    uint8_t *copy = malloc(n + 1);
    size_t at = 0;

    memcpy(copy, text, n);
    while (at < n && !book->s.over) {
        size_t k = n - at < piece ? n - at : piece;
        size_t used = smtp_session_feed(&book->s, copy + at, k);
        collect();
        at += used;
        if (used == 0) {
            break;
        }
    }
    free(copy);
    return n - at;
}

static size_t feed(const char *text)
{
    return feed_n(text, strlen(text), 1 << 20);
}

/* Compares and empties. */
static void expect(struct buf *b, const char *text)
{
    assert_string_equal(buf_str(b), text);
    b->len = 0;
}

static void expect_code(int code)
{
    char want[16];

    snprintf(want, sizeof(want), "%d ", code);
    if (strncmp(buf_str(&book->replies), want, 4) != 0) {
        fail_msg("wanted %d, got %s", code, buf_str(&book->replies));
    }
    book->replies.len = 0;
}

static void login(void)
{
    feed("EHLO me\r\nAUTH PLAIN AHVzZXIAc2VjcmV0\r\n");
    assert_true(book->s.authenticated);
    book->replies.len = 0;
}

static void open_transaction(void)
{
    login();
    feed("MAIL FROM:<a@demo>\r\nRCPT TO:<b@demo>\r\n");
    assert_int_equal(book->s.rcpts, 1);
    book->replies.len = book->events.len = 0;
}

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
    smtp_session_feed(&book->s, line, sizeof(line) - 1);
    for (size_t i = 0; i < sizeof(line) - 1; i++) {
        assert_int_equal(line[i], 0);
    }
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

static void test_message_at_every_cut(void **state)
{
    static const char text[] = "EHLO me\r\nAUTH PLAIN AHVzZXIAc2VjcmV0\r\n"
                               "MAIL FROM:<a@demo> SIZE=30\r\nRCPT TO:<b@demo>\r\n"
                               "RCPT TO:<no@demo>\r\nDATA\r\n"
                               "Subject: x\r\n\r\n..\r\n.dot\r\n\r\n...\r\nend\r\n.\r\n"
                               "MAIL FROM:<>\r\nRCPT TO:<c@demo>\r\n"
                               "BDAT 5\r\n.\r\n\n\rBDAT 0\r\nBDAT 4 LAST\r\nQUITQUIT\r\n";

    (void)state;
    for (size_t piece = 1; piece < sizeof(text); piece++) {
        if (piece > 1) {
            teardown(NULL);
            setup(NULL);
        }
        assert_int_equal(feed_n(text, sizeof(text) - 1, piece), 0);
        assert_true(book->s.over);
        smtp_session_end(&book->s);
        expect(&book->events, "mail a@demo 30\nrcpt b@demo\nrcpt no@demo\nend\nreset\n"
                              "mail  0\nrcpt c@demo\nend\nreset\ngone\n");
        expect(&book->data, "Subject: x\r\n\r\n.\r\ndot\r\n\r\n..\r\nend\r\n.\r\n\n\rQUIT");
        assert_non_null(strstr(buf_str(&book->replies),
                               "235 2.7.0 Welcome.\r\n250 2.1.0 ok??Injected: 1\r\n"
                               "250 2.1.5 seen\r\n550 2.1.5 seen\r\n354 "));
        assert_non_null(
            strstr(buf_str(&book->replies),
                   "250 2.0.0 5 octets are here so far.\r\n250 2.0.0 5 octets are here so far.\r\n"
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
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
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

static void test_too_large(void **state)
{
    char big[1200];

    (void)state;
    memset(big, 'x', sizeof(big));
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
    feed_n(big, sizeof(big), 100);
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
    assert_int_equal(feed("MAIL FROM:<a@b>\r\nNOOP\r\n"), sizeof(line) - 1);
    assert_int_equal(book->replies.len, 0);
    assert_int_equal(feed("NOOP\r\n"), sizeof(line) - 1);
    smtp_reply(&book->s, 250, "2.1.0 later");
    assert_int_equal(wakes, 1);
    smtp_reply(&book->s, 250, "2.1.0 twice is ignored");
    assert_int_equal(feed("NOOP\r\n"), 0);
    expect(&book->replies, "250 2.1.0 later\r\n250 2.0.0 Yes.\r\n");
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
    memset(line, 'x', sizeof(line));
    memcpy(line, "NOOP ", 5);
    memcpy(line + SMTP_LINE_MAX - 2, "\r\n", 2);
    feed_n(line, SMTP_LINE_MAX, 100);
    expect_code(250);
    memset(line + 5, 'x', sizeof(line) - 5);
    memcpy(line + SMTP_LINE_MAX - 1, "\r\n", 2);
    feed_n(line, SMTP_LINE_MAX + 1, 100);
    expect_code(500);
    memset(line, 'A', sizeof(line));
    memcpy(line, "AUTH PLAIN ", 11);
    memcpy(line + sizeof(line) - 2, "\r\n", 2);
    feed_n(line, sizeof(line), 1000);
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
    for (size_t i = 0; i + 6 <= sizeof(lines); i += 6) {
        memcpy(lines + i, "NOOP\r\n", 6);
    }
    size_t used = smtp_session_feed(&book->s, lines, sizeof(lines));
    assert_true(used < sizeof(lines));
    assert_in_range(book->s.out.len, SMTP_OUT_HIGH, SMTP_OUT_HIGH + 100);
    assert_int_equal(smtp_session_feed(&book->s, lines + used, sizeof(lines) - used), 0);
    book->s.out.len = 0;
    assert_true(smtp_session_feed(&book->s, lines + used, sizeof(lines) - used) > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_greeting),      TEST(test_needs_auth),           TEST(test_auth),
        TEST(test_auth_tries),    TEST(test_message_at_every_cut), TEST(test_bare_line_ends),
        TEST(test_order),         TEST(test_refused_mail),         TEST(test_receivers),
        TEST(test_too_large),     TEST(test_handler_refuses_data), TEST(test_bdat_without_receiver),
        TEST(test_later_answers), TEST(test_long_lines),           TEST(test_bad_octets),
        TEST(test_back_pressure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
