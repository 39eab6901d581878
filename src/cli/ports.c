/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ports.c - see ports.h. A port is tried by binding to it: another program can still take it before
 * the peer starts, and is then named by the daemon. */
#include "cli/ports.h"
#include "net/endpoint.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PICK_TRIES 1000

/* address literal and port; -1 when it is none. */
static int make_address(const char *literal, uint16_t port, struct sockaddr_storage *ss,
                        socklen_t *len)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)ss;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ss;
    memset(ss, 0, sizeof *ss);
    if (inet_pton(AF_INET, literal, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *len = sizeof *v4;
        return 0;
    }
    if (inet_pton(AF_INET6, literal, &v6->sin6_addr) != 1)
        return -1;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    *len = sizeof *v6;
    return 0;
}

/* 0, or the errno that binding gives. An address family that this machine does not have is no
 * obstacle where it is optional. */
static int try_bind(const char *literal, uint16_t port, int type, bool optional)
{
    struct sockaddr_storage ss;
    socklen_t len;
    int one = 1, why = 0;
    if (make_address(literal, port, &ss, &len) < 0)
        return EINVAL;
    int fd = socket(ss.ss_family, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return optional ? 0 : errno;
    if (ss.ss_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (type == SOCK_STREAM) /* what earlier connections left does not count */
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (const struct sockaddr *)&ss, len) < 0 ||
        (type == SOCK_STREAM && listen(fd, 1) < 0))
        why = errno;
    (void)close(fd);
    return optional && why == EADDRNOTAVAIL ? 0 : why;
}

enum port_service { SERVICE_IMAP, SERVICE_SUBMISSION, SERVICE_HTTP, SERVICE_DHT, SERVICES };

static int try_service(const struct config *c, enum port_service s, uint16_t port)
{
    int why;
    switch (s) {
    case SERVICE_HTTP:
        return try_bind(c->http_bind, port, SOCK_STREAM, false);
    case SERVICE_DHT:
        why = try_bind(c->dht_bind[0] == '\0' ? "0.0.0.0" : c->dht_bind, port, SOCK_DGRAM, false);
        if (why == 0 && strcmp(c->dht_bind6, "none") != 0)
            why = try_bind(c->dht_bind6[0] == '\0' ? "::" : c->dht_bind6, port, SOCK_DGRAM,
                           c->dht_bind6[0] == '\0');
        return why;
    default: /* Dovecot listens on both loopback addresses */
        why = try_bind("127.0.0.1", port, SOCK_STREAM, false);
        return why != 0 ? why : try_bind("::1", port, SOCK_STREAM, true);
    }
}

/* Where the search begins: what a configuration means that names no port (daemon/config.c), so that
 * people can tell each other a port before they have seen it. */
static uint16_t usual_port(const struct config *presets, enum port_service s)
{
    const uint16_t usual[SERVICES] = {presets->imap_port, presets->submission_port,
                                      presets->http_port, presets->dht_port};
    return usual[s];
}

static int pick(const struct config *c, enum port_service s, uint16_t *const ports[SERVICES],
                struct error *e)
{
    struct config presets;
    config_defaults(&presets);
    int why = 0;
    for (uint16_t i = 0; i < PICK_TRIES; i++) {
        uint16_t port = (uint16_t)(usual_port(&presets, s) + i);
        bool used = false;
        for (size_t k = 0; k < SERVICES; k++)
            used = used || *ports[k] == port;
        why = used ? EADDRINUSE : try_service(c, s, port);
        if (why == 0) {
            *ports[s] = port;
            return 0;
        }
        if (why != EADDRINUSE && why != EACCES)
            break;
    }
    return error_set(e, "Cannot find a free port: %s.", strerror(why));
}

int ports_settle(struct config *c, struct error *e)
{
    static const struct {
        const char *name, *key, *option;
    } services[SERVICES] = {{"IMAP", "imap_port", "--imap-port"},
                            {"submission", "submission_port", "--submission-port"},
                            {"the outbox (HTTP)", "http_port", "--http-port"},
                            {"the DHT node (UDP)", "dht_port", "--dht-port"}};
    uint16_t *const ports[SERVICES] = {&c->imap_port, &c->submission_port, &c->http_port,
                                       &c->dht_port};
    for (size_t s = 0; s < SERVICES; s++) {
        int why = *ports[s] == 0 ? 0 : try_service(c, (enum port_service)s, *ports[s]);
        if (why == EADDRINUSE)
            return error_set(e,
                             "Port %u for %s is taken by another program; choose another with "
                             "%s, or leave it out and a free one is chosen.",
                             *ports[s], services[s].name, services[s].option);
        if (why != 0)
            return error_set(e, "Port %u for %s cannot be used: %s.", *ports[s], services[s].name,
                             strerror(why));
        for (size_t k = 0; k < s && *ports[s] != 0; k++)
            if (*ports[k] == *ports[s] && s != SERVICE_DHT) /* UDP beside TCP is no clash */
                return error_set(e, "Port %u is given to both %s and %s; they must differ.",
                                 *ports[s], services[k].name, services[s].name);
    }
    for (size_t s = 0; s < SERVICES; s++)
        if (*ports[s] == 0 && pick(c, (enum port_service)s, ports, e) < 0)
            return -1;
    return 0;
}

