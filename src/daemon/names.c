/* SPDX-License-Identifier: GPL-3.0-or-later */
/* names.c - see names.h. getaddrinfo_a(3) and not libuv's look-up: a name server that does not
 * answer would keep the loop from ending. */
#include "daemon/names.h"
#include "base/log.h"
#include "base/mem.h"
#include "flow/core/timer.h"
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "daemon"
#define LOOK_MS 200
#define AGAIN_MS 300000
#define SOON_MS 15000 /* after a failure */
#define NAMES_MAX (ENDPOINTS_MAX + CONFIG_LIST_MAX)

struct name {
    char host[256];
    bool own; /* announced by this peer; else another node's */
    int rc;   /* of the last look-up, an EAI_ number */
};

struct names {
    struct service *service;
    uv_timer_t *timer;
    struct name name[NAMES_MAX];
    struct gaicb request[NAMES_MAX], *list[NAMES_MAX];
    size_t count, literal; /* names; addresses of s->own that need no look-up */
    bool asked;
};

static void names_on_timer(uv_timer_t *t);

static void told(struct name *n, int rc)
{
    if (rc != 0 && n->rc == 0 && n->own)
        log_aloud(LOG_AREA, "%s, which this peer announces, leads to no address here: %s.", n->host,
                  gai_strerror(rc));
    else if (rc != 0 && n->rc == 0)
        log_aloud(LOG_AREA,
                  "%s leads to no address: %s. Check its spelling in network.bootstrap, and the "
                  "connection; it is looked up again.",
                  n->host, gai_strerror(rc));
    else if (rc == 0 && n->rc != 0)
        log_info("%s leads to an address now", n->host);
    n->rc = rc;
}

/* The addresses of this round, in place of the last one's. */
static bool names_take(struct names *o)
{
    struct service *s = o->service;
    size_t n = o->literal;
    bool all = true;
    for (size_t i = 0; i < o->count; i++) {
        int rc = gai_error(o->list[i]);
        told(&o->name[i], rc);
        all = all && rc == 0;
        const struct addrinfo *a = rc == 0 && o->name[i].own ? o->request[i].ar_result : NULL;
        for (; a != NULL && n < OWN_MAX; a = a->ai_next)
            if (a->ai_socktype == SOCK_STREAM && a->ai_addrlen <= sizeof s->own[n])
                memcpy(&s->own[n++], a->ai_addr, a->ai_addrlen);
        if (rc == 0)
            freeaddrinfo(o->request[i].ar_result);
        o->request[i].ar_result = NULL;
    }
    s->services.policy.own_count = n;
    return all;
}

static bool is_pending(const struct names *o)
{
    for (size_t i = 0; i < o->count; i++)
        if (gai_error(o->list[i]) == EAI_INPROGRESS)
            return true;
    return false;
}

static void names_on_timer(uv_timer_t *t)
{
    struct names *o = t->data;
    int wait = LOOK_MS;
    if (!o->asked) {
        o->asked = getaddrinfo_a(GAI_NOWAIT, o->list, (int)o->count, NULL) == 0;
        wait = o->asked ? LOOK_MS : SOON_MS;
    } else if (!is_pending(o)) {
        o->asked = false;
        wait = names_take(o) ? AGAIN_MS : SOON_MS;
    }
    (void)uv_timer_start(t, names_on_timer, (uint64_t)wait, 0);
}

/* host: n octets, perhaps in brackets. Addresses need no look-up, onion names get none. */
static void names_add(struct names *o, const char *host, size_t n, bool own)
{
    struct name *x = &o->name[o->count];
    uint8_t ip[16];
    if (o->count == NAMES_MAX || n == 0 || n >= sizeof x->host || *host == '[')
        return;
    memcpy(x->host, host, n);
    x->host[n] = '\0';
    const char *last = strrchr(x->host, '.');
    if (inet_pton(AF_INET, x->host, ip) == 1 || inet_pton(AF_INET6, x->host, ip) == 1 ||
        strcmp(x->host, "localhost") == 0 || (last != NULL && strcmp(last, ".onion") == 0))
        return;
    x->own = own;
    o->request[o->count].ar_name = x->host;
    o->list[o->count] = &o->request[o->count];
    o->count++;
}

void names_start(struct service *s)
{
    struct names *o = mem_new(sizeof *o);
    o->service = s;
    o->literal = s->services.policy.own_count;
    for (size_t i = 0; i < s->services.c.endpoint_count; i++)
        names_add(o, s->endpoints[i].host, strlen(s->endpoints[i].host), true);
    for (size_t i = 0; i < s->config.bootstrap.count && s->config.dht_socket[0] == '\0'; i++) {
        const char *item = s->config.bootstrap.item[i], *port = strrchr(item, ':');
        names_add(o, item, port == NULL ? strlen(item) : (size_t)(port - item), false);
    }
    o->timer = o->count > 0 ? timer_new(&s->services, o) : NULL;
    if (o->timer == NULL) {
        free(o);
        return;
    }
    s->names = o;
    (void)uv_timer_start(o->timer, names_on_timer, 0, 0);
}

void names_stop(struct service *s)
{
    struct names *o = s->names;
    if (o == NULL)
        return;
    s->names = NULL;
    timer_free(&o->timer);
    if (!o->asked || !is_pending(o))
        free(o); /* otherwise the resolver's thread still writes there, and the process is to end */
}

void names_lost(const struct service *s, char out[400])
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; s->names != NULL && i < s->names->count; i++) {
        const struct name *x = &s->names->name[i];
        if (x->own || x->rc == 0 || n >= 300)
            continue;
        n += (size_t)snprintf(out + n, 400 - n, "%s%.80s (%s)", n > 0 ? ", " : "", x->host,
                              gai_strerror(x->rc));
        n = n < 399 ? n : 399;
    }
}
