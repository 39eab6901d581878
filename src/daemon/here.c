/* SPDX-License-Identifier: GPL-3.0-or-later */
/* here.c - see here.h. A message of netlink's only says that it is time to look. */
#include "daemon/here.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/names.h"
#include "flow/peers/presence.h"
#include "flow/core/timer.h"
#include "flow/core/events.h"
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOG_AREA "daemon"
#define SETTLE_MS 1000

struct here {
    struct service *service;
    uv_poll_t poll; /* first closed, then all is freed */
    uv_timer_t *timer;
    int fd;
};

struct places {
    struct endpoint at[ENDPOINTS_MAX];
    size_t count;
};

static void here_add(struct places *p, const struct endpoint *ep)
{
    char a[ENDPOINT_TEXT_MAX + 1], b[ENDPOINT_TEXT_MAX + 1];
    endpoint_format(ep, a, sizeof a);
    for (size_t i = 0; i < p->count; i++) {
        endpoint_format(&p->at[i], b, sizeof b);
        if (strcmp(a, b) == 0)
            return;
    }
    if (p->count < ENDPOINTS_MAX)
        p->at[p->count++] = *ep;
}

static bool literal(const char *host, struct sockaddr_storage *ss)
{
    *ss = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, host, &((struct sockaddr_in *)ss)->sin_addr) == 1)
        ss->ss_family = AF_INET;
    else if (inet_pton(AF_INET6, host, &((struct sockaddr_in6 *)ss)->sin6_addr) == 1)
        ss->ss_family = AF_INET6;
    return ss->ss_family != 0;
}

/* An endpoint at a private address that this computer has lost: where it is now comes first. */
static void follow(struct places *p, const struct endpoint *ep, const uv_interface_address_t *a,
                   int n)
{
    struct endpoint_policy strict = {0}, open = {.private_all = true};
    struct sockaddr_storage ss;
    char host[INET6_ADDRSTRLEN];
    if (!literal(ep->host, &ss) ||
        endpoint_judge((struct sockaddr *)&ss, &strict) != ENDPOINT_PRIVATE)
        return;
    for (int i = 0; i < n; i++) {
        const struct sockaddr *sa = (const struct sockaddr *)&a[i].address;
        if (sa->sa_family == ss.ss_family && uv_ip_name(sa, host, sizeof host) == 0 &&
            strcmp(host, ep->host) == 0)
            return; /* it is here */
    }
    for (int i = 0; i < n; i++) {
        const struct sockaddr *sa = (const struct sockaddr *)&a[i].address;
        struct endpoint now = *ep;
        if (a[i].is_internal || sa->sa_family != ss.ss_family ||
            endpoint_judge(sa, &open) != ENDPOINT_ALLOWED || uv_ip_name(sa, host, sizeof host) != 0)
            continue;
        (void)snprintf(now.host, sizeof now.host, "%s", host);
        here_add(p, &now);
    }
}

static int places_now(const struct service *s, struct places *p, struct error *e)
{
    const struct config_list *list = &s->config.endpoints;
    uv_interface_address_t *a = NULL;
    int n = 0, rc = 0;
    if (uv_interface_addresses(&a, &n) != 0)
        n = 0;
    for (size_t i = 0; i < list->count && rc == 0; i++) {
        struct endpoint ep;
        if (endpoint_parse(list->item[i], &ep) < 0) {
            rc = error_set(e, "The endpoint \"%s\" is not of the form http://host:port.",
                           list->item[i]);
            break;
        }
        follow(p, &ep, a, n);
        here_add(p, &ep);
    }
    if (n > 0)
        uv_free_interface_addresses(a, n);
    return rc;
}

static void here_take(struct service *s, const struct places *p)
{
    struct services *sv = &s->services;
    size_t own = 0;
    memcpy(s->endpoints, p->at, sizeof s->endpoints);
    sv->c.endpoints = s->endpoints;
    sv->c.endpoint_count = p->count;
    sv->policy.loopback = false;
    for (size_t i = 0; i < p->count; i++) {
        struct sockaddr *sa = (struct sockaddr *)&s->own[own];
        struct endpoint_policy strict = {0};
        if (literal(p->at[i].host, &s->own[own])) {
            sv->policy.loopback |= endpoint_judge(sa, &strict) == ENDPOINT_LOOPBACK;
            own++;
        } else if (strcmp(p->at[i].host, "localhost") == 0) {
            sv->policy.loopback = true;
        }
    }
    sv->policy.own = s->own;
    sv->policy.own_count = own;
    sv->policy.private_all = s->config.private_addresses;
}

int here_set(struct service *s, struct error *e)
{
    struct places p = {.count = 0};
    if (places_now(s, &p, e) < 0)
        return -1;
    here_take(s, &p);
    return 0;
}

static void here_look(uv_timer_t *t)
{
    struct here *h = t->data;
    struct service *s = h->service;
    struct places p = {.count = 0}, was = {.count = s->services.c.endpoint_count};
    struct error e;
    char url[ENDPOINT_TEXT_MAX + 1];
    memcpy(was.at, s->endpoints, sizeof was.at);
    if (places_now(s, &p, &e) < 0)
        return;
    bool same = p.count == was.count;
    for (size_t i = 0; i < p.count && same; i++) /* order counts, and all of was fits */
        same = strcmp(p.at[i].host, was.at[i].host) == 0 && p.at[i].port == was.at[i].port;
    if (same)
        return;
    names_stop(s);
    here_take(s, &p);
    names_start(s);
    endpoint_format(&s->endpoints[0], url, sizeof url);
    log_info("this computer's addresses changed: %s is announced now", url);
    event_raise(&s->services, EVENT_ADDRESS_CHANGED);
}

static void on_news(uv_poll_t *poll, int status, int events)
{
    struct here *h = poll->data;
    char piece[8192];
    while (recv(h->fd, piece, sizeof piece, MSG_DONTWAIT) > 0)
        ;
    (void)uv_timer_start(h->timer, here_look, SETTLE_MS, 0);
}

static void here_on_closed(uv_handle_t *handle)
{
    struct here *h = handle->data;
    (void)close(h->fd);
    free(h);
}

void here_start(struct service *s)
{
    struct sockaddr_nl nl = {.nl_family = AF_NETLINK,
                             .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
    struct here *h = mem_new(sizeof *h);
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (fd < 0 || bind(fd, (struct sockaddr *)&nl, sizeof nl) < 0 ||
        (h->timer = timer_new(&s->services, h)) == NULL ||
        uv_poll_init(s->loop, &h->poll, fd) < 0) {
        log_warn("changes of this computer's addresses are not noticed until a restart");
        timer_free(&h->timer);
        if (fd >= 0)
            (void)close(fd);
        free(h);
        return;
    }
    h->service = s;
    h->fd = fd;
    h->poll.data = h;
    (void)uv_poll_start(&h->poll, UV_READABLE, on_news);
    s->here = h;
}

void here_stop(struct service *s)
{
    struct here *h = s->here;
    if (h == NULL)
        return;
    s->here = NULL;
    timer_free(&h->timer);
    uv_close((uv_handle_t *)&h->poll, here_on_closed);
}
