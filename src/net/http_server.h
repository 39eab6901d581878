/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http_server.h - what the world may fetch from a peer (design: fixed paths, nothing else):
 *   /pubkey                the identity record
 *   /outbox/<64 hex>       a blob: Range (one range), ETag, HEAD
 *   /outbox/<64 hex>/chunks   its list of chunk hashes
 *   /outbox/msglist        the message list for the peer group, with long poll (P-6.7)
 *   /receipt               POST: receipts for the owner (P-6.8); handed to the caller as octets
 * The first GET of a blob or its list leaves an empty file <64 hex>.fetched beside it, durable
 * before the first octet goes out (P-14.3).
 * Anything else, and any trick with the path, is 404 (P-6.1, P-6.2). libmicrohttpd in a thread of
 * its own. */
#ifndef RESTANTE_NET_HTTP_SERVER_H
#define RESTANTE_NET_HTTP_SERVER_H

#include "base/crypt.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_server;

struct http_server_config {
    const char *host;         /* address to bind, IPv4 or IPv6 literal ("127.0.0.1", "::") */
    uint16_t port;            /* 0 = any */
    const char *outbox_dir;   /* holds <64 hex> and <64 hex>.chunks */
    const char *replica_dir;  /* the same, for what is not in the outbox; may be NULL */
    unsigned max_connections; /* 0 = 256 */
    unsigned max_per_ip;      /* 0 = 32 */
    unsigned idle_seconds;    /* 0 = 60 */
    /* On the server's thread, just before the first octet of an answer 200 or 206 to a GET of a
     * blob goes out. May be NULL. */
    void (*on_fetch)(void *ctx, const uint8_t hash[HASH_LEN]);
    void *ctx;
};

/* NULL and e (naming the port, and that it is taken) when it cannot start. */
struct http_server *http_server_start(const struct http_server_config *c, struct error *e);
uint16_t http_server_port(const struct http_server *s);
/* What /pubkey answers from now on (copied; any thread). */
void http_server_set_pubkey(struct http_server *s, const uint8_t *p, size_t n);
/* What /outbox/msglist answers from now on, to those too who wait for it (copied; any thread). n 0:
 * nothing is there. */
void http_server_set_msglist(struct http_server *s, const uint8_t *p, size_t n);
/* A request for the blob of this number, that nobody else can know, says that an endpoint leads
 * here: from now on, has one come? (any thread) */
void http_server_meet(struct http_server *s, const uint8_t number[HASH_LEN]);
bool http_server_met(struct http_server *s);
/* Answers those whose wait is over; to be called about every second. */
void http_server_tick(struct http_server *s);

/* POST /receipt. fn is called on the server's thread, with its lock held, whenever one has come; it
 * may only wake who calls http_server_post. NULL: none is accepted (503), and fn is called no more
 * once this has returned. */
void http_server_on_post(struct http_server *s, void (*fn)(void *ctx), void *ctx);
/* The next one that has come whole: its number, and its octets in body (RECEIPTS_BODY_MAX); 0: none
 * is left. Any thread. */
uint64_t http_server_post(struct http_server *s, uint8_t *body, size_t *n_r);
/* Answers it by status, with at most RECEIPTS_BODY_MAX octets of CBOR. One that is gone, or was
 * answered 503 because this took too long, is ignored. Any thread. */
void http_server_reply(struct http_server *s, uint64_t number, unsigned status, const uint8_t *p,
                       size_t n);

/* The ETag of a message list: the hash of its octets, in quotes. */
#define MSGLIST_ETAG_LEN (HASH_HEX + 2)
void msglist_etag(const uint8_t *p, size_t n, char out[MSGLIST_ETAG_LEN + 1]);
/* Ends the connections, frees and nulls. */
void http_server_stop(struct http_server **s);

#endif
