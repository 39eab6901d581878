/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_records.c - any octets as a signed record and as a payload. What decodes must encode to the
 * same octets again: there is one way only to write a record (P-1.5). */
#include "proto/cbor_in.h"
#include "proto/group.h"
#include "proto/records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(int rc, const struct buf *again, const uint8_t *p, size_t n)
{
    if (rc == 0 && again->len == n && memcmp(again->data, p, n) == 0)
        return;
    fprintf(stderr, "a record was decoded but did not encode to the same octets\n");
    abort();
}

/* The network and key that stand inside, so that the check of the place lets the body be read. */
static int inner_place(const uint8_t *p, size_t n, struct record_place *at,
                       char key[DHT_KEY_MAX + 1])
{
    struct cbor_in in;
    struct span type;
    uint64_t network;
    cbor_in_init(&in, p, n);
    cbor_in_array_of(&in, 4);
    cbor_in_text(&in, RECORD_TYPE_MAX, &type);
    cbor_in_uint(&in, UINT32_MAX, &network);
    int rc = cbor_in_str(&in, key, DHT_KEY_MAX + 1);
    *at = (struct record_place){(uint32_t)network, key};
    return rc;
}

static void payload(const uint8_t *p, size_t n)
{
    char type[RECORD_TYPE_MAX + 1], key[DHT_KEY_MAX + 1];
    struct record_place at;
    struct buf again = BUF_INIT(RECORD_MAX);
    struct error e;
    union {
        struct identity identity;
        struct descriptor descriptor;
        struct notification notification;
        struct cancellation cancellation;
        struct revocation revocation;
        struct group_record group;
        struct group_renewal renewal;
    } r;
    record_type(p, n, type);
    if (inner_place(p, n, &at, key) != 0)
        return;
    if (identity_decode(p, n, &at, &r.identity, &e) == 0)
        same(identity_encode(&r.identity, &at, &again), &again, p, n);
    else if (descriptor_decode(p, n, &at, &r.descriptor, &e) == 0)
        same(descriptor_encode(&r.descriptor, &at, &again), &again, p, n);
    else if (notification_decode(p, n, &at, &r.notification, &e) == 0)
        same(notification_encode(&r.notification, &at, &again), &again, p, n);
    else if (cancellation_decode(p, n, &at, &r.cancellation, &e) == 0)
        same(cancellation_encode(&r.cancellation, &at, &again), &again, p, n);
    else if (revocation_decode(p, n, &at, &r.revocation, &e) == 0)
        same(revocation_encode(&r.revocation, &at, &again), &again, p, n);
    else if (group_decode(p, n, &at, &r.group, &e) == 0)
        same(group_encode(&r.group, &at, &again), &again, p, n);
    else if (group_renewal_decode(p, n, &at, &r.renewal, &e) == 0)
        same(group_renewal_encode(&r.renewal, &at, &again), &again, p, n);
    buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span inner, signature;
    struct buf again = BUF_INIT(2 * RECORD_MAX);
    struct error e;
    if (record_unwrap(data, size, &inner, &signature, &e) == 0) {
        same(record_wrap(&inner, &signature, &again), &again, data, size);
        payload(inner.p, inner.n);
    } else {
        payload(data, size);
    }
    buf_free(&again);
    return 0;
}
