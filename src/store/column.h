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

/* Receivers whose end the user wants to be told of: expired or failed, or, if asked for, pulled.
 * The same words stand in the index receiver_tell. */
#define RCV_REPORTED                                                                               \
    "((state IN (8/*RCV_EXPIRED*/,9/*RCV_FAILED*/) AND notify&2/*NOTIFY_FAILURE*/) OR"             \
    " (state=5/*RCV_PULLED*/ AND notify&1/*NOTIFY_SUCCESS*/))"

/* The key that signed a row of incoming: its own, or, where that is empty, the signer's. */
#define IN_PUBKEY                                                                                  \
    "CASE length(incoming.pubkey) WHEN 0 THEN (SELECT s.pubkey FROM signer s WHERE"                \
    " s.fpr=incoming.fpr) ELSE incoming.pubkey END"

#endif
