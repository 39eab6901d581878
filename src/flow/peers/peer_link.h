/* SPDX-License-Identifier: GPL-3.0-or-later */
/* peer_link.h - the ways to a peer. Whoever asks one for something (a blob, a chunk list, a message
 * list, receipts) says whom and what; which way the request takes is decided here, by the first
 * struct peer_link of the table in peer_link.c that takes it. A way is one file that exports one
 * such struct; all of them carry the requests of P-6.1 and their answers. */
#ifndef RESTANTE_FLOW_PEER_LINK_H
#define RESTANTE_FLOW_PEER_LINK_H

#include "flow/core/services.h"
#include "net/http_client.h"

struct peer_request {
    /* Whom: only a connection to the holder of this key, or to where its descriptor says, will do;
     * both are borrowed until peer_link_begin returns. */
    const char *address;
    const uint8_t *fpr;
    /* One of the places that its descriptor names, borrowed likewise; NULL: wherever it can be had
     * without one. */
    const struct endpoint *endpoint;
    bool own; /* this peer's own key has signed it: private addresses are connected to */
    /* What is asked for, and who hears of the answer (http.data, http.done); endpoint and policy
     * are the way's to fill. */
    struct http_fetch_config http;
};

struct peer_link {
    const char *name; /* for the log */
    /* Can this way be tried for it now? */
    bool (*takes)(const struct services *sv, const struct peer_request *r);
    /* Tries it: http.done is called once, later. -1: it will not be, and e says why. */
    int (*begin)(struct services *sv, const struct peer_request *r, struct error *e);
};

/* Is there a way for it now? */
bool peer_link_takes(const struct services *sv, const struct peer_request *r);
/* Asks. http.done is called once, never before this returns; as http_fetch_config has it, whatever
 * the way: status is HTTP's, 0 without an answer, or below 0 one of http_unasked. -1: there is no
 * way, or a bad endpoint or path; done is not called, and e says why. */
int peer_link_begin(struct services *sv, const struct peer_request *r, struct error *e);

#endif
