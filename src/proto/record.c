/* SPDX-License-Identifier: GPL-3.0-or-later */
/* record.c - what all signed records have in common: the wrapping with a signature, the beginning
 * of a payload, lives and sequence numbers (P-4.1 to P-4.5). */
#include "proto/record.h"

#include <string.h>

#define BODY_MAX 32 /* fields of a body; every type knows fewer */

int record_wrap(const struct span *payload, const struct span *signature, struct buf *out)
{
    return record_wrap_max(payload, signature, RECORD_MAX, out);
}

int record_wrap_max(const struct span *payload, const struct span *signature, size_t max,
                    struct buf *out)
{
    struct cbor_out w;
    size_t before = out->len;
    if (payload->n < 1 || signature->n < 1 || signature->n > SIGNATURE_MAX)
        return -1;
    cbor_out_init(&w, out);
    cbor_out_array(&w, 2);
    cbor_out_bytes(&w, payload->p, payload->n);
    cbor_out_bytes(&w, signature->p, signature->n);
    if (out->len - before > max)
        cbor_out_fail(&w);
    return cbor_out_end(&w);
}

int record_unwrap(const uint8_t *p, size_t n, struct span *payload_r, struct span *signature_r,
                  struct error *e)
{
    return record_unwrap_max(p, n, RECORD_MAX, payload_r, signature_r, e);
}

int record_unwrap_max(const uint8_t *p, size_t n, size_t max, struct span *payload_r,
                      struct span *signature_r, struct error *e)
{
    struct cbor_in in;
    *payload_r = *signature_r = (struct span){0};
    if (n > max)
        return error_set(e, "A record of %zu octets is over the limit.", n);
    cbor_in_init(&in, p, n);
    cbor_in_array_of(&in, 2);
    cbor_in_bytes(&in, max, payload_r);
    cbor_in_bytes(&in, SIGNATURE_MAX, signature_r);
    if (payload_r->n == 0 || signature_r->n == 0)
        cbor_in_fail(&in, "an empty payload or signature");
    cbor_in_leave(&in);
    struct error why;
    if (cbor_in_end(&in, &why) == 0)
        return 0;
    *payload_r = *signature_r = (struct span){0};
    return error_set(e, "A signed record is %s.", why.text);
}

static bool type_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '/' || c == '.' || c == '-';
}

/* Reads the payload's array head and type; in stands behind the type then. */
static void in_type(struct cbor_in *in, const uint8_t *payload, size_t n,
                    char out[RECORD_TYPE_MAX + 1])
{
    struct span s;
    out[0] = 0;
    cbor_in_init(in, payload, n);
    cbor_in_array_of(in, 4);
    if (cbor_in_text(in, RECORD_TYPE_MAX, &s) != 0)
        return;
    for (size_t i = 0; i < s.n; i++) {
        if (!type_char(s.p[i])) {
            cbor_in_fail(in, "a type string with a character that is not allowed");
            return;
        }
    }
    if (s.n == 0)
        cbor_in_fail(in, "an empty type string");
    memcpy(out, s.p, s.n);
    out[s.n] = 0;
}

void record_type(const uint8_t *payload, size_t n, char out[RECORD_TYPE_MAX + 1])
{
    struct cbor_in in;
    in_type(&in, payload, n, out);
}

int record_key(const uint8_t *payload, size_t n, char out[DHT_KEY_MAX + 1])
{
    struct cbor_in in;
    char type[RECORD_TYPE_MAX + 1];
    uint64_t network;
    in_type(&in, payload, n, type);
    cbor_in_uint(&in, UINT32_MAX, &network);
    return cbor_in_str(&in, out, DHT_KEY_MAX + 1);
}

void record_begin(struct cbor_out *out, struct buf *b, const struct record_place *at,
                  const char *type, size_t fields)
{
    cbor_out_init(out, b);
    cbor_out_array(out, 4);
    cbor_out_text(out, type);
    cbor_out_uint(out, at->network);
    cbor_out_text(out, at->key);
    cbor_out_map(out, fields);
}

