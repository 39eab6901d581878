/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trace.h - what the files of `restante trace` share: one message's rows and log lines at one peer
 * or at several. Ids are held by their first digits, as log lines have them
 * (store/about.h). */
#ifndef RESTANTE_CLI_TRACE_H
#define RESTANTE_CLI_TRACE_H

#include "base/error.h"
#include "base/file.h"
#include "proto/address.h"
#include "store/about.h"
#include "store/trace.h"
#include <jansson.h>

/* A home and what it says of the message. */
struct trace_peer {
    char home[PATH_CAP], address[ADDRESS_MAX + 1];
    struct db *db;
    json_t *seen;               /* rows that were taken, "kind:n": true */
    json_t *sent, *came, *held; /* its rows, each {"id": ..., ...} */
    json_t *log;                /* {"begins": time or null} */
};

/* Ids that belong to the message: {"first 16 digits": true}. */
void trace_id_add(json_t *ids, const char *hex);

/* Adds a row to the peer, unless it is there, and its ids to ids. -1 and e: it cannot be read. */
int trace_row_take(struct trace_peer *p, const struct trace_row *row, json_t *ids, struct error *e);

/* Reads the peer's log, log/restanted.log.1 first where there is one, for lines with one of these
 * ids, and appends to lines {"at", "peer", "level", "area", "text"}. -1 and e: it cannot be read.
 */
int trace_log_lines(struct trace_peer *p, const json_t *ids, json_t *lines, struct error *e);
/* Adds the first id of each line that has this text: a Message-ID. */
int trace_log_msgid(const struct trace_peer *p, const char *msgid, json_t *ids, struct error *e);
/* Adds every id of the log that begins with these digits. */
int trace_log_ids(const struct trace_peer *p, const char *hex, json_t *ids, struct error *e);

/* 0, or -1 without memory. */
int trace_print(const json_t *answer);

#endif
