/* SPDX-License-Identifier: GPL-3.0-or-later */
/* column.c - see column.h. */
#include "store/column.h"
#include <string.h>

int column_fixed(sqlite3_stmt *q, int i, void *out, size_t n)
{
    if ((size_t)sqlite3_column_bytes(q, i) != n)
        return -1;
    if (n > 0)
        memcpy(out, sqlite3_column_blob(q, i), n);
    return 0;
}

int column_bytes(sqlite3_stmt *q, int i, struct bytes *out)
{
    if (sqlite3_column_type(q, i) == SQLITE_NULL)
        return 0;
    const void *p = sqlite3_column_blob(q, i);
    return bytes_set(out, p == NULL ? "" : p, (size_t)sqlite3_column_bytes(q, i));
}

int column_text(sqlite3_stmt *q, int i, char *out, size_t size)
{
    const unsigned char *p = sqlite3_column_text(q, i);
    size_t n = (size_t)sqlite3_column_bytes(q, i);
    if (n >= size)
        return -1;
    if (p != NULL)
        memcpy(out, p, n);
    out[n] = '\0';
    return 0;
}
