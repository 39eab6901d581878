/* SPDX-License-Identifier: GPL-3.0-or-later */
/* answers.c - what restante-dht says, handed to who asked. */
#include "dht/client.h"
#include "base/log.h"
#include <string.h>

#define LOG_AREA "dht"

static bool bound(const uint8_t infohash[INFOHASH_LEN], const struct dht_frame *f)
{
    uint8_t hash[HASH_LEN], id[ENTRY_ID_LEN];
    sha256(f->value.p, f->value.n, hash);
    entry_id(infohash, f->lock, hash, id);
    return memcmp(id, f->id, sizeof id) == 0;
}

static struct dht_value value_of(const struct dht_frame *f)
{
    struct dht_value v = {.expiry = (int64_t)f->expiry, .data = f->value.p, .len = f->value.n};
    memcpy(v.id, f->id, sizeof v.id);
    memcpy(v.lock, f->lock, sizeof v.lock);
    return v;
}

static void take_heard(struct dht_client *c, const struct dht_frame *f)
{
    for (struct listener *l = c->listeners; l != NULL; l = l->next)
        if (l->number == f->request) {
            struct dht_value v = value_of(f);
            if (bound(l->infohash, f))
                l->fn(l->ctx, &v);
            return;
        }
}

static void take_done(struct dht_request *r, const struct dht_frame *f)
{
    if (r->verb == FRAME_GET)
        r->fn.value(r->ctx, f->ok, NULL);
    else if (r->verb != FRAME_LISTEN)
        request_done(r, f->ok ? NULL : f->why);
    else if (!f->ok)
        log_warn("cannot listen: %s", f->why);
}

static void take_state(struct dht_request *r, const struct dht_frame *f)
{
    const struct frame_state *s = &f->state;
    struct dht_status st = {
        .link = s->link == FRAME_CONNECTED ? DHT_CONNECTED : DHT_ALONE,
        .good_nodes = (unsigned)s->good_nodes,
        .dubious_nodes = (unsigned)s->dubious_nodes,
        .stored_values = s->stored_values,
        .stored_bytes = s->stored_bytes,
        .bad_datagrams = s->bad_datagrams,
        .refused_puts = s->refused_puts,
        .refused_edits = s->refused_edits,
        .deletions = s->deletions,
        .port4 = (uint16_t)s->port4,
        .port6 = (uint16_t)s->port6,
    };
    hex_encode(s->node_id, sizeof s->node_id, st.node_id);
    r->fn.status(r->ctx, true, &st);
}

/* Does an answer of this verb fit what was asked? */
static bool fits(enum frame_verb asked, enum frame_verb answer)
{
    switch (answer) {
    case FRAME_DONE:
        return asked == FRAME_PUT || asked == FRAME_ADD || asked == FRAME_DEL ||
               asked == FRAME_GET || asked == FRAME_LISTEN || asked == FRAME_WARM ||
               asked == FRAME_DROP;
    case FRAME_VALUE:
        return asked == FRAME_GET;
    case FRAME_IDS:
        return asked == FRAME_LIST;
    case FRAME_PRESENCE:
        return asked == FRAME_LOOK;
    case FRAME_STATE:
        return asked == FRAME_STATUS;
    default:
        return false;
    }
}

static const enum dht_presence presences[] = {
    [FRAME_ABSENT] = DHT_ABSENT, [FRAME_PRESENT] = DHT_PRESENT, [FRAME_DELETED] = DHT_DELETED};

/* -1: the frame answers nothing that was asked. */
static int take_answer(struct dht_client *c, const struct dht_frame *f)
{
    struct dht_request **slot = client_find(c, f->request);
    if (*slot == NULL || !fits((*slot)->verb, f->verb))
        return -1;
    if (f->verb == FRAME_VALUE) {
        struct dht_value v = value_of(f);
        if (bound((*slot)->infohash, f))
            (*slot)->fn.value((*slot)->ctx, true, &v);
        return 0;
    }
    if (f->verb == FRAME_IDS && buf_append(&(*slot)->ids, f->ids.p, f->ids.n) < 0)
        return -1;
    if (f->verb == FRAME_IDS && f->more)
        return 0;
    struct dht_request *r = client_take(c, slot);
    if (f->verb == FRAME_DONE)
        take_done(r, f);
    else if (f->verb == FRAME_IDS)
        r->fn.list(r->ctx, f->ok, r->ids.data, r->ids.len / DHT_ID_LEN);
    else if (f->verb == FRAME_PRESENCE)
        r->fn.look(r->ctx, f->ok, presences[f->presence]);
    else
        take_state(r, f);
    request_free(r);
    return 0;
}

int client_answer(struct dht_client *c, const struct dht_frame *f)
{
    if (f->verb == FRAME_LINK) {
        c->pause = PAUSE_MIN_MS;
        client_set_link(c, f->link == FRAME_CONNECTED ? DHT_CONNECTED : DHT_ALONE);
        return 0;
    }
    if (f->verb == FRAME_HEARD) {
        take_heard(c, f);
        return 0;
    }
    return take_answer(c, f);
}
