/* SPDX-License-Identifier: GPL-3.0-or-later */
/* endpoint.h - where a peer can be reached, and which addresses we are willing to connect to.
 * Descriptors come from strangers: without these rules a peer could be used to reach into its
 * owner's own network. */
#ifndef RESTANTE_NET_ENDPOINT_H
#define RESTANTE_NET_ENDPOINT_H

#include "base/error.h"
#include "proto/endpoint.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct endpoint_policy {
    bool loopback;    /* this peer itself announces loopback */
    bool private_all; /* the owner is pinned or vouched, or the configuration says so */
    /* Addresses this peer announces: private ones in the same prefix (IPv4 /24, IPv6 /64) are
     * allowed. Copied by users. */
    const struct sockaddr_storage *own;
    size_t own_count;
};

enum endpoint_verdict {
    ENDPOINT_ALLOWED,
    ENDPOINT_PRIVATE,  /* in a private network, and nothing above allows it */
    ENDPOINT_LOOPBACK, /* of the computer itself */
    ENDPOINT_NEVER,    /* unspecified, broadcast, multicast, link-local, reserved, or no IP */
};

/* May we connect to this address (P-2.7)? Unwraps IPv4-mapped and NAT64 (64:ff9b::/96) forms. */
enum endpoint_verdict endpoint_judge(const struct sockaddr *sa, const struct endpoint_policy *p);
/* Is it allowed? why_r (optional) gets a static sentence for the log, or NULL. */
bool endpoint_allowed(const struct sockaddr *sa, const struct endpoint_policy *p,
                      const char **why_r);

#endif
