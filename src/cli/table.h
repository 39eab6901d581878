/* SPDX-License-Identifier: GPL-3.0-or-later */
/* table.h - rows of text under headings, aligned, cut to the terminal's width. */
#ifndef RESTANTE_CLI_TABLE_H
#define RESTANTE_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct table;

struct table_column {
    const char *heading;
    bool right;    /* aligned to the right */
    size_t shrink; /* when the terminal is narrow, may be cut down to so many columns; 0: never */
};

/* NULL for no columns, or more than 8. columns must live as long as the table. */
struct table *table_new(const struct table_column *columns, size_t count);
/* Adds the next cell, left to right, made safe for the terminal; NULL is an empty cell. Memory
 * shortage is remembered and reported by table_print. */
void table_cell(struct table *t, const char *text);
/* Adds a line of its own below the last row, indented, not cut. Only after a whole row. */
void table_note(struct table *t, const char *text);
size_t table_rows(const struct table *t);
/* Prints to stdout and frees. When stdout is no terminal nothing is cut. -1 without memory. */
int table_print(struct table **t);

#endif
