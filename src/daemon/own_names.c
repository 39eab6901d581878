/* SPDX-License-Identifier: GPL-3.0-or-later */
/* own_names.c - see own_names.h. getaddrinfo_a(3) and not libuv's look-up: a name server that does
 * not answer would keep the loop from ending. */
#include "daemon/own_names.h"
#include "base/log.h"
#include "flow/timer.h"
#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "daemon"
#define LOOK_MS 200
#define AGAIN_MS 300000
#define SOON_MS 15000 /* after a failure */

struct own_names {
    struct service *service;
    uv_timer_t *timer;
    struct gaicb request[ENDPOINTS_MAX], *list[ENDPOINTS_MAX];
    size_t count, literal; /* names; addresses of s->own that need no look-up */
    bool asked, told[ENDPOINTS_MAX];
};

static void on_timer(uv_timer_t *t);

/* The addresses of this round, in place of the last one's. */
static bool take(struct own_names *o)
{
    struct service *s = o->service;
    size_t n = o->literal;
    bool all = true;
    for (size_t i = 0; i < o->count; i++) {
        int rc = gai_error(o->list[i]);
        if (rc != 0 && !o->told[i])
            log_warn("%s, which this peer announces, leads to no address here: %s",
                     o->request[i].ar_name, gai_strerror(rc));
        o->told[i] = rc != 0;
        all = all && rc == 0;
        const struct addrinfo *a = rc == 0 ? o->request[i].ar_result : NULL;
        for (; a != NULL && n < OWN_MAX; a = a->ai_next)
            if (a->ai_socktype == SOCK_STREAM && a->ai_addrlen <= sizeof s->own[n])
                memcpy(&s->own[n++], a->ai_addr, a->ai_addrlen);
        if (rc == 0)
            freeaddrinfo(o->request[i].ar_result);
        o->request[i].ar_result = NULL;
    }
    s->flow.policy.own_count = n;
    return all;
}

static bool is_pending(const struct own_names *o)
{
    for (size_t i = 0; i < o->count; i++)
        if (gai_error(o->list[i]) == EAI_INPROGRESS)
            return true;
    return false;
}

static void on_timer(uv_timer_t *t)
{
    struct own_names *o = t->data;
    int wait = LOOK_MS;
    if (!o->asked) {
        o->asked = getaddrinfo_a(GAI_NOWAIT, o->list, (int)o->count, NULL) == 0;
        wait = o->asked ? LOOK_MS : SOON_MS;
    } else if (!is_pending(o)) {
        o->asked = false;
        wait = take(o) ? AGAIN_MS : SOON_MS;
    }
    (void)uv_timer_start(t, on_timer, (uint64_t)wait, 0);
}

void own_names_start(struct service *s)
{
    struct own_names *o = calloc(1, sizeof *o);
    if (o == NULL)
        return;
    o->service = s;
    o->literal = s->flow.policy.own_count;
    for (size_t i = 0; i < s->flow.c.endpoint_count; i++) {
        const struct endpoint *ep = &s->endpoints[i];
        uint8_t ip[16];
        if (inet_pton(AF_INET, ep->host, ip) == 1 || inet_pton(AF_INET6, ep->host, ip) == 1 ||
            endpoint_is_onion(ep) || strcmp(ep->host, "localhost") == 0)
            continue;
        o->request[o->count].ar_name = ep->host;
        o->list[o->count] = &o->request[o->count];
        o->count++;
    }
    o->timer = o->count > 0 ? flow_timer_new(&s->flow, o) : NULL;
    if (o->timer == NULL) {
        free(o);
        return;
    }
    s->own_names = o;
    (void)uv_timer_start(o->timer, on_timer, 0, 0);
}

void own_names_stop(struct service *s)
{
    struct own_names *o = s->own_names;
    if (o == NULL)
        return;
    s->own_names = NULL;
    flow_timer_free(&o->timer);
    if (!o->asked || !is_pending(o))
        free(o); /* otherwise the resolver's thread still writes there, and the process is to end */
}
