/* SPDX-License-Identifier: GPL-3.0-or-later */
/* endpoint.h - scheme, host and port; nothing else may stand in one. */
#ifndef RESTANTE_PROTO_ENDPOINT_H
#define RESTANTE_PROTO_ENDPOINT_H

#include "proto/limits.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct endpoint {
    bool tls;                /* https */
    char host[HOST_MAX + 1]; /* DNS name, IPv4 literal, or IPv6 literal without brackets */
    uint16_t port;           /* 1.. */
};

/* "http://host:port" or "https://host:port" with IPv6 in brackets; port required; no path, query,
 * fragment, user or zone. The host may be upper-case and is lower-cased; something that resolvers
 * take for an IPv4 address without being four decimal numbers is refused. Accepts at most
 * ENDPOINT_TEXT_MAX octets. 0, or -1 and *ep undefined. (P-2.6) */
#define ENDPOINT_TEXT_MAX (HOST_MAX + 23)
int endpoint_parse(const char *text, struct endpoint *ep);
/* The canonical text again; size must be at least ENDPOINT_TEXT_MAX + 1. */
void endpoint_format(const struct endpoint *ep, char *out, size_t size);
bool endpoint_is_onion(const struct endpoint *ep);

#endif
