/* SPDX-License-Identifier: GPL-3.0-or-later */
/* endpoint.c - scheme, host and port as text and back (P-2.6). */
#include "proto/endpoint.h"
#include "proto/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* Some resolvers read "127.1", "0x7f000001" or "2130706433" as IPv4 addresses: a host whose last
 * label is a number must be a plain IPv4 literal. */
static bool looks_numeric(const char *host)
{
    const char *dot = strrchr(host, '.');
    const char *last = dot ? dot + 1 : host;
    if (last[0] == '0' && last[1] == 'x')
        return strspn(last + 2, "0123456789abcdef") == strlen(last + 2);
    return strspn(last, "0123456789") == strlen(last);
}

/* Copies the host canonically into ep. */
static int host_parse(const char *s, size_t n, bool bracketed, struct endpoint *ep)
{
    char host[HOST_MAX + 1];
    struct in_addr a4;
    struct in6_addr a6;
    if (n < 1 || n > HOST_MAX)
        return -1;
    for (size_t i = 0; i < n; i++)
        host[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] - 'A' + 'a') : s[i];
    host[n] = 0;
    if (bracketed) {
        if (inet_pton(AF_INET6, host, &a6) != 1)
            return -1;
        return inet_ntop(AF_INET6, &a6, ep->host, sizeof ep->host) ? 0 : -1;
    }
    if (looks_numeric(host)) {
        if (inet_pton(AF_INET, host, &a4) != 1)
            return -1;
        return inet_ntop(AF_INET, &a4, ep->host, sizeof ep->host) ? 0 : -1;
    }
    if (!hostname_ok(host))
        return -1;
    memcpy(ep->host, host, n + 1);
    return 0;
}

/* A decimal port without sign, space or leading zero. */
static int port_parse(const char *s, uint16_t *port_r)
{
    unsigned long v = 0;
    if (s[0] < '1' || s[0] > '9' || strlen(s) > 5)
        return -1;
    for (; *s; s++) {
        if (*s < '0' || *s > '9')
            return -1;
        v = v * 10 + (unsigned long)(*s - '0');
    }
    if (v > UINT16_MAX)
        return -1;
    *port_r = (uint16_t)v;
    return 0;
}

int endpoint_parse(const char *text, struct endpoint *ep)
{
    const char *host, *end;
    memset(ep, 0, sizeof *ep);
    if (strnlen(text, ENDPOINT_TEXT_MAX + 1) > ENDPOINT_TEXT_MAX)
        return -1;
    if (strncmp(text, "http://", 7) == 0) {
        host = text + 7;
    } else if (strncmp(text, "https://", 8) == 0) {
        host = text + 8;
        ep->tls = true;
    } else {
        return -1;
    }
    bool bracketed = host[0] == '[';
    if (bracketed)
        host++;
    end = strchr(host, bracketed ? ']' : ':');
    if (!end || host_parse(host, (size_t)(end - host), bracketed, ep) != 0)
        return -1;
    if (bracketed && *++end != ':')
        return -1;
    return port_parse(end + 1, &ep->port);
}

void endpoint_format(const struct endpoint *ep, char *out, size_t size)
{
    bool v6 = strchr(ep->host, ':') != NULL;
    snprintf(out, size, "%s://%s%s%s:%u", ep->tls ? "https" : "http", v6 ? "[" : "", ep->host,
             v6 ? "]" : "", (unsigned)ep->port);
}

bool endpoint_is_onion(const struct endpoint *ep)
{
    static const char suffix[] = ".onion";
    size_t n = strlen(ep->host), s = sizeof suffix - 1;
    return n > s && memcmp(ep->host + n - s, suffix, s) == 0;
}
