/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spool.h - a session's transaction, and how its octets become m in the spool file: used by
 * submit.c (the transaction) and spool.c (the file). */
#ifndef RESTANTE_FLOW_SPOOL_H
#define RESTANTE_FLOW_SPOOL_H

#include "flow/core/services.h"
#include "flow/peers/lookup.h"
#include "flow/sender/recipients.h"
#include "flow/sender/submit.h"
#include "store/outgoing.h"
#include "net/smtp_server.h"
#include "base/jobs.h"
#include "base/file.h"

struct submission {
    struct job job;
    struct services *services;
    struct smtp_session *session; /* NULL: the client is gone */
    struct lookup *lookup;
    bool busy; /* a job, the MIME helper or the store holds it */
    char asked[ADDRESS_MAX + 1];
    struct recipients to;
    struct out_message m;
    char path[PATH_CAP];
    int fd;
    bool header_done, after_cr;
    bool sealing;          /* it is sealed while it comes (seal_stream.h) */
    uint64_t stream_asked; /* size, in STREAM_FROM, when that was asked for last */
    struct buf header;
    struct sha256 *hash;
    int code;            /* of a refusal; 0 = none */
    struct own_mail own; /* written by this peer: done is called instead of a reply */
    struct error why;
};

/* The first refusal is the one that is answered. -1. */
int submission_refuse(struct submission *s, int code, const char *text);

/* More octets from the client. -1: refused. */
int spool_data(struct submission *s, const uint8_t *p, size_t n);
/* There are no more. -1: refused. */
int spool_end(struct submission *s);
/* A foreign From is allowed: the header is made again, with Sender, and the file with it. -1:
 * refused. */
int spool_add_sender(struct submission *s);

#endif
