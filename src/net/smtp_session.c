/* SPDX-License-Identifier: GPL-3.0-or-later */
/* smtp_session.c - the lines of the submission listener's conversation, and the handler's answers.
 * One answer may be outstanding; until it is given no further command is looked at, so pipelined
 * commands are answered in order. */
#include "net/smtp_session.h"
#include "base/texts.h"
#include "base/crypt.h"
#include <string.h>
#include <strings.h>

/* Does the line being collected hold a password? */
static bool is_secret(const struct smtp_session *s)
{
    return s->mode == SMTP_RESPONSE ||
           (s->line.len >= 5 && strncasecmp((const char *)s->line.data, "AUTH ", 5) == 0);
}

/* A whole line stands in s->line, with its LF. */
static void line_complete(struct smtp_session *s)
{
    char *line = (char *)s->line.data;
    size_t n = s->line.len;
    bool response = s->mode == SMTP_RESPONSE;
    s->mode = SMTP_LINE;
    bool crlf = n >= 2 && line[n - 2] == '\r';
    line[crlf ? n - 2 : n - 1] = '\0';
    bool clean = crlf;
    for (size_t i = 0; i + 2 < n && clean; i++)
        clean = line[i] >= 32 && line[i] < 127;
    if (!clean)
        smtp_mistake(s, 500, TEXT_SMTP_ASCII);
    else if (!response)
        smtp_command(s, line);
    else if (strcmp(line, "*") == 0)
        smtp_mistake(s, 501, TEXT_SMTP_AUTH_OVER);
    else
        smtp_try_plain(s, line);
}

static size_t take_line(struct smtp_session *s, uint8_t *p, size_t n)
{
    uint8_t *lf = memchr(p, '\n', n);
    size_t k = lf != NULL ? (size_t)(lf - p) + 1 : n;
    bool fits = s->mode != SMTP_SKIPLINE && buf_append(&s->line, p, k) == 0;
    bool secret = fits && is_secret(s);
    if (secret)
        wipe(p, k);
    if (!fits || (!secret && s->line.len > SMTP_LINE_MAX)) {
        s->mode = lf != NULL ? SMTP_LINE : SMTP_SKIPLINE;
        if (lf != NULL)
            smtp_mistake(s, 500, TEXT_SMTP_LONG);
    } else if (lf != NULL) {
        line_complete(s);
    } else {
        return k;
    }
    wipe(s->line.data, s->line.len);
    s->line.len = 0;
    return k;
}

/* Draws the consequences of the handler's answer. */
static void settle(struct smtp_session *s)
{
    enum smtp_wait what = s->wait;
    bool good = s->answer >= 200 && s->answer < 300;
    if (s->answer == 0)
        return;
    s->wait = SMTP_WAIT_NONE;
    s->over = s->over || s->answer == 421;
    s->answer = 0;
    if (what == SMTP_WAIT_RCPT)
        s->rcpts += good ? 1 : 0;
    else if (what == SMTP_WAIT_MAIL && good)
        s->accepted = true;
    else
        smtp_transaction_end(s);
}

size_t smtp_session_feed(struct smtp_session *s, uint8_t *p, size_t n)
{
    size_t used = 0;
    s->feeding = true;
    for (;;) {
        settle(s);
        if (s->over || s->wait != SMTP_WAIT_NONE || used == n || s->out.len >= SMTP_OUT_HIGH)
            break;
        if (s->mode == SMTP_CHUNK)
            used += smtp_take_chunk(s, p + used, n - used);
        else if (s->mode == SMTP_DOTTED)
            used += smtp_take_dotted(s, p + used, n - used);
        else
            used += take_line(s, p + used, n - used);
    }
    s->feeding = false;
    return s->over ? n : used;
}

const char *smtp_session_envid(const struct smtp_session *s)
{
    return s->envid;
}

const struct smtp_rcpt_asks *smtp_session_asks(const struct smtp_session *s)
{
    return &s->asks;
}

void smtp_session_set(struct smtp_session *s, void *p)
{
    s->user = p;
}

void *smtp_session_get(const struct smtp_session *s)
{
    return s->user;
}

int smtp_session_init(struct smtp_session *s, const struct smtp_settings *set)
{
    memset(s, 0, sizeof *s);
    s->set = set;
    s->line.cap = SMTP_AUTH_LINE_MAX;
    s->out.cap = SMTP_OUT_HIGH + 8192;
    /* All of it at once: growing would leave copies of passwords behind. */
    if (buf_reserve(&s->line, SMTP_AUTH_LINE_MAX) == NULL)
        return -1;
    return buf_printf(&s->out, "220 %s ESMTP\r\n", set->name);
}

void smtp_session_end(struct smtp_session *s)
{
    if (s->ended)
        return;
    s->ended = s->over = true;
    smtp_transaction_end(s);
    s->set->handler->gone(s->set->ctx, s);
}

void smtp_session_free(struct smtp_session *s)
{
    buf_wipe(&s->line);
    buf_free(&s->out);
}
