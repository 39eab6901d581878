/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trace_rows.c - what a peer's database says of one message, for `restante trace`. */
#include "base/clock.h"
#include "cli/trace.h"
#include "store/cancel.h"
#include "store/incoming.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOBS_SHOWN 4

static json_t *hex(const uint8_t *p, size_t n)
{
    char text[HASH_HEX + 1];
    hex_encode(p, n, text);
    return json_string(text);
}

/* The octets of a header field; '?' for what is no UTF-8. */
static json_t *text(const struct bytes *b)
{
    json_t *o = b->n == 0 ? json_string("") : json_stringn((const char *)b->p, b->n);
    if (o != NULL)
        return o;
    char *safe = malloc(b->n);
    if (safe == NULL)
        return json_null();
    for (size_t i = 0; i < b->n; i++)
        safe[i] = b->p[i] >= 0x80 || b->p[i] == 0 ? '?' : (char)b->p[i];
    o = json_stringn(safe, b->n);
    free(safe);
    return o;
}

static json_t *at(int64_t ms)
{
    char iso[CLOCK_ISO_CAP];
    clock_iso8601(ms, iso);
    return json_string(iso);
}

static void add_id(json_t *ids, const uint8_t *p, size_t n)
{
    char text[HASH_HEX + 1];
    hex_encode(p, n, text);
    trace_id_add(ids, text);
}

static json_t *blobs_of(struct db *db, int64_t message, json_t *ids)
{
    int64_t row[BLOBS_SHOWN];
    json_t *all = json_array();
    size_t count = trace_blobs(db, message, row, BLOBS_SHOWN);
    for (size_t i = 0; i < count; i++) {
        struct out_blob b;
        if (blob_get(db, row[i], &b) < 0)
            continue;
        add_id(ids, b.hash, HASH_LEN);
        (void)json_array_append_new(all, json_pack("{s:o,s:I,s:s}", "hash", hex(b.hash, HASH_LEN),
                                                   "size", (json_int_t)b.size, "state",
                                                   trace_blob_state(b.state)));
        bytes_free(&b.chunks);
    }
    return all;
}

static json_t *receivers_of(struct db *db, int64_t message, json_t *ids)
{
    static const uint8_t none[HASH_LEN];
    json_t *all = json_array();
    int64_t *row = calloc(RCPTS_MAX, sizeof *row);
    size_t count = row == NULL ? 0 : cancel_receivers(db, message, NULL, row, RCPTS_MAX);
    for (size_t i = 0; i < count; i++) {
        struct out_receiver r;
        if (rcv_get(db, row[i], &r) < 0)
            continue;
        bool sealed = memcmp(r.nid, none, HASH_LEN) != 0;
        if (sealed)
            add_id(ids, r.nid, HASH_LEN);
        (void)json_array_append_new(
            all, json_pack("{s:s,s:s,s:o,s:o,s:o}", "to", r.address, "state",
                           rcv_state_name(r.state), "at", at(r.changed_ms), "notification",
                           sealed ? hex(r.nid, HASH_LEN) : json_null(), "why", text(&r.why)));
        out_receiver_free(&r);
    }
    free(row);
    return all;
}

static int take_sent(struct trace_peer *p, int64_t n, json_t *ids)
{
    struct out_message m;
    if (out_get(p->db, n, &m) < 0)
        return -1;
    add_id(ids, m.id, MESSAGE_ID_LEN);
    (void)json_array_append_new(
        p->sent, json_pack("{s:o,s:o,s:o,s:I,s:o,s:o,s:o}", "id", hex(m.id, MESSAGE_ID_LEN),
                           "message_id", text(&m.msgid), "subject", text(&m.subject), "size",
                           (json_int_t)m.size, "at", at(m.created_ms), "blobs",
                           blobs_of(p->db, n, ids), "receivers", receivers_of(p->db, n, ids)));
    out_message_free(&m);
    return 0;
}

static const char *outcome_name(int outcome)
{
    static const char *const name[] = {
        [OUTCOME_PULLED] = "pulled",
        [OUTCOME_DECLINED] = "declined",
        [OUTCOME_CANCELLED] = "cancelled",
    };
    return outcome > 0 && (size_t)outcome < sizeof name / sizeof *name ? name[outcome] : "";
}

static int take_came(struct trace_peer *p, int64_t n, json_t *ids)
{
    struct incoming in;
    if (in_get(p->db, n, &in) < 0)
        return -1;
    add_id(ids, in.nid, HASH_LEN);
    add_id(ids, in.blob.hash, HASH_LEN);
    (void)json_array_append_new(
        p->came,
        json_pack("{s:o,s:s,s:o,s:I,s:o,s:s,s:s,s:o,s:o,s:o}", "id", hex(in.nid, HASH_LEN), "from",
                  in.sender, "subject", text(&in.subject), "size", (json_int_t)in.m_size, "at",
                  at(in.arrived_ms), "state", in_state_name(in.state), "outcome",
                  outcome_name(in.outcome), "since", at(in.changed_ms), "blob",
                  hex(in.blob.hash, HASH_LEN), "why", text(&in.why)));
    incoming_free(&in);
    return 0;
}

static int take_held(struct trace_peer *p, int64_t n, json_t *ids)
{
    struct replica r;
    if (replica_get(p->db, n, &r) < 0)
        return -1;
    add_id(ids, r.ref.hash, HASH_LEN);
    (void)json_array_append_new(
        p->held, json_pack("{s:o,s:s,s:I,s:s}", "id", hex(r.ref.hash, HASH_LEN), "owner", r.owner,
                           "size", (json_int_t)r.ref.size, "state", trace_replica_state(r.state)));
    return 0;
}

int trace_row_take(struct trace_peer *p, const struct trace_row *row, json_t *ids, struct error *e)
{
    char key[40];
    (void)snprintf(key, sizeof key, "%d:%lld", (int)row->kind, (long long)row->n);
    if (json_object_get(p->seen, key) != NULL)
        return 0;
    (void)json_object_set_new(p->seen, key, json_true());
    int rc = row->kind == TRACE_SENT   ? take_sent(p, row->n, ids)
             : row->kind == TRACE_CAME ? take_came(p, row->n, ids)
                                       : take_held(p, row->n, ids);
    return rc == 0 ? 0
                   : error_set(e, "The message cannot be read in the database of %s.", p->address);
}
