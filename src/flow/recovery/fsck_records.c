/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fsck_records.c - is in the DHT what the rows say, and nothing else of theirs? Each entry is
 * looked up by its id; what is not as it should be is looked up once more, since a look may miss
 * what is there; see fsck.h. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "flow/recovery/fsck.h"
#include "store/check.h"
#include "store/groups.h"
#include "flow/peers/standing.h"
#include "dht/dht.h"
#include "flow/core/sign.h"
#include "flow/core/step.h"
#include "proto/entry.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "fsck"
#define WINDOW 16
#define ITEMS_MAX 50000

enum record { NOTIFICATION, RECEIPT, OWN, GROUP };

struct record_item {
    enum record record;
    bool incoming, expected; /* should it be there? */
    int64_t n, state;        /* of the row, when it was read */
    char key[DHT_KEY_MAX + 1];
    uint8_t id[ENTRY_ID_LEN];
    bool bad;
};

struct records_looking {
    struct fsck *x;
    struct record_item *item;
    size_t count, next;
    unsigned under_way, round;
    bool complete, filling;
    void (*done)(void *ctx, bool complete);
    void *ctx;
};

struct record_look {
    struct records_looking *l;
    struct record_item *item;
};

static struct record_item *fsck_records_add(struct records_looking *l, enum record record,
                                            const char *key)
{
    if (l->count == ITEMS_MAX) {
        l->complete = false;
        return NULL;
    }
    if (l->count % 256 == 0) {
        struct record_item *grown = realloc(l->item, (l->count + 256) * sizeof *grown);
        if (grown == NULL) {
            l->complete = false;
            return NULL;
        }
        l->item = grown;
    }
    struct record_item *i = &l->item[l->count++];
    *i = (struct record_item){.record = record, .expected = true};
    (void)strcpy(i->key, key);
    return i;
}

static void fsck_records_take_id(struct record_item *i, struct entry_binding *b)
{
    memcpy(i->id, b->id, ENTRY_ID_LEN);
    wipe(b, sizeof *b);
}

static bool on_receiver(void *ctx, int64_t n)
{
    struct records_looking *l = ctx;
    struct out_receiver r;
    char key[DHT_KEY_MAX + 1];
    if (rcv_get(l->x->db, n, &r) < 0)
        return true;
    dht_ns_key(key, r.address, r.shard);
    struct record_item *i = r.ns.n == 0 ? NULL : fsck_records_add(l, NOTIFICATION, key);
    if (i != NULL) {
        i->n = n;
        i->state = r.state;
        i->expected = r.state == RCV_ANNOUNCED;
        entry_id_at(key, r.lock, r.ns.p, r.ns.n, i->id);
    }
    out_receiver_free(&r);
    return true;
}

static void add_receipt(struct records_looking *l, const struct incoming *in)
{
    char key[DHT_KEY_MAX + 1];
    uint8_t value[HASH_LEN];
    struct entry_binding b;
    (void)dht_key(key, "nr:", in->sender);
    struct record_item *i = fsck_records_add(l, RECEIPT, key);
    if (i == NULL)
        return;
    i->n = in->n;
    i->state = in->state;
    i->incoming = true;
    receipt_value(in->p, (enum outcome)in->outcome, in->blob.hash, value);
    entry_bind(in->p, key, value, sizeof value, &b);
    fsck_records_take_id(i, &b);
}

static bool on_answered(void *ctx, int64_t n)
{
    struct records_looking *l = ctx;
    struct incoming in;
    struct entry_binding b;
    if (in_get(l->x->db, n, &in) < 0)
        return true;
    if (in.state == IN_ANSWERED)
        add_receipt(l, &in);
    struct record_item *i =
        in.expiry_s > l->x->now_s ? fsck_records_add(l, NOTIFICATION, in.ns_key) : NULL;
    if (i != NULL) {
        i->n = n;
        i->state = in.state;
        i->incoming = true;
        i->expected = false;
        entry_bind_hash(in.p, in.ns_key, in.ns_hash, &b);
        fsck_records_take_id(i, &b);
    }
    incoming_free(&in);
    return true;
}

