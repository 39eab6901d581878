/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dht_frames.c - the frames of the local DHT socket (P-8.2): one table says which fields each verb
 * has, and the encoder and the decoder both follow it. */
#include "proto/dht_frames.h"
#include "proto/cbor_in.h"
#include "proto/cbor_out.h"
#include <string.h>

enum field {
    F_END,
    F_KEY,
    F_VALUE,
    F_IDS,
    F_EXPIRY,
    F_LOCK,
    F_VALUE_HASH,
    F_TOKEN,
    F_ID,
    F_OK,
    F_MORE,
    F_WHY,
    F_PRESENCE,
    F_LINK,
    F_STATE,
};

#define FIELDS_MAX 5

static const struct {
    enum frame_verb verb;
    uint8_t fields[FIELDS_MAX];
} layouts[] = {
    {FRAME_PUT, {F_KEY, F_VALUE, F_EXPIRY, F_LOCK}},
    {FRAME_DEL, {F_KEY, F_VALUE_HASH, F_TOKEN}},
    {FRAME_LIST, {F_KEY}},
    {FRAME_GET, {F_KEY, F_IDS}},
    {FRAME_LOOK, {F_KEY, F_ID}},
    {FRAME_LISTEN, {F_KEY}},
    {FRAME_STATUS, {F_END}},
    {FRAME_ADD, {F_KEY, F_VALUE, F_EXPIRY, F_LOCK}},
    {FRAME_WARM, {F_KEY}},
    {FRAME_DROP, {F_KEY, F_VALUE_HASH, F_TOKEN}},
    {FRAME_DONE, {F_OK, F_WHY}},
    {FRAME_IDS, {F_OK, F_MORE, F_IDS}},
    {FRAME_VALUE, {F_ID, F_LOCK, F_EXPIRY, F_VALUE}},
    {FRAME_PRESENCE, {F_OK, F_PRESENCE}},
    {FRAME_HEARD, {F_ID, F_LOCK, F_EXPIRY, F_VALUE}},
    {FRAME_STATE, {F_STATE}},
    {FRAME_LINK, {F_LINK}},
};

static const uint8_t *layout_of(uint64_t verb)
{
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        if (layouts[i].verb == verb)
            return layouts[i].fields;
    return NULL;
}

/* How many array items the fields take: the state is written as twelve. */
static size_t item_count(const uint8_t *fields)
{
    size_t n = 2;
    for (size_t i = 0; i < FIELDS_MAX && fields[i] != F_END; i++)
        n += fields[i] == F_STATE ? 12 : 1;
    return n;
}

#define STATE_NUMBERS 11

static void state_numbers(const struct frame_state *s, const uint64_t *out[STATE_NUMBERS])
{
    const uint64_t *all[STATE_NUMBERS] = {&s->link,          &s->good_nodes,    &s->dubious_nodes,
                                          &s->stored_values, &s->stored_bytes,  &s->bad_datagrams,
                                          &s->refused_puts,  &s->refused_edits, &s->deletions,
                                          &s->port4,         &s->port6};
    memcpy(out, all, sizeof all);
}

static void put_field(struct cbor_out *out, uint8_t field, const struct dht_frame *f)
{
    const uint64_t *number[STATE_NUMBERS];
    switch (field) {
    case F_KEY:
        if (f->key[0] == '\0')
            cbor_out_fail(out);
        cbor_out_text(out, f->key);
        break;
    case F_VALUE:
        if (f->value.n > FRAME_VALUE_MAX)
            cbor_out_fail(out);
        cbor_out_bytes(out, f->value.p, f->value.n);
        break;
    case F_IDS:
        if (f->ids.n > FRAME_IDS_MAX * ENTRY_ID_LEN || f->ids.n % ENTRY_ID_LEN)
            cbor_out_fail(out);
        cbor_out_bytes(out, f->ids.p, f->ids.n);
        break;
    case F_EXPIRY:
        if (f->expiry > INT64_MAX)
            cbor_out_fail(out);
        cbor_out_uint(out, f->expiry);
        break;
    case F_LOCK:
        cbor_out_bytes(out, f->lock, HASH_LEN);
        break;
    case F_VALUE_HASH:
        cbor_out_bytes(out, f->value_hash, HASH_LEN);
        break;
    case F_TOKEN:
        cbor_out_bytes(out, f->token, HASH_LEN);
        break;
    case F_ID:
        cbor_out_bytes(out, f->id, ENTRY_ID_LEN);
        break;
    case F_OK:
        cbor_out_bool(out, f->ok);
        break;
    case F_MORE:
        cbor_out_bool(out, f->more);
        break;
    case F_WHY:
        cbor_out_text(out, f->why);
        break;
    case F_PRESENCE:
        cbor_out_uint(out, f->presence);
        break;
    case F_LINK:
        cbor_out_uint(out, f->link);
        break;
    case F_STATE:
        state_numbers(&f->state, number);
        for (size_t i = 0; i < STATE_NUMBERS; i++)
            cbor_out_uint(out, *number[i]);
        cbor_out_bytes(out, f->state.node_id, INFOHASH_LEN);
        break;
    default:
        cbor_out_fail(out);
    }
}

