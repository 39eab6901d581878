/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_look.c - see control_look.h. */
#include "daemon/control_look.h"
#include "daemon/control_lists.h"
#include "daemon/checks_watch.h"
#include "flow/peers/standing.h"
#include "dht/dht.h"

static void status_send(struct asking *a)
{
    json_t *reply = a->reply;
    a->reply = NULL;
    asking_answer(a, reply);
}

static void on_nr(void *ctx, bool ok, const uint8_t *ids, size_t n)
{
    struct asking *a = ctx;
    if (ok)
        (void)json_object_set_new(json_object_get(a->reply, "dht"), "nr_live",
                                  json_integer((json_int_t)n));
    status_send(a);
}

static void on_ns(void *ctx, bool ok, const uint8_t *ids, size_t n)
{
    struct asking *a = ctx;
    char key[DHT_KEY_MAX + 1];
    a->ns_live += n;
    if (ok && a->shard + 1 < standing_of(&a->s->services)->shards && !a->s->stopping) {
        dht_ns_key(key, a->s->config.address, ++a->shard);
        dht_list(a->s->services.dht, key, on_ns, a);
        return;
    }
    if (ok)
        (void)json_object_set_new(json_object_get(a->reply, "dht"), "ns_live",
                                  json_integer((json_int_t)a->ns_live));
    if (a->s->stopping) {
        status_send(a);
        return;
    }
    (void)dht_key(key, "nr:", a->s->config.address);
    dht_list(a->s->services.dht, key, on_nr, a);
}

static void on_dht(void *ctx, bool ok, const struct dht_status *st)
{
    struct asking *a = ctx;
    char key[DHT_KEY_MAX + 1];
    if (ok) {
        (void)json_object_set_new(json_object_get(a->reply, "dht"), "good_nodes",
                                  json_integer(st->good_nodes));
        (void)json_object_set_new(json_object_get(a->reply, "ports"), "dht",
                                  json_integer(st->port4 != 0 ? st->port4 : st->port6));
    }
    if (!ok || a->s->stopping || !a->check) {
        status_send(a);
        return;
    }
    dht_ns_key(key, a->s->config.address, 0);
    dht_list(a->s->services.dht, key, on_ns, a);
}

static void on_health(void *ctx)
{
    struct asking *a = ctx;
    json_decref(a->reply);
    a->reply = control_status(a->s);
    if (a->s->stopping)
        status_send(a);
    else
        dht_get_status(a->s->services.dht, on_dht, a);
}

void control_look(struct service *s, struct line_client *c, const json_t *o)
{
    struct asking *a = asking_new(s, c);
    if (a == NULL)
        return;
    a->check = json_is_true(json_object_get(o, "check"));
    a->reply = json_object(); /* it outlives a client that goes */
    checks_watch_look(s, json_is_true(json_object_get(o, "fresh")), on_health, a);
}
