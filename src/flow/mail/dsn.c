/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dsn.c - see dsn.h (P-13.1). Three parts: words for the user, the report for programs, and the
 * header of the message it is about. */
#include "flow/mail/dsn.h"
#include "base/texts.h"
#include "base/clock.h"
#include "base/file.h"
#include "flow/mail/maildir.h"
#include <stdio.h>
#include <unistd.h>

static const char *text_of(const struct bytes *b)
{
    return b->p == NULL ? "" : (const char *)b->p;
}

static bool expired(const struct out_receiver *r)
{
    return r->state == RCV_EXPIRED;
}

static bool pulled(const struct out_receiver *r)
{
    return r->state == RCV_PULLED;
}

static bool delayed(const struct out_receiver *r)
{
    return r->state < RCV_PULLED;
}

static bool dsn_is_failed(const struct out_receiver *r)
{
    return !expired(r) && !pulled(r) && !delayed(r);
}

static bool all_are(const struct dsn *d, bool (*one)(const struct out_receiver *r))
{
    for (size_t i = 0; i < d->count; i++)
        if (!one(&d->rcpts[i]))
            return false;
    return true;
}

/* Delivered; delivery time expired (RFC 3463 3.5); nothing but that it lasts; or a destination that
 * cannot be written to. */
static const char *dsn_status_of(const struct out_receiver *r)
{
    return pulled(r) ? "2.0.0" : expired(r) ? "4.4.7" : delayed(r) ? "4.0.0" : "5.1.1";
}

static const char *action_of(const struct out_receiver *r)
{
    return pulled(r) ? "delivered" : delayed(r) ? "delayed" : "failed";
}

/* One line of text: a sentence must not begin a field of its own. */
static int dsn_add_line(struct buf *out, const struct bytes *why)
{
    int rc = 0;
    for (size_t i = 0; i < why->n && rc == 0; i++) {
        uint8_t c = why->p[i] < ' ' || why->p[i] == 0x7f ? ' ' : why->p[i];
        rc = buf_append(out, &c, 1);
    }
    return rc;
}

/* A field of the client's own words (RFC 3464 2.2.1, 2.3.1), if it gave any. */
static int echo(const char *name, const struct bytes *value, struct buf *out)
{
    return value->n == 0
               ? 0
               : buf_printf(out, "%s: ", name) | dsn_add_line(out, value) | buf_printf(out, "\r\n");
}

static int top(const struct dsn *d, const char *boundary, struct buf *out)
{
    char date[40];
    clock_rfc5322(all_are(d, delayed) ? d->at_ms : d->rcpts[0].changed_ms, date);
    int rc = buf_printf(out,
                        "From: Restante <%s>\r\nTo: <%s>\r\nDate: %s\r\n"
                        "Message-ID: <%s.notice@%s>\r\nAuto-Submitted: auto-replied\r\n",
                        d->own, d->own, date, boundary, address_group(d->own));
    if (d->m->msgid.n > 0)
        rc |= buf_printf(out, "In-Reply-To: %s\r\nReferences: %s\r\n", text_of(&d->m->msgid),
                         text_of(&d->m->msgid));
    return rc | buf_printf(out,
                           "Subject: %s: %s\r\nMIME-Version: 1.0\r\n"
                           "Content-Type: multipart/report; report-type=delivery-status;\r\n"
                           "\tboundary=\"%s\"\r\n\r\n",
                           all_are(d, pulled)    ? TEXT_REPORT_SUBJECT_PULLED
                           : all_are(d, expired) ? TEXT_REPORT_SUBJECT_EXPIRED
                           : all_are(d, delayed) ? TEXT_REPORT_SUBJECT_DELAYED
                                                 : TEXT_REPORT_SUBJECT_FAILED,
                           text_of(&d->m->subject), boundary);
}

/* The receivers of one kind, each in a line; its sentence behind it where there is one. */
static int words_about(const struct dsn *d, bool (*kind)(const struct out_receiver *r),
                       const char *sentence, struct buf *out)
{
    bool said = false;
    int rc = 0;
    for (size_t i = 0; i < d->count; i++) {
        const struct out_receiver *r = &d->rcpts[i];
        if (!kind(r))
            continue;
        rc |= buf_printf(out, "%s    %s%s", said ? "" : sentence, r->address,
                         dsn_is_failed(r) ? ": " : "");
        if (dsn_is_failed(r))
            rc |= dsn_add_line(out, &r->why);
        rc |= buf_printf(out, "\r\n");
        said = true;
    }
    return rc;
}

static int words(const struct dsn *d, struct buf *out)
{
    char sent[40];
    clock_rfc5322(d->m->created_ms, sent);
    int rc = buf_printf(out,
                        "Content-Type: text/plain; charset=utf-8\r\n"
                        "Content-Transfer-Encoding: 8bit\r\n\r\n" TEXT_REPORT_TOP,
                        sent);
    rc |= words_about(d, pulled, TEXT_REPORT_PULLED, out);
    rc |= words_about(d, expired, TEXT_REPORT_EXPIRED, out);
    rc |= words_about(d, dsn_is_failed, TEXT_REPORT_FAILED, out);
    rc |= words_about(d, delayed, TEXT_REPORT_DELAYED, out);
    if (all_are(d, pulled))
        return rc;
    return rc | buf_printf(out, all_are(d, delayed) ? TEXT_REPORT_WAITS : TEXT_REPORT_AGAIN);
}