static void add_own(struct records_looking *l)
{
    static const char *const meta[] = {"identity_hash", "descriptor_hash"}, *const kind[] = {"key:",
                                                                                             ""};
    const struct services *sv = l->x->services;
    for (int k = 0; k < 2; k++) {
        char key[DHT_KEY_MAX + 1];
        struct entry_binding b;
        (void)dht_key(key, kind[k], sv->c.address);
        if (meta_get(l->x->db, meta[k], b.value_hash, HASH_LEN) < 0)
            continue;
        struct record_item *i = fsck_records_add(l, OWN, key);
        if (i == NULL)
            return;
        own_bind(sv, key, b.value_hash, &b);
        fsck_records_take_id(i, &b);
    }
}

static void fsck_records_add_group(struct records_looking *l)
{
    struct group_row g;
    char key[DHT_KEY_MAX + 1];
    if (group_get_accepted(l->x->db, &g) < 0)
        return;
    (void)dht_key(key, "group:", g.name);
    struct record_item *i =
        g.put_ms == 0 || g.expiry_s <= l->x->now_s ? NULL : fsck_records_add(l, GROUP, key);
    if (i != NULL)
        entry_id_at(key, g.lock, g.record.p, g.record.n, i->id);
    group_row_free(&g);
}

/* ---- looking */

/* Has the row moved on meanwhile? */
static bool moved(const struct records_looking *l, const struct record_item *i)
{
    struct out_receiver r;
    struct incoming in;
    bool yes = true;
    if (i->n == 0)
        return false;
    if (i->incoming && in_get(l->x->db, i->n, &in) == 0) {
        yes = in.state != i->state;
        incoming_free(&in);
    } else if (!i->incoming && rcv_get(l->x->db, i->n, &r) == 0) {
        yes = r.state != i->state;
        out_receiver_free(&r);
    }
    return yes;
}

static void fsck_records_report(struct records_looking *l)
{
    static const char *const name[] = {"notification", "receipt", "own record", "group"};
    for (size_t k = 0; k < l->count; k++) {
        const struct record_item *i = &l->item[k];
        if (!i->bad || moved(l, i))
            continue;
        struct fsck_fault *f = fsck_add(l->x, i->expected ? FSCK_PUT : FSCK_CLEAN, i->n, "%s %s",
                                        name[i->record], i->key);
        f->incoming = i->incoming;
        f->group = i->record == GROUP;
    }
}

static void fsck_records_go_on(struct records_looking *l);

static void fsck_records_on_look(void *ctx, bool ok, enum dht_presence presence)
{
    struct record_look *one = ctx;
    struct records_looking *l = one->l;
    struct record_item *i = one->item;
    free(one);
    l->under_way--;
    l->complete = l->complete && ok;
    /* what stands there as deleted was taken by whom it is for: its row hears of it in time */
    i->bad = ok && (i->expected ? presence == DHT_ABSENT : presence == DHT_PRESENT);
    if (!l->filling)
        fsck_records_go_on(l);
}

static void fsck_records_go_on(struct records_looking *l)
{
    struct services *sv = l->x->services;
    l->filling = true;
    for (;;) {
        while (l->next < l->count && l->under_way < WINDOW && !sv->stopping) {
            struct record_item *i = &l->item[l->next++];
            struct record_look *one = l->round > 0 && !i->bad ? NULL : mem_new(sizeof *one);
            if (one == NULL)
                continue;
            *one = (struct record_look){l, i};
            l->under_way++;
            dht_look(sv->dht, i->key, i->id, fsck_records_on_look, one);
        }
        if (l->under_way > 0 || l->round > 0)
            break;
        l->round = 1;
        l->next = 0;
    }
    l->filling = false;
    if (l->under_way > 0)
        return;
    if (sv->stopping)
        l->complete = false;
    else
        fsck_records_report(l);
    l->done(l->ctx, l->complete);
    free(l->item);
    free(l);
}

void fsck_records(struct fsck *x, void (*done)(void *ctx, bool complete), void *ctx)
{
    struct services *sv = x->services;
    x->db = store_reader(sv->store);
    x->now_s = clock_wall_ms() / 1000;
    if (sv->dht == NULL || dht_link_state(sv->dht) != DHT_CONNECTED || !may_go(sv)) {
        done(ctx, false);
        return;
    }
    struct records_looking *l = mem_new(sizeof *l);
    *l = (struct records_looking){.x = x, .complete = true, .done = done, .ctx = ctx};
    if (standing_of(sv)->identity_posted && standing_of(sv)->descriptor_posted)
        add_own(l);
    fsck_records_add_group(l);
    check_posted(x->db, x->now_s, on_receiver, l);
    check_answered(x->db, x->now_s, on_answered, l);
    fsck_records_go_on(l);
}
