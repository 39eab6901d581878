/* SPDX-License-Identifier: GPL-3.0-or-later */
/* smtp_data.c - a message's octets on their way from the client to the handler: BDAT's counted
 * chunks as they are, DATA's lines without their extra dots. No work per octet beyond memchr. */
#include "net/smtp_session.h"
#include "base/texts.h"
#include <inttypes.h>
#include <string.h>

static const char too_large[] = TEXT_SMTP_LARGE;

/* The message is refused by the session itself: forget it, read on to its end, then say so. That it
 * is too large outranks its bare CR or LF (550), so that the answer does not depend on the pieces
 * in which it came. */
static void condemn(struct smtp_session *s, int code, const char *text)
{
    if (s->verdict.code == 0 || s->verdict.code == 550) {
        s->verdict.code = code;
        s->verdict.text = text;
    }
    s->discard = true;
}

/* Counts octets, and gives them to the handler unless they are being thrown away. */
static void deliver(struct smtp_session *s, const uint8_t *p, size_t n)
{
    uint64_t max = s->set->max_size;
    s->total += n;
    if (max != 0 && s->total > max)
        condemn(s, 552, too_large);
    if (n > 0 && !s->discard && !s->over && s->set->handler->data(s->set->ctx, s, p, n) < 0)
        s->discard = true;
}

/* The message is complete. */
static void message_finish(struct smtp_session *s)
{
    s->mode = SMTP_LINE;
    if (s->over)
        return;
    if (s->verdict.code != 0) {
        smtp_say(s, s->verdict.code, s->verdict.text);
        smtp_transaction_end(s);
        return;
    }
    s->wait = SMTP_WAIT_END;
    s->set->handler->data_end(s->set->ctx, s);
}

static void chunk_finish(struct smtp_session *s)
{
    char text[64];
    s->mode = SMTP_LINE;
    if (s->over)
        return;
    /* A refused chunk ends the transaction; chunks that still come are read and refused. */
    if (s->last || s->verdict.code != 0) {
        message_finish(s);
        return;
    }
    snprintf(text, sizeof text, TEXT_SMTP_SO_FAR, s->total);
    smtp_say(s, 250, text);
}

void smtp_chunk_begin(struct smtp_session *s, uint64_t size, bool last)
{
    uint64_t max = s->set->max_size;
    s->mode = SMTP_CHUNK;
    s->left = size;
    s->last = last;
    if (!s->accepted)
        condemn(s, 503, TEXT_SMTP_MAIL_FIRST);
    else if (s->rcpts == 0)
        condemn(s, 554, TEXT_SMTP_NOBODY);
    else if (max != 0 && (s->total > max || size > max - s->total))
        condemn(s, 552, too_large);
    else
        s->chunked = true;
    if (size == 0)
        chunk_finish(s);
}

size_t smtp_take_chunk(struct smtp_session *s, const uint8_t *p, size_t n)
{
    size_t k = n < s->left ? n : (size_t)s->left;
    deliver(s, p, k);
    s->left -= k;
    if (s->left == 0)
        chunk_finish(s);
    return k;
}

static void bare(struct smtp_session *s)
{
    condemn(s, 550, TEXT_SMTP_BARE);
}

/* The rest of a line from i; returns where the next one (or n) begins. */
static size_t rest_of_line(struct smtp_session *s, const uint8_t *p, size_t i, size_t n)
{
    const uint8_t *lf = memchr(p + i, '\n', n - i);
    size_t end = lf != NULL ? (size_t)(lf - p) : n;
    const uint8_t *cr = memchr(p + i, '\r', end - i);
    if (lf == NULL) {
        s->dot = p[n - 1] == '\r' ? SMTP_MID_CR : SMTP_MID;
        if (cr != NULL && cr + 1 != p + n)
            bare(s);
        return n;
    }
    if (cr == NULL || cr + 1 != lf) {
        /* The only end of a line is CRLF: this LF does not make a following dot an end. */
        bare(s);
        s->dot = end > i && p[end - 1] == '\r' ? SMTP_BOL : SMTP_MID;
        return end + 1;
    }
    s->dot = SMTP_BOL;
    return end + 1;
}

/* Takes one octet at a line's start or after a lone CR; true when it ended the message. */
static bool edge(struct smtp_session *s, const uint8_t *p, size_t *i, size_t *run)
{
    uint8_t c = p[*i];
    switch (s->dot) {
    case SMTP_BOL:
        if (c == '.') {
            deliver(s, p + *run, *i - *run);
            *run = ++*i;
            s->dot = SMTP_BOL_DOT;
        } else {
            s->dot = SMTP_MID;
        }
        return false;
    case SMTP_BOL_DOT:
        if (c == '\r') {
            *run = ++*i;
            s->dot = SMTP_BOL_DOT_CR;
        } else {
            s->dot = SMTP_MID;
        }
        return false;
    case SMTP_BOL_DOT_CR:
        if (c == '\n') {
            *run = ++*i;
            return true;
        }
        bare(s);
        s->dot = SMTP_MID;
        return false;
    default: /* SMTP_MID_CR */
        if (c == '\n') {
            ++*i;
            s->dot = SMTP_BOL;
        } else {
            bare(s);
            s->dot = SMTP_MID;
        }
        return false;
    }
}

size_t smtp_take_dotted(struct smtp_session *s, const uint8_t *p, size_t n)
{
    size_t i = 0, run = 0;
    while (i < n) {
        if (s->dot == SMTP_MID) {
            i = rest_of_line(s, p, i, n);
        } else if (edge(s, p, &i, &run)) {
            message_finish(s);
            return i;
        }
    }
    deliver(s, p + run, n - run);
    return n;
}
