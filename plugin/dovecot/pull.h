/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pull.h - one FETCH's questions to the daemon: which stubs, and what became of each (P-7.4,
 * P-7.5, P-7.7). Knows Dovecot's event loop, but nothing of IMAP. */
#ifndef RESTANTE_PULL_H
#define RESTANTE_PULL_H

#include "lib.h"

struct pull;

struct pull_request {
    bool peek;          /* \Seen is not to be set */
    bool partial;       /* every body item asks for a range of octets */
    uint64_t octets;    /* so many in all */
    const char *part;   /* what the client wants: "whole", "text" or "part" */
    const char *client; /* one word from IMAP ID, or "-" */
};

/* done is called once, from the event loop, when every id is answered, the daemon is gone or the
 * time is over; it must call pull_free (at once or later). alive is called every 15 s before. */
typedef void pull_callback(void *context);

struct pull *pull_new(const struct pull_request *request);
/* Adds the stub of one message; the same id may be added for several messages. */
void pull_add(struct pull *p, const char *id_hex, uint32_t message);
unsigned int pull_count(const struct pull *p);
/* Asks, for a FETCH of so many messages. -1: no daemon; done will not be called. */
int pull_start(struct pull *p, unsigned int messages, pull_callback *done, pull_callback *alive,
               void *context);
/* Calls missing for each message whose stub was not filled, as far as the daemon said; skipped: it
 * said that the client is not to be told of it. */
void pull_missing(const struct pull *p,
                  void (*missing)(void *context, uint32_t message, bool skipped), void *context);
/* The first reason for a failure, clean for an IMAP reply. Lives as long as p. */
const char *pull_error(const struct pull *p);
void pull_free(struct pull **p);

#endif
