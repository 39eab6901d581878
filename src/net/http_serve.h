/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http_serve.h - what the two halves of the HTTP server share: http_server.c has its life and its
 * thread, http_answer.c the answers. */
#ifndef RESTANTE_NET_HTTP_SERVE_H
#define RESTANTE_NET_HTTP_SERVE_H

#include "net/http_server.h"
#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>

#define HTTP_WAITING_MAX 64 /* who waits for a new message list; more are answered at once */
#define HTTP_POSTS_MAX 128  /* receipts that wait to be committed; more are answered 503 */
#define HTTP_KEPT_MAX 32    /* open connections; with more, each ends with its answer */
#define HTTP_NAME_LEN (HASH_HEX + 8) /* "<64 hex>.chunks" and NUL */

struct http_waiting { /* a request that waits for a new message list */
    struct MHD_Connection *conn;
    int64_t until_ms;
};

struct http_server {
    struct MHD_Daemon *daemon;
    int dir, replica_dir; /* -1: none */
    uint16_t port;
    void (*on_fetch)(void *ctx, const uint8_t hash[HASH_LEN]);
    void *ctx;
    pthread_mutex_t lock; /* of all that follows */
    uint8_t *pubkey, *list;
    size_t pubkey_len, list_len;
    char list_etag[MSGLIST_ETAG_LEN + 1];
    struct http_waiting waiting[HTTP_WAITING_MAX];
    size_t waiting_count;
    void (*on_post)(void *ctx);
    void *post_ctx;
    struct http_request *posts[HTTP_POSTS_MAX]; /* suspended, oldest first */
    size_t post_count;
    uint64_t last_number;
    uint8_t meet[HASH_LEN];
    bool met;
    bool stopping;
};

enum http_route { ROUTE_NONE, ROUTE_PUBKEY, ROUTE_LIST, ROUTE_BLOB, ROUTE_CHUNKS, ROUTE_RECEIPT };

struct http_request {
    enum http_route route;
    bool whole; /* a GET or HEAD that has no body: it has come to its end */
    bool waited;
    char name[HTTP_NAME_LEN]; /* of the file in the outbox folder */
    uint8_t hash[HASH_LEN];
    /* of a POST: the octets announced and come, then those of the answer */
    bool posting;
    uint8_t *body; /* RECEIPTS_BODY_MAX at most */
    size_t want, have;
    /* with the server's lock, from when it has come whole: */
    struct MHD_Connection *conn;
    uint64_t number; /* 0: not yet */
    bool taken;
    unsigned status; /* of the answer; 0: none yet */
    int64_t until_ms;
};

/* uri as it stands on the wire, with its query; *q is all zero. */
void http_find_route(const char *uri, struct http_request *q);
/* Queues the answer to a GET or HEAD, or lets the request wait. On the server's thread. */
enum MHD_Result http_answer(struct http_server *s, struct MHD_Connection *conn,
                            struct http_request *q, bool get);
/* A POST: called until it is answered, with its body piece by piece. On the server's thread. */
enum MHD_Result http_post(struct http_server *s, struct MHD_Connection *conn,
                          struct http_request *q, const char *upload, size_t *upload_len);
/* With the lock: those whose time is over by now_ms are answered 503. */
void http_posts_until(struct http_server *s, int64_t now_ms);
/* Sends and drops the response; r NULL: the connection ends. */
enum MHD_Result http_send(struct MHD_Connection *conn, unsigned status, struct MHD_Response *r);
/* Queues an answer without a body, with one header field unless name is NULL. */
enum MHD_Result http_answer_empty(struct MHD_Connection *conn, unsigned status, const char *name,
                                  const char *value);

#endif
