/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outbox_text.c - what a line of the mailbox Outgoing says: the message's own From, To, Subject,
 * Date and Message-ID, the state in front of the subject, and who has it in the text (P-14.7). */
#include "base/clock.h"
#include "base/texts.h"
#include "flow/sender/outbox_mailbox.h"
#include <stdio.h>
#include <string.h>

#define NAMED_MAX 100 /* receivers in the text; the others are counted */

struct tally {
    unsigned all, of[9];
    struct buf *list;
    bool failed;
};

/* What a person is told of it; several states of the store are one for him. */
enum {
    T_WAITING,
    T_ANNOUNCED,
    T_PULLED,
    T_DECLINED,
    T_WITHDRAWING,
    T_CANCELLED,
    T_EXPIRED,
    T_FAILED,
    T_UNLOOKED
};
static const char *const words[] = {"waiting",  "announced",   "pulled",
                                    "declined", "withdrawing", "cancelled",
                                    "expired",  "failed",      TEXT_LINE_UNLOOKED};

/* What was not looked up waits, too. */
static const char *const keywords[] = {"$Waiting",     "$Announced", "$Pulled",  "$Declined",
                                       "$Withdrawing", "$Cancelled", "$Expired", "$Failed"};

const char *outbox_line_keyword(unsigned n)
{
    return n < sizeof keywords / sizeof *keywords ? keywords[n] : NULL;
}

static int word_of(enum rcv_state s)
{
    switch (s) {
    case RCV_WAITING:
    case RCV_READY:
    case RCV_SEALED:
        break;
    case RCV_ANNOUNCED:
        return T_ANNOUNCED;
    case RCV_PULLED:
    case RCV_ANSWERED:
        return T_PULLED;
    case RCV_DECLINED:
        return T_DECLINED;
    case RCV_WITHDRAWING:
        return T_WITHDRAWING;
    case RCV_CANCELLED:
    case RCV_UNCONFIRMED:
        return T_CANCELLED;
    case RCV_EXPIRED:
        return T_EXPIRED;
    case RCV_FAILED:
        return T_FAILED;
    }
    return T_WAITING;
}

static bool outbox_text_count(void *ctx, const char *address, enum rcv_state s, bool looked,
                              int64_t since_ms)
{
    struct tally *t = ctx;
    char since[40];
    int word = looked ? word_of(s) : T_UNLOOKED;
    t->of[word]++;
    if (t->all++ >= NAMED_MAX)
        return true;
    clock_rfc5322(since_ms, since);
    if (buf_printf(t->list, TEXT_LINE_SINCE, address, words[word], since) < 0)
        t->failed = true;
    return true;
}

static int outbox_text_field(struct buf *out, const char *name, const struct bytes *value)
{
    if (value->n == 0)
        return 0;
    return buf_printf(out, "%s: ", name) | buf_append(out, value->p, value->n) |
           buf_append(out, "\r\n", 2);
}

/* "announced", or "2 announced, 1 pulled" */
static int summary(struct buf *out, const struct tally *t)
{
    bool first = true;
    int rc = 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (t->of[i] == 0)
            continue;
        rc |= buf_printf(out, "%s", first ? "" : ", ");
        if (t->all > 1)
            rc |= buf_printf(out, "%u ", t->of[i]);
        rc |= buf_printf(out, "%s", words[i]);
        first = false;
    }
    return rc;
}

int outbox_line_text(struct services *sv, const struct out_message *m, struct buf *out,
                     unsigned *states)
{
    struct buf list = BUF_INIT(64 * 1024);
    struct tally t = {.list = &list};
    outbox_line_each(store_reader(sv->store), m->n, outbox_text_count, &t);
    *states = 0;
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        *states |= t.of[i] > 0 ? 1u << (i == T_UNLOOKED ? T_WAITING : i) : 0;
    int rc = outbox_text_field(out, "From", &m->from) | outbox_text_field(out, "To", &m->to) |
             outbox_text_field(out, "Date", &m->date) |
             outbox_text_field(out, "Message-ID", &m->msgid) |
             outbox_text_field(out, "References", &m->refs);
    rc |= buf_printf(out, "Subject: [");
    rc |= summary(out, &t) | buf_printf(out, "] ") | buf_append(out, m->subject.p, m->subject.n) |
          buf_printf(out, "\r\nX-Restante-State: ") | summary(out, &t);
    rc |= buf_printf(out, "\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                          "Content-Transfer-Encoding: 8bit\r\n\r\n" TEXT_LINE_TOP);
    rc |= buf_append(out, list.data, list.len);
    if (t.all > NAMED_MAX)
        rc |= buf_printf(out, TEXT_LINE_MORE, t.all - NAMED_MAX);
    rc |= buf_printf(out, TEXT_LINE_END);
    buf_free(&list);
    return rc != 0 || t.failed ? -1 : 0;
}