int record_open(struct cbor_in *in, const uint8_t *payload, size_t n, const struct record_place *at,
                const char *type, struct error *e)
{
    if (n > RECORD_MAX)
        return error_set(e, "A payload of %zu octets is over the limit.", n);
    return record_open_large(in, payload, n, at, type, e);
}

int record_open_large(struct cbor_in *in, const uint8_t *payload, size_t n,
                      const struct record_place *at, const char *type, struct error *e)
{
    char found[RECORD_TYPE_MAX + 1], key[DHT_KEY_MAX + 1];
    uint64_t network;
    in_type(in, payload, n, found);
    if (!in->failed && strcmp(found, type) != 0) {
        error_set(e, "The record is of type %s where %s is expected.", found, type);
        return RECORD_UNKNOWN;
    }
    cbor_in_uint(in, UINT32_MAX, &network);
    cbor_in_str(in, key, sizeof key);
    if (in->failed)
        return error_set(e, "A payload's beginning is not valid: %s.", in->failed);
    if (network != at->network)
        return error_set(e, "The record belongs to network %u.", (unsigned)network);
    if (strcmp(key, at->key) != 0)
        return error_set(e, "The record belongs to another key than the one it was found at.");
    cbor_in_map(in, BODY_MAX, NULL);
    return 0;
}

int record_close(struct cbor_in *in, const char *type, struct error *e)
{
    struct error why;
    cbor_in_leave(in);
    cbor_in_leave(in);
    return cbor_in_end(in, &why) == 0 ? 0 : error_set(e, "A %s is %s.", type, why.text);
}

int in_address(struct cbor_in *in, char out[ADDRESS_MAX + 1])
{
    char text[ADDRESS_MAX + 1];
    out[0] = 0;
    if (cbor_in_str(in, text, sizeof text) != 0)
        return -1;
    if (address_parse(text, out) == 0 && strcmp(text, out) == 0)
        return 0;
    out[0] = 0;
    return cbor_in_fail(in, "an address not in its canonical form");
}

int in_key(struct cbor_in *in, struct span *pubkey)
{
    if (cbor_in_bytes(in, PUBKEY_MAX, pubkey) != 0)
        return -1;
    return pubkey->n > 0 ? 0 : cbor_in_fail(in, "an empty public key");
}

int in_expiry(struct cbor_in *in, int64_t *expiry)
{
    uint64_t v;
    int rc = cbor_in_uint(in, EXPIRY_MAX, &v);
    *expiry = (int64_t)v;
    return rc;
}

void in_master(struct cbor_in *in, uint64_t field, bool *has, uint8_t fpr[FPR_LEN])
{
    *has = cbor_in_field(in, field);
    if (*has)
        cbor_in_bytes_of(in, fpr, FPR_LEN);
}

void out_field_text(struct cbor_out *out, uint64_t field, const char *s)
{
    cbor_out_uint(out, field);
    cbor_out_text(out, s);
}

void out_field_bytes(struct cbor_out *out, uint64_t field, const void *p, size_t n)
{
    cbor_out_uint(out, field);
    cbor_out_bytes(out, p, n);
}

void out_field_uint(struct cbor_out *out, uint64_t field, uint64_t v)
{
    cbor_out_uint(out, field);
    cbor_out_uint(out, v);
}

void out_field_time(struct cbor_out *out, uint64_t field, int64_t v)
{
    if (v < 0)
        cbor_out_fail(out);
    out_field_uint(out, field, (uint64_t)v);
}

bool key_is(const char *key, const char *prefix, const char *address)
{
    size_t n = strlen(prefix);
    return strncmp(key, prefix, n) == 0 && strcmp(key + n, address) == 0;
}

bool key_is_ns(const char *key, const char *address)
{
    size_t n = strlen(address);
    if (strncmp(key, "ns:", 3) != 0 || strncmp(key + 3, address, n) != 0)
        return false;
    char behind = key[3 + n];
    return behind == 0 || behind == '/' || behind == '#';
}

bool record_life_ok(int64_t expiry, int64_t now, int64_t max)
{
    return expiry > now && expiry - now <= max + LIFE_SLACK;
}

bool record_seq_ok(uint64_t seq, int64_t now_ms)
{
    return now_ms >= 0 && seq <= (uint64_t)now_ms + SEQ_AHEAD_MS;
}
