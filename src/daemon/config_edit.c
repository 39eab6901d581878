/* SPDX-License-Identifier: GPL-3.0-or-later */
/* config_edit.c - changes one setting in a config file and leaves all else as its owner wrote it.
 * Lines are told apart as inih does; whoever calls reads the outcome again before it counts. */
#include "daemon/config.h"
#include <ctype.h>
#include <string.h>

struct config_line {
    const char *text;
    size_t len; /* without its end */
};

static bool config_next_line(const char **rest, struct config_line *l)
{
    if (**rest == '\0')
        return false;
    l->text = *rest;
    l->len = strcspn(*rest, "\n");
    *rest += l->len + ((*rest)[l->len] == '\n' ? 1 : 0);
    return true;
}

static size_t blanks(const struct config_line *l)
{
    size_t n = 0;
    while (n < l->len && isspace((unsigned char)l->text[n]))
        n++;
    return n;
}

/* "[section]" */
static bool opens(const struct config_line *l, const char *section)
{
    size_t at = blanks(l), n = strlen(section);
    return l->len > at + n + 1 && l->text[at] == '[' &&
           strncmp(l->text + at + 1, section, n) == 0 && l->text[at + 1 + n] == ']';
}

static bool opens_any(const struct config_line *l)
{
    size_t at = blanks(l);
    return at < l->len && l->text[at] == '[';
}

/* "key =" or "key:"; shown: behind a ';', where a default stands. */
static bool is_key(const struct config_line *l, const char *key, bool shown)
{
    size_t at = shown ? 0 : blanks(l), n = strlen(key);
    if (shown) {
        if (l->len < 2 || l->text[0] != ';' || l->text[1] != ' ')
            return false;
        at = 2;
    } else if (at > 0) { /* a further line of the value before it */
        return false;
    }
    if (l->len < at + n || strncmp(l->text + at, key, n) != 0)
        return false;
    at += n;
    while (at < l->len && (l->text[at] == ' ' || l->text[at] == '\t'))
        at++;
    return at < l->len && (l->text[at] == '=' || l->text[at] == ':');
}

static bool goes_on(const struct config_line *l)
{
    size_t at = blanks(l);
    return at > 0 && at < l->len;
}

static int put_setting(struct buf *out, const char *key, const char *const values[], size_t count)
{
    if (count == 0)
        return 0;
    if (buf_printf(out, "%s =", key) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (buf_printf(out, "%s%s", i == 0 ? (values[i][0] == '\0' ? "" : " ") : "\n    ",
                       values[i]) < 0)
            return -1;
    return buf_append(out, "\n", 1);
}

/* Where in the section the setting goes: the line number (from 0) that it replaces, or SIZE_MAX. */
static size_t find_place(const char *text, const char *section, const char *key, bool or_shown)
{
    struct config_line l;
    bool inside = false;
    size_t shown = SIZE_MAX, i = 0;
    for (const char *rest = text; config_next_line(&rest, &l); i++) {
        if (opens_any(&l))
            inside = opens(&l, section);
        else if (inside && is_key(&l, key, false))
            return i;
        else if (inside && or_shown && shown == SIZE_MAX && is_key(&l, key, true))
            shown = i;
    }
    return shown;
}

int config_edit(struct buf *text, const char *section, const char *key, const char *const values[],
                size_t count, struct buf *out, struct error *e)
{
    const char *rest = buf_str(text);
    struct config_line l;
    int rc = rest == NULL ? -1 : 0;
    size_t place = rc < 0 ? 0 : find_place(rest, section, key, count > 0), i = 0;
    bool inside = false, done = false, dropping = false;
    for (; rc == 0 && config_next_line(&rest, &l); i++) {
        if (dropping && goes_on(&l))
            continue; /* the old value's further lines */
        dropping = false;
        if (opens_any(&l)) {
            if (inside && place == SIZE_MAX && !done) {
                rc = put_setting(out, key, values, count);
                done = true;
            }
            inside = opens(&l, section);
        } else if (i == place || (inside && done && is_key(&l, key, false))) {
            dropping = true; /* a list may stand in several lines: the first gets all */
            if (!done)
                rc = put_setting(out, key, values, count);
            done = true;
            continue;
        }
        if (rc == 0 && (buf_append(out, l.text, l.len) < 0 || buf_append(out, "\n", 1) < 0))
            rc = -1;
    }
    if (rc == 0 && !done && count > 0) {
        if (!inside)
            rc = buf_printf(out, "\n[%s]\n", section);
        if (rc == 0)
            rc = put_setting(out, key, values, count);
    }
    return rc == 0 ? 0 : error_set(e, "The configuration does not fit into memory.");
}
