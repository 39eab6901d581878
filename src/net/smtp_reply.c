/* SPDX-License-Identifier: GPL-3.0-or-later */
/* smtp_reply.c - what the submission listener says: its own replies, those of the handler, and the
 * end of a transaction. */
#include "base/log.h"
#include "base/texts.h"
#include "net/smtp_session.h"
#include <stdarg.h>
#include <stdio.h>

#define LOG_AREA "smtp"
#define MISTAKES_MAX 20

void smtp_say(struct smtp_session *s, int code, const char *text)
{
    if (buf_printf(&s->out, "%d %s\r\n", code, text) != 0)
        s->over = true;
    log_trace("S: %d %s", code, text);
}

void smtp_mistake(struct smtp_session *s, int code, const char *text)
{
    smtp_say(s, code, text);
    if (++s->mistakes >= MISTAKES_MAX) {
        smtp_say(s, 421, TEXT_SMTP_MISTAKES);
        s->over = true;
    }
}

void smtp_transaction_end(struct smtp_session *s)
{
    bool was_open = s->open;
    s->open = s->accepted = s->chunked = s->discard = false;
    s->verdict.code = 0;
    s->rcpts = 0;
    s->total = 0;
    if (was_open)
        s->set->handler->reset(s->set->ctx, s);
}

void smtp_reply(struct smtp_session *s, int code, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    if (s->ended)
        return;
    if (s->wait == SMTP_WAIT_NONE || s->answer != 0) {
        log_error("an answer %d that nobody waits for was dropped", code);
        return;
    }
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < 32 || (unsigned char)*p > 126)
            *p = '?';
    smtp_say(s, code, text);
    s->answer = code;
    if (!s->feeding && s->wake != NULL)
        s->wake(s);
}
