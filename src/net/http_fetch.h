/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http_fetch.h - one request of the HTTP client, as its two files share it: http_fetch.c knows what
 * a request asks and which answers count, http_client.c moves the sockets. Private to them. */
#ifndef RESTANTE_NET_HTTP_FETCH_H
#define RESTANTE_NET_HTTP_FETCH_H

#include "net/http_client.h"
#include <curl/curl.h>
#include <netinet/in.h>

struct http_fetch {
    struct http_client *client;
    struct http_fetch *prev, *next; /* in the client's list */
    CURL *easy;
    struct curl_slist *headers;
    struct http_fetch_config config; /* its pointers to endpoint, policy and path are not used */
    struct endpoint_policy policy;
    struct sockaddr_storage *own; /* what policy.own points to */
    bool onion;
    bool running;   /* added to the multi handle */
    bool cancelled; /* to be destroyed as soon as libcurl has returned */
    bool judged, good, ranged, misplaced;
    bool tried;                    /* an address was allowed */
    enum endpoint_verdict refused; /* of the last address that was not */
    char refused_ip[INET6_ADDRSTRLEN];
    uint64_t range_first; /* of Content-Range */
    uint64_t skip;        /* octets of the body still to be thrown away */
    size_t header_octets;
    uint64_t octets; /* of the body */
    char why[200];   /* the first reason of our own to end it */
    char curl_why[CURL_ERROR_SIZE];
};

/* A request ready to be added, not yet in any list; NULL and e when endpoint or path are not good.
 */
struct http_fetch *fetch_new(const struct http_fetch_config *f, const struct http_client_config *c,
                             struct error *e);
/* Frees; after curl_multi_remove_handle. */
void fetch_free(struct http_fetch *f);
/* Calls done() with the outcome of a transfer that ended with this result. */
void fetch_report(struct http_fetch *f, CURLcode result);

#endif
