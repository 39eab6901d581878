/* SPDX-License-Identifier: GPL-3.0-or-later */
/* column.h - columns of a row into C values; -1 when the length is not what the code expects. */
#ifndef RESTANTE_STORE_COLUMN_H
#define RESTANTE_STORE_COLUMN_H

#include "store/store.h"
#include <sqlite3.h>

int column_fixed(sqlite3_stmt *q, int i, void *out, size_t n);
int column_bytes(sqlite3_stmt *q, int i, struct bytes *out);
/* With NUL; NULL becomes "". */
int column_text(sqlite3_stmt *q, int i, char *out, size_t size);

#endif
