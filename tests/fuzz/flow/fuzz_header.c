/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_header.c - any octets as a header: one octet of rules, then the header. No field may be one
 * for Dovecot, and so for the mail program, and none for us. */
#include "dovecot_fields.h"
#include "flow/mail/header.h"
#include "proto/limits.h"
#include <stdlib.h>
#include <string.h>

#define VALUE_MAX 40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {
    "received", "bcc", "sender", "date", "from", "authentication-results", "message-id", "x"};

static void must(bool yes)
{
    if (!yes)
        abort();
}

static void check_values(const uint8_t *h, size_t n)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct buf v = BUF_INIT(VALUE_MAX);
        unsigned count = header_count(h, n, names[i]);

        must(count == dovecot_count(h, n, names[i]));
        must((header_value(h, n, names[i], VALUE_MAX, &v) == 0) == (count > 0));
        must(v.len <= VALUE_MAX && (v.len == 0 || v.data[0] > ' '));
        for (size_t at = 0; at < v.len; at++)
            must(v.data[at] >= ' ' && v.data[at] != 0x7f);
        buf_free(&v);
    }
}

static void check_made(const uint8_t *in, size_t n, const struct header_rules *rules, size_t cap)
{
    struct buf out = BUF_INIT(cap), again = BUF_INIT(cap);
    struct error e = {""};

    if (header_make(in, n, rules, &out, &e) < 0) {
        must(e.text[0] != '\0');
        must(out.cap < HEADER_MAX || in[0] == ' ' || in[0] == '\t');
        buf_free(&out);
        return;
    }
    must(n == 0 || (in[0] != ' ' && in[0] != '\t'));
    check_values(out.data, out.len);
    must(header_count(out.data, out.len, "bcc") == 0);
    must(header_count(out.data, out.len, "date") > 0);
    must(header_count(out.data, out.len, "message-id") > 0);
    must(rules->sender == NULL || header_count(out.data, out.len, "sender") == 1);
    unsigned before = header_count(in, n, "received");
    unsigned after = header_count(out.data, out.len, "received");
    must(after == before || after + 1 == before);
    /* once is enough: what was made stays, but for a Received field that is now the first */
    if (out.data[0] != 'R' && out.data[0] != 'r') {
        must(header_make(out.data, out.len, rules, &again, &e) == 0);
        must(again.len == out.len);
        must(rules->sender != NULL || memcmp(again.data, out.data, out.len) == 0);
    }
    buf_free(&out);
    buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > HEADER_MAX / 2)
        return 0;
    struct header_rules rules = {.domain = "house.example", .now_ms = 1795467480000};
    if (data[0] & 1)
        rules.sender = "a@house.example";
    check_values(data + 1, size - 1);
    check_made(data + 1, size - 1, &rules, data[0] & 2 ? data[0] : HEADER_MAX);
    return 0;
}
