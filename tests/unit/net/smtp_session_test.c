/* SPDX-License-Identifier: GPL-3.0-or-later */
/* smtp_session_test.c - see smtp_session_test.h. */
#include "smtp_session_test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_mail(void *ctx, struct smtp_session *s, const char *from, uint64_t size)
{
    struct book *b = ctx;
    buf_printf(&b->events, "mail %s %llu\n", from, (unsigned long long)size);
    if (!b->later)
        smtp_reply(s, b->mail_code, "2.1.0 ok\r\nInjected: %d", 1);
}

static void on_rcpt(void *ctx, struct smtp_session *s, const char *addr)
{
    struct book *b = ctx;
    buf_printf(&b->events, "rcpt %s\n", addr);
    if (!b->later)
        smtp_reply(s, strncmp(addr, "no", 2) == 0 ? 550 : 250, "2.1.5 seen");
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
    if (!b->later)
        smtp_reply(s, b->end_code, "2.0.0 taken");
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

struct book *book;
struct smtp_settings settings = {.name = "test",
                                 .user = "user",
                                 .password = "secret",
                                 .max_rcpts = 3,
                                 .max_size = 1000,
                                 .handler = &handler};

int setup(void **state)
{
    (void)state;
    book = calloc(1, sizeof *book);
    book->events.cap = book->data.cap = book->replies.cap = 1 << 20;
    book->mail_code = book->end_code = 250;
    settings.ctx = book;
    assert_int_equal(smtp_session_init(&book->s, &settings), 0);
    return 0;
}

int teardown(void **state)
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

void collect(void)
{
    assert_int_equal(buf_append(&book->replies, book->s.out.data, book->s.out.len), 0);
    book->s.out.len = 0;
}

size_t feed_n(const void *text, size_t n, size_t piece)
{
    uint8_t *copy = malloc(n + 1);
    size_t at = 0;
    memcpy(copy, text, n);
    while (at < n && !book->s.over) {
        size_t k = n - at < piece ? n - at : piece;
        size_t used = smtp_session_feed(&book->s, copy + at, k);
        collect();
        at += used;
        if (used == 0)
            break;
    }
    free(copy);
    return n - at;
}

size_t feed(const char *text)
{
    return feed_n(text, strlen(text), 1 << 20);
}

void expect(struct buf *b, const char *text)
{
    assert_string_equal(buf_str(b), text);
    b->len = 0;
}

void expect_code(int code)
{
    char want[16];
    snprintf(want, sizeof want, "%d ", code);
    if (strncmp(buf_str(&book->replies), want, 4) != 0)
        fail_msg("wanted %d, got %s", code, buf_str(&book->replies));
    book->replies.len = 0;
}

void login(void)
{
    feed("EHLO me\r\nAUTH PLAIN AHVzZXIAc2VjcmV0\r\n");
    assert_true(book->s.authenticated);
    book->replies.len = 0;
}

void open_transaction(void)
{
    login();
    feed("MAIL FROM:<a@demo>\r\nRCPT TO:<b@demo>\r\n");
    assert_int_equal(book->s.rcpts, 1);
    book->replies.len = book->events.len = 0;
}
