/* SPDX-License-Identifier: GPL-3.0-or-later */
/* state.c - what the client knows: whether there is a link, and what was asked and not answered. */
#include "dht/client.h"

void client_set_link(struct dht_client *c, enum dht_link link)
{
    if (c->link == link || c->freed)
        return;
    c->link = link;
    if (c->on_link != NULL)
        c->on_link(c->on_link_ctx, link);
}

void client_add(struct dht_client *c, struct dht_request *r)
{
    struct dht_request **slot = &c->table[r->number % BUCKETS];
    r->next = *slot;
    *slot = r;
    c->outstanding++;
}

struct dht_request **client_find(struct dht_client *c, uint32_t number)
{
    struct dht_request **slot = &c->table[number % BUCKETS];
    while (*slot != NULL && (*slot)->number != number)
        slot = &(*slot)->next;
    return slot;
}

struct dht_request *client_take(struct dht_client *c, struct dht_request **slot)
{
    struct dht_request *r = *slot;
    *slot = r->next;
    r->next = NULL;
    c->outstanding--;
    return r;
}

void client_fail_all(struct dht_client *c, const char *why)
{
    for (size_t i = 0; i < BUCKETS; i++)
        while (c->table[i] != NULL) {
            struct dht_request *r = client_take(c, &c->table[i]);
            request_fail(r, why);
            request_free(r);
        }
}

void client_fail_waiting(struct dht_client *c)
{
    struct dht_request *r = c->failing;
    c->failing = NULL;
    c->failing_end = &c->failing;
    while (r != NULL) {
        struct dht_request *next = r->next;
        request_fail(r, "restante-dht does not answer");
        request_free(r);
        r = next;
    }
}

static void on_soon(uv_timer_t *timer)
{
    client_fail_waiting(timer->data);
}

void client_fail_soon(struct dht_client *c, struct dht_request *r)
{
    r->next = NULL;
    *c->failing_end = r;
    c->failing_end = &r->next;
    uv_timer_start(&c->soon, on_soon, 0, 0);
}
