/* SPDX-License-Identifier: GPL-3.0-or-later */
/* table.c - see table.h. */
#include "cli/table.h"
#include "base/buf.h"
#include "base/mem.h"
#include "cli/text.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COLUMNS_MAX 8
#define GAP 2
#define CELL_CAP (64u * 1024)
#define CELLS_CAP (4u * 1024 * 1024)
#define UNLIMITED SIZE_MAX
#define PIPE_WIDTH 120

struct table {
    const struct table_column *columns;
    size_t count;
    char **cells; /* rows of count texts; a note is a row whose first text begins with '\n' */
    size_t used, size;
    bool failed;
};

struct table *table_new(const struct table_column *columns, size_t count)
{
    struct table *t = count == 0 || count > COLUMNS_MAX ? NULL : mem_new(sizeof *t);
    if (t != NULL) {
        t->columns = columns;
        t->count = count;
    }
    return t;
}

static void table_add_text(struct table *t, char *text)
{
    if (t->used == t->size) {
        size_t size = t->size == 0 ? 64 : t->size * 2;
        char **grown = size > CELLS_CAP ? NULL : realloc(t->cells, size * sizeof *grown);
        if (grown == NULL) {
            t->failed = true;
            free(text);
            return;
        }
        t->cells = grown;
        t->size = size;
    }
    t->cells[t->used++] = text;
}

static void add_safe(struct table *t, const char *prefix, const char *text)
{
    struct buf b = BUF_INIT(CELL_CAP);
    if (t->failed)
        return;
    if (buf_append(&b, prefix, strlen(prefix)) < 0 ||
        text_safe(text == NULL ? "" : text, UNLIMITED, &b) < 0 || buf_str(&b) == NULL) {
        t->failed = true;
        buf_free(&b);
        return;
    }
    table_add_text(t, (char *)buf_steal(&b, NULL));
}

void table_cell(struct table *t, const char *text)
{
    add_safe(t, "", text);
}

void table_note(struct table *t, const char *text)
{
    add_safe(t, "\n", text);
    for (size_t i = 1; i < t->count && !t->failed; i++)
        add_safe(t, "", NULL);
}

size_t table_rows(const struct table *t)
{
    return t->used / t->count;
}

static size_t terminal_width(void)
{
    struct winsize w;
    if (!isatty(STDOUT_FILENO)) /* for eyes all the same: programs take --json */
        return PIPE_WIDTH;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col >= 40 ? w.ws_col : 80;
}

static void settle_widths(const struct table *t, size_t width[COLUMNS_MAX])
{
    size_t total = GAP * (t->count - 1), limit = terminal_width();
    for (size_t c = 0; c < t->count; c++) {
        width[c] = strlen(t->columns[c].heading);
        for (size_t i = c; i < t->used; i += t->count) {
            if (t->cells[i - c][0] == '\n')
                continue;
            size_t w = text_columns(t->cells[i]);
            width[c] = w > width[c] ? w : width[c];
        }
        total += width[c];
    }
    while (total > limit) { /* take from the widest that may shrink */
        size_t widest = t->count;
        for (size_t c = 0; c < t->count; c++)
            if (t->columns[c].shrink > 0 && width[c] > t->columns[c].shrink &&
                (widest == t->count || width[c] > width[widest]))
                widest = c;
        if (widest == t->count)
            return;
        width[widest]--;
        total--;
    }
}

static int print_row(const struct table *t, char *const *cells, const size_t width[COLUMNS_MAX])
{
    struct buf line = BUF_INIT(COLUMNS_MAX * CELL_CAP);
    int rc = 0;
    for (size_t c = 0; c < t->count && rc == 0; c++) {
        const char *text = cells == NULL ? t->columns[c].heading : cells[c];
        size_t w = text_columns(text);
        int pad = (int)(w < width[c] ? width[c] - w : 0);
        if (t->columns[c].right)
            rc = buf_printf(&line, "%*s", pad, "");
        if (rc == 0)
            rc = text_safe(text, width[c], &line);
        if (rc == 0 && c + 1 < t->count)
            rc = buf_printf(&line, "%*s", (t->columns[c].right ? 0 : pad) + GAP, "");
    }
    while (line.len > 0 && line.data[line.len - 1] == ' ')
        line.len--;
    const char *s = rc == 0 ? buf_str(&line) : NULL;
    if (s != NULL)
        (void)puts(s);
    buf_free(&line);
    return s == NULL ? -1 : 0;
}

int table_print(struct table **tp)
{
    struct table *t = *tp;
    size_t width[COLUMNS_MAX];
    int rc = t->failed ? -1 : 0;
    if (rc == 0) {
        settle_widths(t, width);
        rc = print_row(t, NULL, width);
    }
    for (size_t i = 0; i + t->count <= t->used && rc == 0; i += t->count) {
        if (t->cells[i][0] == '\n')
            (void)printf("    %s\n", t->cells[i] + 1);
        else
            rc = print_row(t, t->cells + i, width);
    }
    for (size_t i = 0; i < t->used; i++)
        free(t->cells[i]);
    free(t->cells);
    free(t);
    *tp = NULL;
    return rc;
}
