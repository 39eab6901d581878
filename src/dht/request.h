/* SPDX-License-Identifier: GPL-3.0-or-later */
/* request.h - what was asked of a DHT engine and not answered yet; shared by client.c and memory.c.
 * A request is answered once: request_fail(), or its own callback, then request_free(). */
#ifndef RESTANTE_DHT_REQUEST_H
#define RESTANTE_DHT_REQUEST_H

#include "base/buf.h"
#include "dht/dht.h"
#include "proto/dht_frames.h"

struct dht_request {
    uint32_t number;
    enum frame_verb verb;
    uint8_t infohash[INFOHASH_LEN]; /* of the key, to check what comes back */
    union {
        dht_done_fn *done; /* PUT, DEL */
        dht_list_fn *list;
        dht_value_fn *value;
        dht_look_fn *look;
        dht_status_fn *status;
    } fn; /* all NULL for LISTEN */
    void *ctx;
    struct buf ids; /* of a LIST, as they come */
    struct dht_request *next;
};

/* A new request. key may be NULL. */
struct dht_request *request_new(enum frame_verb verb, const char *key, void *ctx);
void request_free(struct dht_request *r);
/* Tells the caller of a request to store or delete what came of it; why NULL: it is done. */
void request_done(struct dht_request *r, const char *why);
/* Tells the caller that nothing came of it. */
void request_fail(struct dht_request *r, const char *why);

#endif