int dht_frame_encode(struct buf *out, const struct dht_frame *f)
{
    const uint8_t *fields = layout_of(f->verb);
    size_t start = out->len;
    if (fields == NULL || buf_append(out, "\0\0\0\0", FRAME_HEAD) < 0)
        return -1;
    struct cbor_out cbor;
    cbor_out_init(&cbor, out);
    cbor_out_array(&cbor, item_count(fields));
    cbor_out_uint(&cbor, f->verb);
    cbor_out_uint(&cbor, f->request);
    for (size_t i = 0; i < FIELDS_MAX && fields[i] != F_END; i++)
        put_field(&cbor, fields[i], f);
    size_t n = out->len - start - FRAME_HEAD;
    if (cbor_out_end(&cbor) < 0 || n > DHT_FRAME_MAX) {
        out->len = start;
        return -1;
    }
    uint8_t head[FRAME_HEAD] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8),
                                (uint8_t)n};
    memcpy(out->data + start, head, FRAME_HEAD);
    return 0;
}

int dht_frame_split(const uint8_t *p, size_t n, size_t *size_r, struct error *e)
{
    *size_r = 0;
    if (n < FRAME_HEAD)
        return 0;
    size_t body = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
    if (body == 0 || body > DHT_FRAME_MAX)
        return error_set(e, "a frame announces %zu octets; at most %d are allowed", body,
                         DHT_FRAME_MAX);
    if (n - FRAME_HEAD >= body)
        *size_r = FRAME_HEAD + body;
    return 0;
}

static void take_state(struct cbor_in *in, struct frame_state *s)
{
    const uint64_t *number[STATE_NUMBERS];
    state_numbers(s, number);
    for (size_t i = 0; i < STATE_NUMBERS; i++)
        cbor_in_uint(in, UINT64_MAX, (uint64_t *)(uintptr_t)number[i]);
    cbor_in_bytes_of(in, s->node_id, INFOHASH_LEN);
    if (s->link != FRAME_ALONE && s->link != FRAME_CONNECTED)
        cbor_in_fail(in, "an unknown link state");
}

static void take_number(struct cbor_in *in, uint8_t field, struct dht_frame *f)
{
    uint64_t v = 0;
    switch (field) {
    case F_EXPIRY:
        cbor_in_uint(in, INT64_MAX, &f->expiry);
        break;
    case F_PRESENCE:
        cbor_in_uint(in, FRAME_DELETED, &v);
        f->presence = (enum frame_presence)v;
        break;
    default: /* F_LINK */
        cbor_in_uint(in, FRAME_CONNECTED, &v);
        if (v < FRAME_ALONE)
            cbor_in_fail(in, "an unknown link state");
        f->link = (enum frame_link)v;
    }
}

static void take_field(struct cbor_in *in, uint8_t field, struct dht_frame *f)
{
    switch (field) {
    case F_KEY:
        cbor_in_str(in, f->key, sizeof f->key);
        if (f->key[0] == '\0')
            cbor_in_fail(in, "an empty key");
        break;
    case F_VALUE:
        cbor_in_bytes(in, FRAME_VALUE_MAX, &f->value);
        break;
    case F_IDS:
        cbor_in_bytes(in, (size_t)FRAME_IDS_MAX * ENTRY_ID_LEN, &f->ids);
        if (f->ids.n % ENTRY_ID_LEN)
            cbor_in_fail(in, "a list of ids that ends inside an id");
        break;
    case F_LOCK:
        cbor_in_bytes_of(in, f->lock, HASH_LEN);
        break;
    case F_VALUE_HASH:
        cbor_in_bytes_of(in, f->value_hash, HASH_LEN);
        break;
    case F_TOKEN:
        cbor_in_bytes_of(in, f->token, HASH_LEN);
        break;
    case F_ID:
        cbor_in_bytes_of(in, f->id, ENTRY_ID_LEN);
        break;
    case F_OK:
        cbor_in_bool(in, &f->ok);
        break;
    case F_MORE:
        cbor_in_bool(in, &f->more);
        break;
    case F_WHY:
        cbor_in_str(in, f->why, sizeof f->why);
        break;
    case F_STATE:
        take_state(in, &f->state);
        break;
    default:
        take_number(in, field, f);
    }
}

int dht_frame_decode(const uint8_t *p, size_t n, struct dht_frame *f, struct error *e)
{
    struct cbor_in in;
    size_t count = 0;
    uint64_t verb = 0, request = 0;
    memset(f, 0, sizeof *f);
    cbor_in_init(&in, p, n);
    cbor_in_array(&in, 16, &count);
    cbor_in_uint(&in, UINT8_MAX, &verb);
    cbor_in_uint(&in, UINT32_MAX, &request);
    f->request = (uint32_t)request;
    f->verb = (enum frame_verb)verb;
    const uint8_t *fields = layout_of(verb);
    if (fields == NULL) {
        cbor_in_fail(&in, "an unknown verb");
        return cbor_in_end(&in, e);
    }
    if (count != item_count(fields))
        cbor_in_fail(&in, "a frame with too few or too many fields");
    for (size_t i = 0; i < FIELDS_MAX && fields[i] != F_END; i++)
        take_field(&in, fields[i], f);
    cbor_in_leave(&in);
    return cbor_in_end(&in, e);
}
