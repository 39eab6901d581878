/* SPDX-License-Identifier: GPL-3.0-or-later */
/* header.h - from the header a client submitted to the header of m (P-5.1): without the first
 * Received field (the submission service's own) and without Bcc, with Date and Message-ID, and with
 * Sender where a foreign From is allowed. Everything else stays to the octet. */
#ifndef RESTANTE_FLOW_HEADER_H
#define RESTANTE_FLOW_HEADER_H

#include "base/buf.h"
#include "proto/records.h"
#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>

struct header_rules {
    const char *domain; /* for a new Message-ID */
    int64_t now_ms;     /* for a new Date */
    const char *sender; /* non-NULL: exactly one Sender field with this address */
};

#define TRACE_MAX 2048
struct trace_fields { /* of the receiver's peer, on top of a message (P-10.13) */
    const char *sender, *own, *id;
    const uint8_t *fpr;       /* the signer's */
    const char *trust, *from; /* from: whose address a client displays: signer, relay or foreign */
    int64_t when_ms;
};
int header_trace(const struct trace_fields *t, struct buf *out);

/* in: whole header with its empty line, CRLF. out gets m's header. -1 and a sentence when it is
 * larger than out may become, or begins with white space. */
int header_make(const uint8_t *in, size_t n, const struct header_rules *rules, struct buf *out,
                struct error *e);
/* The value of the first field with this name ("message-id"), unfolded, without outer white space,
 * cut at max octets, between words if there are several; controls become spaces. 0, or -1 when
 * there is none. */
int header_value(const uint8_t *header, size_t n, const char *name, size_t max, struct buf *out);
/* The same of the field number `which` of this name, from 0. */
int header_value_at(const uint8_t *header, size_t n, const char *name, unsigned which, size_t max,
                    struct buf *out);
/* Appends the first field of this name as it stands, with its line ends. 1: there is none; -1: out
 * is full. */
int header_field(const uint8_t *header, size_t n, const char *name, struct buf *out);
/* How many fields of this name there are. */
unsigned header_count(const uint8_t *header, size_t n, const char *name);

#endif
