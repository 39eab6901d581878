/* SPDX-License-Identifier: GPL-3.0-or-later */
/* invite.c - see invite.h (P-15.1 to P-15.3). */
#include "proto/invite.h"
#include "proto/cbor_in.h"
#include "proto/cbor_out.h"
#include "proto/endpoint.h"

#include <nettle/base64.h>
#include <stdio.h>
#include <string.h>

#define VERSION 1
#define FIELDS 9
#define CHECK_LEN 4 /* octets of the hash behind the array */
#define PROOF_TYPE "restante/invite-proof/1"

bool invite_node_ok(const char *text)
{
    char url[INVITE_NODE_MAX + 8];
    struct endpoint ep;
    if (strlen(text) > INVITE_NODE_MAX)
        return false;
    (void)snprintf(url, sizeof url, "http://%s", text);
    return endpoint_parse(url, &ep) == 0;
}

static bool canonical(const char *address)
{
    char again[ADDRESS_MAX + 1];
    return address_parse(address, again) == 0 && strcmp(address, again) == 0;
}

static int encode(const struct invite *v, struct buf *b)
{
    struct cbor_out w;
    cbor_out_init(&w, b);
    cbor_out_array(&w, FIELDS);
    cbor_out_uint(&w, VERSION);
    cbor_out_uint(&w, v->network);
    cbor_out_text(&w, v->address);
    cbor_out_bytes(&w, v->fpr, FPR_LEN);
    cbor_out_bytes(&w, v->id, INVITE_ID_LEN);
    cbor_out_bytes(&w, v->secret, INVITE_SECRET_LEN);
    cbor_out_uint(&w, (uint64_t)v->expiry_s);
    cbor_out_bool(&w, v->group);
    cbor_out_array(&w, v->nodes);
    for (size_t i = 0; i < v->nodes; i++) {
        cbor_out_text(&w, v->node[i]);
        if (!invite_node_ok(v->node[i]))
            cbor_out_fail(&w);
    }
    if (!canonical(v->address) || v->expiry_s < 0 || v->expiry_s > EXPIRY_MAX ||
        v->nodes > INVITE_NODES_MAX)
        cbor_out_fail(&w);
    return cbor_out_end(&w);
}

int invite_format(const struct invite *v, struct buf *out)
{
    struct buf raw = BUF_INIT(INVITE_RAW_MAX);
    uint8_t check[HASH_LEN];
    char text[BASE64_ENCODE_LENGTH(INVITE_RAW_MAX) + BASE64_ENCODE_FINAL_LENGTH];
    struct base64_encode_ctx b64;
    int rc = v->nodes > INVITE_NODES_MAX ? -1 : encode(v, &raw);
    if (rc == 0) {
        sha256(raw.data, raw.len, check);
        rc = buf_append(&raw, check, CHECK_LEN);
    }
    if (rc == 0) {
        base64url_encode_init(&b64);
        size_t n = base64_encode_update(&b64, text, raw.len, raw.data);
        n += base64_encode_final(&b64, text + n);
        while (n > 0 && text[n - 1] == '=')
            n--;
        rc = buf_printf(out, "%s%.*s", INVITE_PREFIX, (int)n, text);
    }
    wipe(text, sizeof text);
    buf_wipe(&raw);
    return rc;
}

/* The line without white space and prefix, with padding; -1: it is no such line. */
static int unwrap(const char *text, size_t n, char out[INVITE_LINE_MAX + 4], size_t *n_r)
{
    const size_t prefix = sizeof INVITE_PREFIX - 1;
    size_t len = 0;
    if (n > 2 * INVITE_LINE_MAX)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (strchr(" \t\r\n", text[i]) != NULL && text[i] != '\0')
            continue;
        if (len == INVITE_LINE_MAX)
            return -1;
        out[len++] = text[i];
    }
    if (len <= prefix || memcmp(out, INVITE_PREFIX, prefix) != 0)
        return -1;
    len -= prefix;
    memmove(out, out + prefix, len);
    while (len % 4 != 0)
        out[len++] = '=';
    *n_r = len;
    return 0;
}

static void read_nodes(struct cbor_in *in, struct invite *v)
{
    if (cbor_in_array(in, INVITE_NODES_MAX, &v->nodes) < 0)
        v->nodes = 0;
    for (size_t i = 0; i < v->nodes; i++)
        if (cbor_in_str(in, v->node[i], sizeof v->node[i]) == 0 && !invite_node_ok(v->node[i]))
            (void)cbor_in_fail(in, "a node that is not host:port");
    (void)cbor_in_leave(in);
}

