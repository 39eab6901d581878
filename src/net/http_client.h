/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http_client.h - fetches the fixed paths from a peer's endpoint with libcurl on the libuv loop.
 * P-6.3: no redirects, cookies, netrc, or proxies of the environment; only http and https; the
 * address really connected to is checked by endpoint_allowed (net/endpoint.h). */
#ifndef RESTANTE_NET_HTTP_CLIENT_H
#define RESTANTE_NET_HTTP_CLIENT_H

#include "base/error.h"
#include "net/endpoint.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct http_client;
struct http_fetch; /* one request under way */

/* Why a peer was not even asked, and one more. why is for the first three an address: the last one
 * that was refused (P-2.7). */
enum http_unasked {
    HTTP_PRIVATE = -(int)ENDPOINT_PRIVATE,
    HTTP_LOOPBACK = -(int)ENDPOINT_LOOPBACK,
    HTTP_NEVER = -(int)ENDPOINT_NEVER,
    HTTP_MISPLACED = -11, /* asked, but the answer is not of the octets that were asked for */
    HTTP_NAMELESS = -10,  /* the endpoint's name leads to no address; why is curl's sentence */
};

struct http_client_config {
    const char *socks;        /* "host:port" of a SOCKS5 proxy for .onion, or NULL */
    unsigned connect_seconds; /* 0 = 10 */
    unsigned stall_seconds;   /* below 100 octets/s for so long ends it; 0 = 20 */
    unsigned max_parallel;    /* connections in all; 0 = 32; further ones wait */
};

struct http_fetch_config {
    const struct endpoint *endpoint;
    const struct endpoint_policy *policy; /* copied */
    const char *path;                     /* "/outbox/<hex>": built by the caller, checked again */
    uint64_t offset;    /* > 0: Range from here; of an answer that begins earlier (a proxy may
                         * answer 200) what comes before is skipped */
    uint64_t max_bytes; /* more octets of body than this end it as failed */
    /* For /outbox/msglist: an answer that does not differ from this ETag's is 304, without body,
     * and comes after at most wait_s seconds. NULL: no condition. Waiting requests do not count as
     * parallel ones. */
    const char *etag;
    unsigned wait_s;
    /* For /receipt, and for no other path: a POST of these octets of CBOR (copied). */
    const uint8_t *body;
    size_t body_len;
    /* For a source that is not the only one (0: the client's own): seconds to connect, seconds of
     * less than slowest octets/s that end it. */
    unsigned connect_seconds, stall_seconds, slowest;
    /* Body octets in order; -1 ends the request as failed. */
    int (*data)(void *ctx, const uint8_t *p, size_t n);
    /* Once, last; the request is invalid afterwards. ok: a complete answer, 200, 304, or 206,
     * handed on from offset on; whether it is long enough is for the caller to see (a server may
     * end it early without saying so). status 0: no answer; below 0: one of http_unasked. why: a
     * sentence, "" when ok. */
    void (*done)(void *ctx, bool ok, int status, const char *why);
    void *ctx;
};

struct http_client *http_client_new(uv_loop_t *loop, const struct http_client_config *c,
                                    struct error *e);
/* Starts; done() may not be called before it returns. NULL and e for a bad endpoint or path. */
struct http_fetch *http_fetch(struct http_client *c, const struct http_fetch_config *f,
                              struct error *e);
/* Stops a request; done() is not called, and data() no more. May be called from data() and done().
 */
void http_fetch_cancel(struct http_fetch *f);
/* Cancels all, frees, nulls; may be called from done(). The memory goes as the loop turns. */
void http_client_free(struct http_client **c);

#endif
