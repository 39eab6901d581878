/* SPDX-License-Identifier: GPL-3.0-or-later */
/* descriptor.c - where a peer can be reached now (P-4.7). */
#include "proto/record.h"

#include <string.h>

enum { F_ADDRESS = 1, F_FPR, F_ENDPOINTS, F_INSTANCE, F_SEQ, F_EXPIRY };

int descriptor_encode(const struct descriptor *r, const struct record_place *at, struct buf *out)
{
    struct cbor_out w;
    struct descriptor again;
    char text[ENDPOINT_TEXT_MAX + 1];
    size_t before = out->len;
    if (r->endpoint_count > ENDPOINTS_MAX)
        return -1;
    record_begin(&w, out, at, TYPE_DESCRIPTOR, 6);
    out_field_text(&w, F_ADDRESS, r->address);
    out_field_bytes(&w, F_FPR, r->fpr, FPR_LEN);
    cbor_out_uint(&w, F_ENDPOINTS);
    cbor_out_array(&w, r->endpoint_count);
    for (size_t i = 0; i < r->endpoint_count; i++) {
        endpoint_format(&r->endpoints[i], text, sizeof text);
        cbor_out_text(&w, text);
    }
    out_field_bytes(&w, F_INSTANCE, r->instance, INSTANCE_LEN);
    out_field_uint(&w, F_SEQ, r->seq);
    out_field_time(&w, F_EXPIRY, r->expiry);
    if (!w.failed &&
        descriptor_decode(out->data + before, out->len - before, at, &again, NULL) != 0)
        cbor_out_fail(&w);
    return cbor_out_end(&w);
}

/* One endpoint, which must be written as endpoint_format writes it. */
static void in_endpoint(struct cbor_in *in, struct endpoint *ep)
{
    char text[ENDPOINT_TEXT_MAX + 1], again[ENDPOINT_TEXT_MAX + 1];
    if (cbor_in_str(in, text, sizeof text) != 0)
        return;
    if (endpoint_parse(text, ep) != 0) {
        cbor_in_fail(in, "an endpoint that is not scheme, host and port");
        return;
    }
    endpoint_format(ep, again, sizeof again);
    if (strcmp(text, again) != 0)
        cbor_in_fail(in, "an endpoint not in its canonical form");
}

int descriptor_decode(const uint8_t *payload, size_t n, const struct record_place *at,
                      struct descriptor *r, struct error *e)
{
    struct cbor_in in;
    memset(r, 0, sizeof *r);
    int rc = record_open(&in, payload, n, at, TYPE_DESCRIPTOR, e);
    if (rc != 0)
        return rc;
    cbor_in_need(&in, F_ADDRESS);
    in_address(&in, r->address);
    cbor_in_need(&in, F_FPR);
    cbor_in_bytes_of(&in, r->fpr, FPR_LEN);
    cbor_in_need(&in, F_ENDPOINTS);
    cbor_in_array(&in, ENDPOINTS_MAX, &r->endpoint_count);
    for (size_t i = 0; i < r->endpoint_count; i++)
        in_endpoint(&in, &r->endpoints[i]);
    cbor_in_leave(&in);
    cbor_in_need(&in, F_INSTANCE);
    cbor_in_bytes_of(&in, r->instance, INSTANCE_LEN);
    cbor_in_need(&in, F_SEQ);
    cbor_in_uint(&in, INT64_MAX, &r->seq);
    cbor_in_need(&in, F_EXPIRY);
    in_expiry(&in, &r->expiry);
    if (!key_is(at->key, "", r->address))
        cbor_in_fail(&in, "an address that does not belong to the key");
    rc = record_close(&in, "peer descriptor", e);
    if (rc != 0)
        memset(r, 0, sizeof *r);
    return rc;
}
