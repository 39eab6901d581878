/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trace_log.c - a peer's log, read for `restante trace`. A line is "TIME level area: text"; an id
 * in it is any run of at least 16 hexadecimal digits. */
#include "cli/trace.h"
#include "base/log.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789abcdef"

/* The next run of hexadecimal digits from s on that is long enough for an id, or NULL. */
static const char *next_id(const char *s)
{
    while (*s != '\0') {
        size_t n = strspn(s, DIGITS);
        if (n >= ABOUT_DIGITS)
            return s;
        s += n == 0 ? 1 : n;
    }
    return NULL;
}

void trace_id_add(json_t *ids, const char *hex)
{
    char id[ABOUT_DIGITS + 1];
    (void)snprintf(id, sizeof id, "%.*s", ABOUT_DIGITS, hex);
    (void)json_object_set_new(ids, id, json_true());
}

static bool has_one_of(const char *line, const json_t *ids)
{
    char id[ABOUT_DIGITS + 1];
    for (const char *s = next_id(line); s != NULL; s = next_id(s + strspn(s, DIGITS))) {
        (void)snprintf(id, sizeof id, "%.*s", ABOUT_DIGITS, s);
        if (json_object_get(ids, id) != NULL)
            return true;
    }
    return false;
}

typedef void line_fn(void *ctx, char *line);

/* Calls fn with each line of a log. A log that is not there has none: 0. */
static int read_one(const char *home, const char *name, line_fn *fn, void *ctx, struct error *e)
{
    char path[PATH_CAP];
    if (path_join(path, home, name, e) < 0)
        return -1;
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return errno == ENOENT ? 0 : error_set(e, "Cannot read %s: %s.", path, strerror(errno));
    char *line = NULL;
    size_t size = 0;
    for (ssize_t n = getline(&line, &size, f); n >= 0; n = getline(&line, &size, f)) {
        line[strcspn(line, "\n")] = '\0';
        fn(ctx, line);
    }
    int rc = ferror(f) ? error_set(e, "Cannot read %s: %s.", path, strerror(errno)) : 0;
    free(line);
    (void)fclose(f);
    return rc;
}

static int read_log(const struct trace_peer *p, line_fn *fn, void *ctx, struct error *e)
{
    return read_one(p->home, "log/restanted.log.1", fn, ctx, e) < 0
               ? -1
               : read_one(p->home, "log/restanted.log", fn, ctx, e);
}

/* ---- the lines of a message */

struct picking {
    struct trace_peer *peer;
    const json_t *ids;
    json_t *lines;
};

static void pick_line(void *ctx, char *line)
{
    struct picking *p = ctx;
    char *level = strchr(line, ' '), *area = level == NULL ? NULL : strchr(level + 1, ' ');
    char *text = area == NULL ? NULL : strstr(area + 1, ": ");
    if (text == NULL || !isdigit((unsigned char)line[0]))
        return;
    *level++ = *area++ = *text = '\0';
    text += 2;
    if (json_is_null(json_object_get(p->peer->log, "begins")))
        (void)json_object_set_new(p->peer->log, "begins", json_string(line));
    if (!has_one_of(text, p->ids))
        return;
    json_t *shown = json_string(text); /* NULL: no UTF-8 */
    if (shown == NULL) {
        for (char *c = text; *c != '\0'; c++)
            if ((unsigned char)*c >= 0x80)
                *c = '?';
        shown = json_string(text);
    }
    (void)json_array_append_new(p->lines, json_pack("{s:s,s:s,s:s,s:s,s:o}", "at", line, "peer",
                                                    p->peer->address, "level", level, "area", area,
                                                    "text", shown));
}

int trace_log_lines(struct trace_peer *p, const json_t *ids, json_t *lines, struct error *e)
{
    struct picking picking = {p, ids, lines};
    return read_log(p, pick_line, &picking, e);
}

/* ---- ids that only the log knows */

struct seeking {
    const char *text;
    json_t *ids;
};

static void seek_msgid(void *ctx, char *line)
{
    const struct seeking *s = ctx;
    const char *id = strstr(line, s->text) == NULL ? NULL : next_id(line);
    if (id != NULL)
        trace_id_add(s->ids, id);
}

static void seek_ids(void *ctx, char *line)
{
    const struct seeking *s = ctx;
    for (const char *id = next_id(line); id != NULL; id = next_id(id + strspn(id, DIGITS)))
        if (strncmp(id, s->text, strlen(s->text)) == 0)
            trace_id_add(s->ids, id);
}

int trace_log_msgid(const struct trace_peer *p, const char *msgid, json_t *ids, struct error *e)
{
    struct seeking s = {msgid, ids};
    return read_log(p, seek_msgid, &s, e);
}

int trace_log_ids(const struct trace_peer *p, const char *hex, json_t *ids, struct error *e)
{
    char digits[ABOUT_DIGITS + 1]; /* what a line has of an id */
    (void)snprintf(digits, sizeof digits, "%s", hex);
    struct seeking s = {digits, ids};
    return read_log(p, seek_ids, &s, e);
}