/* RFC 3464 2.3.9: the end of its validity, once that is known. */
static int report_delayed(const struct out_receiver *r, struct buf *out)
{
    char date[40];
    if (r->expiry_s == 0)
        return 0;
    clock_rfc5322(r->expiry_s * 1000, date);
    return buf_printf(out, "Will-Retry-Until: %s\r\n", date);
}

static int dsn_add_report(const struct dsn *d, struct buf *out)
{
    char date[40];
    clock_rfc5322(d->m->created_ms, date);
    int rc = buf_printf(out, "Content-Type: message/delivery-status\r\n\r\n");
    rc |= echo("Original-Envelope-Id", &d->m->envid, out);
    rc |= buf_printf(out, "Reporting-MTA: x-restante; %s\r\nArrival-Date: %s\r\n", d->own, date);
    for (size_t i = 0; i < d->count && rc == 0; i++) {
        const struct out_receiver *r = &d->rcpts[i];
        rc |= buf_printf(out, "\r\n") | echo("Original-Recipient", &r->orcpt, out);
        rc |= buf_printf(out, "Final-Recipient: rfc822; %s\r\nAction: %s\r\nStatus: %s\r\n",
                         r->address, action_of(r), dsn_status_of(r));
        if (pulled(r)) {
            clock_rfc5322(r->changed_ms, date);
            rc |= buf_printf(out, "Last-Attempt-Date: %s\r\n", date);
            continue;
        }
        rc |= buf_printf(out, "Diagnostic-Code: x-restante; ");
        if (expired(r)) {
            clock_rfc5322(r->expiry_s * 1000, date);
            rc |= buf_printf(out, TEXT_REPORT_NOT_OPENED, date);
        } else if (r->why.n > 0) {
            rc |= dsn_add_line(out, &r->why);
        } else {
            rc |= buf_printf(out, delayed(r) ? TEXT_REPORT_NOT_YET : TEXT_REPORT_NOT_REACHED);
        }
        rc |= buf_printf(out, "\r\n");
        if (delayed(r))
            rc |= report_delayed(r, out);
    }
    return rc;
}

/* What is known of m's header when the whole of it is not kept or too large. */
static int some_fields(const struct out_message *m, struct buf *out)
{
    static const char *const name[] = {"From", "To", "Date", "Subject", "Message-ID", "References"};
    const struct bytes *const value[] = {&m->from,    &m->to,    &m->date,
                                         &m->subject, &m->msgid, &m->refs};
    int rc = 0;
    for (size_t i = 0; i < sizeof name / sizeof *name; i++)
        if (value[i]->n > 0)
            rc |= buf_printf(out, "%s: %s\r\n", name[i], text_of(value[i]));
    return rc;
}

static int original(const struct dsn *d, struct buf *out)
{
    struct buf header = BUF_INIT(HEADER_MAX), skeleton = BUF_INIT(SKELETON_MAX);
    struct error e;
    int rc = buf_printf(out, "Content-Type: text/rfc822-headers\r\n"
                             "Content-Transfer-Encoding: 8bit\r\n\r\n");
    if (d->m->head.n > 0 && head_unpack(d->m->head.p, d->m->head.n, &header, &skeleton, &e) == 0 &&
        header.len <= DSN_HEADER_MAX)
        rc |= buf_append(out, header.data, header.len);
    else
        rc |= some_fields(d->m, out);
    buf_free(&header);
    buf_free(&skeleton);
    return rc;
}

int dsn_compose(const struct dsn *d, struct buf *out)
{
    char id[2 * MESSAGE_ID_LEN + 1], boundary[80];
    hex_encode(d->m->id, MESSAGE_ID_LEN, id);
    if (all_are(d, delayed)) /* another message than the one that tells the end */
        (void)snprintf(boundary, sizeof boundary, "%s.delay", id);
    else
        (void)snprintf(boundary, sizeof boundary, "%s.%lld", id, (long long)d->rcpts[0].n);
    int rc = top(d, boundary, out);
    rc |= buf_printf(out, "--%s\r\n", boundary) | words(d, out);
    rc |= buf_printf(out, "\r\n--%s\r\n", boundary) | dsn_add_report(d, out);
    rc |= buf_printf(out, "\r\n--%s\r\n", boundary) | original(d, out);
    return rc | buf_printf(out, "\r\n--%s--\r\n", boundary) ? -1 : 0;
}

int dsn_place(const struct dsn *d, const char *home, const char *path, const char *name,
              struct error *e)
{
    char sized[192];
    struct buf b = BUF_INIT(DSN_MAX);
    int rc = dsn_compose(d, &b) == 0 ? file_write(path, b.data, b.len, e)
                                     : error_set(e, "A notice could not be written.");
    (void)snprintf(sized, sizeof sized, "%s,S=%zu,W=%zu", name, b.len, b.len);
    buf_free(&b);
    if (rc == 0 && !maildir_find(home, "", sized, false))
        rc = maildir_add(home, "", path, sized, NULL, e);
    (void)unlink(path);
    return rc;
}
