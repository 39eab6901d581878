/* SPDX-License-Identifier: GPL-3.0-or-later */
/* link_http.c - the way to a peer that its descriptor names: HTTP to the endpoint, at addresses
 * that this peer is willing to connect to (P-2.7, P-6.3); see peer_link.h. */
#include "flow/peers/peer_link.h"
#include "flow/peers/reach.h"

static bool http_takes(const struct services *sv, const struct peer_request *r)
{
    return sv->http != NULL && r->endpoint != NULL;
}

static int http_begin(struct services *sv, const struct peer_request *r, struct error *e)
{
    struct endpoint_policy policy = sv->policy;
    struct http_fetch_config c = r->http;
    if (r->own)
        policy.private_all = true;
    else
        policy = reach_policy(sv, r->address, r->fpr);
    c.endpoint = r->endpoint;
    c.policy = &policy;
    return http_fetch(sv->http, &c, e) == NULL ? -1 : 0;
}

const struct peer_link link_http = {.name = "http", .takes = http_takes, .begin = http_begin};
