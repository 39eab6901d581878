/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trace_print.c - how `restante trace` shows its answer to a person: what each peer's database
 * says, then the log lines of all of them in order. */
#include "cli/control.h"
#include "cli/text.h"
#include "cli/trace.h"
#include "cli/words.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_CAP 8192

/* One line of formatted text, made safe for the terminal. -1 without memory. */
static int line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static int line(const char *fmt, ...)
{
    char text[LINE_CAP];
    struct buf safe = BUF_INIT(4 * LINE_CAP);
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    int rc = text_safe(text, SIZE_MAX, &safe) < 0 || buf_str(&safe) == NULL ||
                     puts(buf_str(&safe)) == EOF
                 ? -1
                 : 0;
    buf_free(&safe);
    return rc;
}

static int field(const char *label, const json_t *o, const char *key)
{
    const char *value = json_text(o, key, "");
    return value[0] == '\0' ? 0 : line("  %-13s %s", label, value);
}

/* `"Subject", 1.2 KB` */
static void what_of(const json_t *m, char out[LINE_CAP / 2])
{
    char size[16];
    const char *subject = json_text(m, "subject", "");
    struct buf decoded = BUF_INIT(LINE_CAP);
    if (words_decode(subject, &decoded) == 0 && buf_str(&decoded) != NULL)
        subject = buf_str(&decoded);
    text_size((uint64_t)json_number(m, "size", 0), size);
    (void)snprintf(out, LINE_CAP / 2, "\"%.1000s\", %s", subject, size);
    buf_free(&decoded);
}

static int print_blob(const char *hash, const json_t *b)
{
    char size[16];
    text_size((uint64_t)json_number(b, "size", 0), size);
    return line("  %-13s %s, %s, %s", "blob", hash, size, json_text(b, "state", ""));
}

static int print_sent(const char *address, const json_t *m)
{
    char what[LINE_CAP / 2];
    size_t i;
    const json_t *o;
    what_of(m, what);
    int rc = line("%s sent it at %s: %s", address, json_text(m, "at", ""), what) |
             field("message", m, "id") | field("Message-ID", m, "message_id");
    json_array_foreach(json_object_get(m, "blobs"), i, o)
    {
        rc |= print_blob(json_text(o, "hash", ""), o);
    }
    json_array_foreach(json_object_get(m, "receivers"), i, o)
    {
        const char *why = json_text(o, "why", "");
        rc |= line("  %-13s %s since %s%s%s", json_text(o, "to", ""), json_text(o, "state", ""),
                   json_text(o, "at", ""), why[0] == '\0' ? "" : ": ", why);
        const char *nid = json_text(o, "notification", "");
        rc |= nid[0] == '\0' ? 0 : line("  %-13s notification %s", "", nid);
    }
    return rc;
}

static int print_came(const char *address, const json_t *m)
{
    char what[LINE_CAP / 2];
    const char *outcome = json_text(m, "outcome", ""), *why = json_text(m, "why", "");
    what_of(m, what);
    return line("%s heard of it at %s, from %s: %s", address, json_text(m, "at", ""),
                json_text(m, "from", ""), what) |
           field("notification", m, "id") | field("blob", m, "blob") |
           line("  %-13s %s%s%s since %s%s%s", "state", outcome, outcome[0] == '\0' ? "" : ", ",
                json_text(m, "state", ""), json_text(m, "since", ""), why[0] == '\0' ? "" : ": ",
                why);
}

static int print_held(const char *address, const json_t *r)
{
    return line("%s, a member of the group of %s, has its blob on the list", address,
                json_text(r, "owner", "")) |
           print_blob(json_text(r, "id", ""), r);
}

static int print_rows(const json_t *peer)
{
    static const struct {
        const char *key;
        int (*print)(const char *address, const json_t *row);
    } kind[] = {{"sent", print_sent}, {"came", print_came}, {"held", print_held}};
    const char *address = json_text(peer, "address", "");
    size_t i, rows = 0;
    const json_t *row;
    int rc = 0;
    for (size_t k = 0; k < sizeof kind / sizeof *kind; k++) {
        rows += json_array_size(json_object_get(peer, kind[k].key));
        json_array_foreach(json_object_get(peer, kind[k].key), i, row)
        {
            rc |= kind[k].print(address, row);
        }
    }
    if (rows == 0)
        rc |= line("The database of %s does not know it%s.", address,
                   " (rows that ended are forgotten after 60 days)");
    return rc;
}

int trace_print(const json_t *answer)
{
    const json_t *peers = json_object_get(answer, "peers"), *o;
    const json_t *lines = json_object_get(answer, "lines");
    size_t i, width = 0;
    int rc = 0;
    json_array_foreach(peers, i, o)
    {
        size_t n = strlen(json_text(o, "address", ""));
        width = n > width ? n : width;
        rc |= print_rows(o);
    }
    (void)putchar('\n');
    json_array_foreach(lines, i, o)
    {
        rc |=
            line("%s %-*s %s %s: %s", json_text(o, "at", ""), (int)width, json_text(o, "peer", ""),
                 json_text(o, "level", ""), json_text(o, "area", ""), json_text(o, "text", ""));
    }
    json_array_foreach(peers, i, o)
    {
        const char *begins = json_text(json_object_get(o, "log"), "begins", "");
        if (begins[0] == '\0')
            rc |= line("%s has no log in %s/log.", json_text(o, "address", ""),
                       json_text(o, "home", ""));
        else
            rc |= line("The log of %s begins at %s.", json_text(o, "address", ""), begins);
    }
    return rc;
}
