/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_smtp.c - a hostile SMTP client. The first octet chooses the size of the pieces in which the
 * input arrives, and how the handler answers. The conversation is held twice, in pieces and at
 * once: what the handler was told, every message it completed and what the client read must be the
 * same, every mail() has its reset(), and nothing beyond the size limit is delivered. */
#include "base/log.h"
#include "net/smtp_session.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIZE_LIMIT 5000

struct run {
    struct smtp_session s;
    struct buf seen; /* every event, and the octets of complete messages */
    struct buf message;
    struct buf replies;
    uint64_t octets;
    unsigned mails, resets, gones;
    bool later, refuse;
    int pending; /* the answer to give after feed has returned */
};

static void answer(struct run *r, int code)
{
    if (r->later) {
        r->pending = code;
    } else {
        smtp_reply(&r->s, code, "2.0.0 answer %d", code);
    }
}

static void note(struct run *r, char event, const void *p, size_t n)
{
    if (buf_append(&r->seen, &event, 1) != 0 || buf_append(&r->seen, p, n) != 0) {
        abort();
    }
}

/* What a report will repeat in a line of its own. */
static void check_line(const char *text, size_t max)
{
    if (strlen(text) > max) {
        abort();
    }
    for (const char *p = text; *p != '\0'; p++) {
        if ((*p < 32 || *p > 126) && *p != '\t') {
            abort();
        }
    }
}

static void on_mail(void *ctx, struct smtp_session *s, const char *from, uint64_t size)
{
    struct run *r = ctx;
    check_line(smtp_session_envid(s), SMTP_ENVID_MAX);
    r->mails++;
    r->octets = 0;
    note(r, 'M', from, strlen(from));
    note(r, 'E', smtp_session_envid(s), strlen(smtp_session_envid(s)));
    note(r, '=', &size, sizeof size);
    answer(r, strchr(from, '!') != NULL ? 550 : 250);
}

static void on_rcpt(void *ctx, struct smtp_session *s, const char *addr)
{
    struct run *r = ctx;
    check_line(smtp_session_asks(s)->orcpt, SMTP_ORCPT_MAX);
    if (r->mails == r->resets || strlen(addr) > SMTP_ADDR_MAX) {
        abort();
    }
    note(r, 'R', addr, strlen(addr));
    note(r, 'O', smtp_session_asks(s)->orcpt, strlen(smtp_session_asks(s)->orcpt));
    answer(r, strchr(addr, '!') != NULL ? 450 : 250);
}

static int on_data(void *ctx, struct smtp_session *s, const uint8_t *p, size_t n)
{
    struct run *r = ctx;
    (void)s;
    r->octets += n;
    if (r->mails == r->resets || r->octets > SIZE_LIMIT || buf_append(&r->message, p, n) != 0) {
        abort();
    }
    return 0;
}

static void on_data_end(void *ctx, struct smtp_session *s)
{
    struct run *r = ctx;
    (void)s;
    note(r, 'E', r->message.data, r->message.len);
    answer(r, r->refuse ? 554 : 250);
}

static void on_reset(void *ctx, struct smtp_session *s)
{
    struct run *r = ctx;
    (void)s;
    r->resets++;
    r->message.len = 0;
    note(r, 'X', NULL, 0);
}

static void on_gone(void *ctx, struct smtp_session *s)
{
    struct run *r = ctx;
    (void)s;
    r->gones++;
}

static void converse(struct run *r, const uint8_t *data, size_t size, size_t piece)
{
    static const struct smtp_handler handler = {on_mail,     on_rcpt,  on_data,
                                                on_data_end, on_reset, on_gone};
    struct smtp_settings settings = {.name = (char *)"fuzz",
                                     .user = (char *)"user",
                                     .password = (char *)"secret",
                                     .max_size = SIZE_LIMIT,
                                     .max_rcpts = 4,
                                     .handler = &handler,
                                     .ctx = r};
    uint8_t *copy = malloc(size + 1);
    r->seen.cap = r->replies.cap = r->message.cap = 256u << 20;
    if (copy == NULL || smtp_session_init(&r->s, &settings) != 0) {
        abort();
    }
    memcpy(copy, data, size);
    for (size_t at = 0; at < size && !r->s.over;) {
        size_t k = size - at < piece ? size - at : piece;
        size_t used = smtp_session_feed(&r->s, copy + at, k);
        int code = r->pending;
        r->pending = 0;
        if (used > k || (used == 0 && code == 0 && r->s.out.len == 0)) {
            abort();
        }
        if (code != 0) {
            smtp_reply(&r->s, code, "2.0.0 answer %d", code);
            smtp_session_feed(&r->s, copy, 0);
        }
        if (buf_append(&r->replies, r->s.out.data, r->s.out.len) != 0) {
            abort();
        }
        r->s.out.len = 0;
        at += used;
    }
    smtp_session_end(&r->s);
    if (r->mails != r->resets || r->gones != 1) {
        abort();
    }
    smtp_session_free(&r->s);
    buf_free(&r->message);
    free(copy);
}

static bool same(const struct buf *a, const struct buf *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool quiet;
    if (!quiet) {
        quiet = true;
        log_open("/dev/null", LOG_ERROR);
    }
    if (size < 1) {
        return 0;
    }
    struct run a = {.later = (data[0] & 1) != 0, .refuse = (data[0] & 2) != 0};
    struct run b = {.later = !a.later, .refuse = a.refuse};
    converse(&a, data + 1, size - 1, 1 + (data[0] >> 2));
    converse(&b, data + 1, size - 1, size);
    if (!same(&a.seen, &b.seen) || !same(&a.replies, &b.replies)) {
        abort();
    }
    buf_free(&a.seen);
    buf_free(&a.replies);
    buf_free(&b.seen);
    buf_free(&b.replies);
    return 0;
}
