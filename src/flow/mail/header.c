/* SPDX-License-Identifier: GPL-3.0-or-later */
/* header.c - see header.h. A header is taken field by field: a line and the folded lines after it
 * (RFC 5322 2.2). Lines that are not fields (real mail has them) are kept as they are. */
#include "flow/mail/header.h"
#include "base/texts.h"
#include "base/clock.h"
#include "base/crypt.h"
#include <string.h>
#include <strings.h>

struct header_field {
    const uint8_t *p; /* the whole field with its line ends */
    size_t n;
    size_t name;  /* octets of the name without white space before the colon; 0 = not a field */
    size_t value; /* where the value begins */
};

/* The line at p is empty. A CR without LF is no line end, to Dovecot neither: were it one here, a
 * field behind it would be hidden from us and be one for the mail program. */
static bool is_empty_line(const uint8_t *p, size_t n)
{
    return p[0] == '\n' || (n > 1 && p[0] == '\r' && p[1] == '\n');
}

/* The next field at *at; false at the empty line or the end. */
static bool next_field(const uint8_t *h, size_t n, size_t *at, struct header_field *f)
{
    size_t start = *at, end = start;
    if (start >= n || is_empty_line(h + start, n - start))
        return false;
    do {
        const uint8_t *nl = memchr(h + end, '\n', n - end);
        end = nl == NULL ? n : (size_t)(nl - h) + 1;
    } while (end < n && (h[end] == ' ' || h[end] == '\t'));
    *f = (struct header_field){.p = h + start, .n = end - start};
    size_t i = 0;
    while (i < f->n && f->p[i] > ' ' && f->p[i] != ':' && f->p[i] < 0x7f)
        i++;
    size_t name = i;
    while (i < f->n && (f->p[i] == ' ' || f->p[i] == '\t'))
        i++;
    if (name > 0 && i < f->n && f->p[i] == ':') {
        f->name = name;
        f->value = i + 1;
    }
    *at = end;
    return true;
}

static bool is(const struct header_field *f, const char *name)
{
    size_t n = strlen(name);
    return f->name == n && strncasecmp((const char *)f->p, name, n) == 0;
}

static int add_missing(const uint8_t *in, size_t n, const struct header_rules *rules,
                       struct buf *out)
{
    int rc = 0;
    if (rules->sender != NULL)
        rc |= buf_printf(out, "Sender: <%s>\r\n", rules->sender);
    if (header_count(in, n, "date") == 0) {
        char date[40];
        clock_rfc5322(rules->now_ms, date);
        rc |= buf_printf(out, "Date: %s\r\n", date);
    }
    if (header_count(in, n, "message-id") == 0) {
        uint8_t r[16];
        char hex[33];
        random_bytes(r, sizeof r);
        hex_encode(r, sizeof r, hex);
        rc |= buf_printf(out, "Message-ID: <%s@%s>\r\n", hex, rules->domain);
    }
    return rc;
}

/* The submission service's own Received field ends with the line that holds its date: what is
 * folded behind that is the client's first line, which began with white space. */
static bool header_folded(const struct header_field *f)
{
    const uint8_t *end = f->p + f->n, *date = memchr(f->p, ';', f->n);
    const uint8_t *nl = date == NULL ? NULL : memchr(date, '\n', (size_t)(end - date));
    return nl != NULL && nl + 1 < end;
}

int header_make(const uint8_t *in, size_t n, const struct header_rules *rules, struct buf *out,
                struct error *e)
{
    size_t at = 0;
    struct header_field f;
    bool first = true;
    int rc = 0;
    if (n > 0 && (in[0] == ' ' || in[0] == '\t')) /* would fold into what is put in front */
        return error_set(e, TEXT_HEADER_SPACE);
    rc |= add_missing(in, n, rules, out);
    while (rc == 0 && next_field(in, n, &at, &f)) {
        bool service = first && is(&f, "received");
        if (service && header_folded(&f))
            return error_set(e, TEXT_HEADER_SPACE);
        bool drop = service || is(&f, "bcc") || is(&f, "resent-bcc") || is(&f, "return-path") ||
                    (rules->sender != NULL && is(&f, "sender"));
        if (!drop)
            rc |= buf_append(out, f.p, f.n);
        first = false;
    }
    rc |= buf_append(out, in + at, n - at); /* the empty line */
    return rc == 0 ? 0 : error_set(e, TEXT_HEADER_MAX, out->cap);
}

/* White space or a control. */
static bool is_blank(uint8_t c)
{
    return c <= ' ' || c == 0x7f;
}

int header_value_at(const uint8_t *header, size_t n, const char *name, unsigned which, size_t max,
                    struct buf *out)
{
    size_t at = 0;
    struct header_field f;
    while (next_field(header, n, &at, &f)) {
        if (!is(&f, name) || which-- > 0)
            continue;
        size_t i = f.value, end = f.n;
        while (i < end && is_blank(f.p[i]))
            i++;
        while (end > i && is_blank(f.p[end - 1]))
            end--;
        size_t start = out->len;
        for (; i < end && out->len - start < max; i++) {
            if (f.p[i] == '\n' || (f.p[i] == '\r' && f.p[i + 1] == '\n')) /* the end is no CR */
                continue;
            uint8_t c = is_blank(f.p[i]) ? ' ' : f.p[i];
            if (buf_append(out, &c, 1) < 0)
                return -1;
        }
        if (i < end && out->len > start &&
            !is_blank(f.p[i])) { /* between words, never inside an encoded one */
            const uint8_t *space = memrchr(out->data + start, ' ', out->len - start);
            out->len = space == NULL ? out->len : (size_t)(space - out->data);
        }
        return 0;
    }
    return -1;
}

int header_value(const uint8_t *header, size_t n, const char *name, size_t max, struct buf *out)
{
    return header_value_at(header, n, name, 0, max, out);
}

int header_field(const uint8_t *header, size_t n, const char *name, struct buf *out)
{
    size_t at = 0;
    struct header_field f;
    while (next_field(header, n, &at, &f))
        if (is(&f, name))
            return buf_append(out, f.p, f.n);
    return 1;
}

unsigned header_count(const uint8_t *header, size_t n, const char *name)
{
    size_t at = 0;
    unsigned count = 0;
    struct header_field f;
    while (next_field(header, n, &at, &f))
        count += is(&f, name);
    return count;
}

int header_trace(const struct trace_fields *t, struct buf *out)
{
    char fpr[2 * FPR_LEN + 1], date[40];
    hex_encode(t->fpr, FPR_LEN, fpr);
    clock_rfc5322(t->when_ms, date);
    return buf_printf(out,
                      "Received: from %s by %s\r\n\twith Restante id %.16s; %s\r\n"
                      "Authentication-Results: \"%s\";\r\n\tx-restante=pass smtp.mailfrom=%s"
                      "\r\n\tpolicy.fingerprint=%s policy.trust=%s policy.from=%s\r\n",
                      t->sender, t->own, t->id, date, t->own, t->sender, fpr, t->trust, t->from);
}
