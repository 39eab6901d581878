/* SPDX-License-Identifier: GPL-3.0-or-later */
/* peer_link.c - the table of the ways to a peer; see peer_link.h. */
#include "flow/peers/peer_link.h"
#include "base/log.h"

#define LOG_AREA "peer_link"

extern const struct peer_link link_http;

/* The first that takes a request has it: what costs least stands first. */
static const struct peer_link *const links[] = {&link_http};

static const struct peer_link *link_for(const struct services *sv, const struct peer_request *r)
{
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        if (links[i]->takes(sv, r))
            return links[i];
    return NULL;
}

bool peer_link_takes(const struct services *sv, const struct peer_request *r)
{
    return link_for(sv, r) != NULL;
}

int peer_link_begin(struct services *sv, const struct peer_request *r, struct error *e)
{
    const struct peer_link *link = link_for(sv, r);
    if (link == NULL)
        return error_set(e, "There is no way to %s now.", r->address);
    log_trace("%s of %s by %s", r->http.path, r->address, link->name);
    return link->begin(sv, r, e);
}