/* The address from which this machine would reach a far one: connecting a UDP socket sends nothing.
 * The far ones are set aside for documentation (RFC 5737, RFC 3849). */
static int own_address(bool v6, char out[INET6_ADDRSTRLEN])
{
    struct sockaddr_storage ss;
    socklen_t len;
    if (make_address(v6 ? "2001:db8::1" : "192.0.2.1", 9, &ss, &len) < 0)
        return -1;
    int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    len = sizeof ss;
    int rc = connect(fd, (const struct sockaddr *)&ss,
                     v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
    if (rc == 0)
        rc = getsockname(fd, (struct sockaddr *)&ss, &len);
    (void)close(fd);
    const void *a = v6 ? (const void *)&((struct sockaddr_in6 *)&ss)->sin6_addr
                       : (const void *)&((struct sockaddr_in *)&ss)->sin_addr;
    return rc == 0 && inet_ntop(ss.ss_family, a, out, INET6_ADDRSTRLEN) != NULL ? 0 : -1;
}

int ports_endpoint(struct config *c, bool *guessed, struct error *e)
{
    char host[INET6_ADDRSTRLEN], url[INET6_ADDRSTRLEN + 24];
    *guessed = false;
    if (c->endpoints.count > 0)
        return 0;
    bool all4 = strcmp(c->http_bind, "0.0.0.0") == 0, all6 = strcmp(c->http_bind, "::") == 0;
    (void)snprintf(host, sizeof host, "%.45s", c->http_bind);
    if (all4 || all6) {
        *guessed = true;
        if (own_address(false, host) < 0 && (all4 || own_address(true, host) < 0))
            (void)snprintf(host, sizeof host, all4 ? "127.0.0.1" : "::1");
    }
    bool v6 = strchr(host, ':') != NULL;
    (void)snprintf(url, sizeof url, v6 ? "http://[%s]:%u" : "http://%s:%u", host, c->http_port);
    return config_set(c, "network", "endpoints", url, e);
}

bool ports_unusual(const struct config *c)
{
    struct config presets;
    config_defaults(&presets);
    return c->http_port != presets.http_port || c->dht_port != presets.dht_port;
}

bool ports_own(const char *literal)
{
    return try_bind(literal, 0, SOCK_DGRAM, false) == 0;
}

/* The host of the first endpoint: at the same place others find the DHT node. */
static void public_host(const struct config *c, char host[256])
{
    struct endpoint ep;
    host[0] = '\0';
    if (c->endpoints.count > 0 && endpoint_parse(c->endpoints.item[0], &ep) == 0 &&
        !endpoint_is_onion(&ep))
        (void)snprintf(host, 256, strchr(ep.host, ':') != NULL ? "[%s]" : "%s", ep.host);
}

bool ports_public(const struct config *c, char host[256])
{
    static const struct endpoint_policy nothing = {0};
    struct sockaddr_storage ss;
    socklen_t len;
    struct endpoint ep;
    host[0] = '\0';
    if (c->endpoints.count == 0 || endpoint_parse(c->endpoints.item[0], &ep) < 0)
        return false;
    (void)snprintf(host, 256, "%s", ep.host);
    return make_address(ep.host, ep.port, &ss, &len) < 0 || /* a name: its owner knows */
           endpoint_allowed((const struct sockaddr *)&ss, &nothing, NULL);
}

void ports_print(const struct config *c)
{
    char host[256];
    public_host(c, host);
    (void)printf("Others must reach this computer at (let a firewall pass it, a router forward "
                 "it):\n\n"
                 "  TCP port %-5u  the outbox\n",
                 c->http_port);
    if (c->dht_socket[0] == '\0')
        (void)printf("  UDP port %-5u  the DHT node\n", c->dht_port);
    if (ports_unusual(c))
        (void)printf("\nThese are not the usual ports: those were in use, perhaps by another "
                     "person's peer,\nor others were asked for.\n");
    if (host[0] == '\0' || c->dht_socket[0] != '\0')
        return;
    (void)printf("\nTo join this network, others run this with their own name:\n\n"
                 "  restante setup NAME@%s --bootstrap %s:%u",
                 address_group(c->address), host, c->dht_port);
    if (c->network != 1)
        (void)printf(" --network %u", c->network);
    (void)putchar('\n');
}
