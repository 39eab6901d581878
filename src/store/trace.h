/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trace.h - the rows of one message, found by any of its ids, for `restante trace`. The database is
 * opened for reading alone, beside a running peer or without one. */
#ifndef RESTANTE_STORE_TRACE_H
#define RESTANTE_STORE_TRACE_H

#include "base/crypt.h"
#include "store/outgoing.h"
#include "store/replicas.h"

/* NULL and e: it is not there, cannot be read, or was made by another version. */
struct db *trace_open(const char *path, struct error *e);
/* Closes, frees and nulls. */
void trace_close(struct db **db);

enum trace_kind {
    TRACE_SENT = 1, /* a row of message */
    TRACE_CAME = 2, /* of incoming */
    TRACE_HELD = 3, /* of replica: held for another member of the group */
};
struct trace_row {
    enum trace_kind kind;
    int64_t n;
    char id[HASH_HEX + 1]; /* all of the id by which it was found */
};
/* The rows that have an id which begins with these lower-case hexadecimal digits: a message id, a
 * notification id or the hash of a blob. A row may be met twice. Up to max; how many. */
size_t trace_find(struct db *db, const char *hex, struct trace_row *row_r, size_t max);
/* What was sent with this Message-ID, which is its field's value with the angle brackets. */
size_t trace_find_msgid(struct db *db, const char *msgid, struct trace_row *row_r, size_t max);
/* Row numbers of a message's blobs: its body, and perhaps its head. */
size_t trace_blobs(struct db *db, int64_t message, int64_t *n_r, size_t max);

const char *trace_blob_state(enum blob_state s);
const char *trace_replica_state(enum replica_state s);

#endif