static int decode(const uint8_t *p, size_t n, struct invite *v, struct error *e)
{
    struct cbor_in in;
    uint64_t version = 0, network = 0, expiry = 0;
    size_t count = 0;
    cbor_in_init(&in, p, n);
    (void)cbor_in_array(&in, 64, &count);
    if (cbor_in_uint(&in, UINT32_MAX, &version) == 0 && version != VERSION)
        return error_set(e, "This invitation was made by a newer Restante: install that first.");
    if (count != FIELDS)
        (void)cbor_in_fail(&in, "another number of fields");
    (void)cbor_in_uint(&in, UINT32_MAX, &network);
    (void)cbor_in_str(&in, v->address, sizeof v->address);
    (void)cbor_in_bytes_of(&in, v->fpr, FPR_LEN);
    (void)cbor_in_bytes_of(&in, v->id, INVITE_ID_LEN);
    (void)cbor_in_bytes_of(&in, v->secret, INVITE_SECRET_LEN);
    (void)cbor_in_uint(&in, EXPIRY_MAX, &expiry);
    (void)cbor_in_bool(&in, &v->group);
    read_nodes(&in, v);
    (void)cbor_in_leave(&in);
    struct error why;
    if (cbor_in_end(&in, &why) < 0 || !canonical(v->address))
        return error_set(e, "This invitation is not well made; ask for a new one.");
    v->network = (uint32_t)network;
    v->expiry_s = (int64_t)expiry;
    return 0;
}

int invite_parse(const char *text, size_t n, struct invite *v, struct error *e)
{
    char line[INVITE_LINE_MAX + 4];
    uint8_t raw[BASE64_DECODE_LENGTH(INVITE_LINE_MAX + 4)], check[HASH_LEN];
    struct base64_decode_ctx b64;
    size_t len = 0, got = 0;
    memset(v, 0, sizeof *v);
    if (unwrap(text, n, line, &len) < 0)
        return error_set(e, "An invitation is a line that begins with %s", INVITE_PREFIX);
    base64url_decode_init(&b64);
    got = sizeof raw;
    int rc = base64_decode_update(&b64, &got, raw, len, line) != 1 ||
                     base64_decode_final(&b64) != 1 || got <= CHECK_LEN
                 ? -1
                 : 0;
    if (rc == 0)
        sha256(raw, got - CHECK_LEN, check);
    if (rc < 0 || memcmp(check, raw + got - CHECK_LEN, CHECK_LEN) != 0)
        rc = error_set(e, "This invitation is damaged or incomplete: copy the whole line again.");
    else
        rc = decode(raw, got - CHECK_LEN, v, e);
    wipe(raw, sizeof raw);
    wipe(line, sizeof line);
    if (rc < 0)
        wipe(v, sizeof *v);
    return rc;
}

void invite_prove(const struct invite_claim *c, const uint8_t secret[INVITE_SECRET_LEN],
                  uint8_t proof[HASH_LEN])
{
    struct buf b = BUF_INIT(1024); /* the longest address fits: it cannot fail but for memory */
    struct cbor_out w;
    cbor_out_init(&w, &b);
    cbor_out_array(&w, 6);
    cbor_out_text(&w, PROOF_TYPE);
    cbor_out_uint(&w, c->network);
    cbor_out_bytes(&w, c->inviter_fpr, FPR_LEN);
    cbor_out_bytes(&w, c->fpr, FPR_LEN);
    cbor_out_text(&w, c->address);
    cbor_out_bytes(&w, c->id, INVITE_ID_LEN);
    if (cbor_out_end(&w) == 0)
        hmac_sha256(secret, INVITE_SECRET_LEN, b.data, b.len, proof);
    else
        random_bytes(proof, HASH_LEN); /* proves nothing */
    buf_free(&b);
}

void invite_field(const struct invite_claim *c, char out[INVITE_FIELD_LEN + 1])
{
    (void)memcpy(out, "1 ", 2);
    hex_encode(c->id, INVITE_ID_LEN, out + 2);
    out[2 + INVITE_ID_HEX] = ' ';
    hex_encode(c->proof, HASH_LEN, out + 2 + INVITE_ID_HEX + 1);
}

int invite_field_parse(const char *value, size_t n, struct invite_claim *c)
{
    char id[INVITE_ID_HEX + 1], proof[HASH_HEX + 1];
    if (n != INVITE_FIELD_LEN || memcmp(value, "1 ", 2) != 0 || value[2 + INVITE_ID_HEX] != ' ')
        return -1;
    memcpy(id, value + 2, INVITE_ID_HEX);
    memcpy(proof, value + 2 + INVITE_ID_HEX + 1, HASH_HEX);
    id[INVITE_ID_HEX] = proof[HASH_HEX] = '\0';
    return hex_decode(id, c->id, INVITE_ID_LEN) | hex_decode(proof, c->proof, HASH_LEN);
}
