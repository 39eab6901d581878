/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_records.c - wrapping, types, lives, what encoders refuse, and the packed head; the records'
 * octets themselves are checked by the vectors (P-4). */
#include "proto/records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <zlib.h>

#define SPAN(text) ((struct span){(const uint8_t *)(text), sizeof text - 1})

static void wrapping(void **state) /* P-4.1 */
{
    struct buf b = BUF_INIT(RECORD_MAX);
    struct span payload = SPAN("payload"), signature = SPAN("signature"), p, s;
    struct error e;
    assert_int_equal(record_wrap(&payload, &signature, &b), 0);
    assert_memory_equal(b.data, "\x82\x47payload\x49signature", b.len);
    assert_int_equal(record_unwrap(b.data, b.len, &p, &s, &e), 0);
    assert_int_equal(p.n, payload.n);
    assert_memory_equal(p.p, payload.p, p.n);
    assert_memory_equal(s.p, signature.p, s.n);
    assert_int_equal(record_unwrap(b.data, b.len - 1, &p, &s, &e), -1);
    assert_null(p.p);
    assert_int_equal(buf_append(&b, "", 1), 0);
    assert_int_equal(record_unwrap(b.data, b.len, &p, &s, &e), -1);
    assert_int_equal(record_unwrap((const uint8_t *)"\x82\x40\x41x", 4, &p, &s, &e), -1);
    buf_free(&b);
}

static void wrapping_caps(void **state)
{
    static uint8_t big[2 * RECORD_MAX];
    struct buf b = BUF_INIT(4 * RECORD_MAX);
    struct span sig = SPAN("s"), none = {0}, p, s;
    struct error e;
    struct span payload = {big, RECORD_MAX - 6}; /* heads take 1 + 3 + 1 octets, the signature 1 */
    assert_int_equal(record_wrap(&payload, &sig, &b), 0);
    assert_int_equal(b.len, RECORD_MAX);
    assert_int_equal(record_unwrap(b.data, b.len, &p, &s, &e), 0);
    payload.n++;
    assert_int_equal(record_wrap(&payload, &sig, &b), -1);
    assert_int_equal(b.len, RECORD_MAX);
    assert_int_equal(record_wrap(&none, &sig, &b), -1);
    assert_int_equal(record_wrap(&sig, &none, &b), -1);
    struct span long_sig = {big, SIGNATURE_MAX + 1};
    assert_int_equal(record_wrap(&sig, &long_sig, &b), -1);
    assert_int_equal(record_unwrap(big, RECORD_MAX + 1, &p, &s, &e), -1);
    buf_free(&b);
}

static void types(void **state)
{
    char out[RECORD_TYPE_MAX + 1];
    record_type((const uint8_t *)"\x84\x6drestante/ns/1", 15, out);
    assert_string_equal(out, "restante/ns/1");
    record_type((const uint8_t *)"\x84\x6drestante/ns/1", 14, out);
    assert_string_equal(out, "");
    record_type((const uint8_t *)"\x84\x4drestante/ns/1", 15, out);
    assert_string_equal(out, "");
    record_type((const uint8_t *)"\x84\x63"
                                 "a b",
                5, out);
    assert_string_equal(out, "");
    record_type(NULL, 0, out);
    assert_string_equal(out, "");
}

static void lives(void **state) /* P-4.4, P-4.5 */
{
    const int64_t now = 1800000000, max = NS_LIFE_MAX;
    assert_true(record_life_ok(now + 1, now, max));
    assert_false(record_life_ok(now, now, max));
    assert_false(record_life_ok(0, now, max));
    assert_true(record_life_ok(now + max, now, max));
    assert_true(record_life_ok(now + max + LIFE_SLACK, now, max));
    assert_false(record_life_ok(now + max + LIFE_SLACK + 1, now, max));
    assert_true(record_seq_ok(0, now * 1000));
    assert_true(record_seq_ok((uint64_t)now * 1000 + SEQ_AHEAD_MS, now * 1000));
    assert_false(record_seq_ok((uint64_t)now * 1000 + SEQ_AHEAD_MS + 1, now * 1000));
    assert_false(record_seq_ok(UINT64_MAX, now * 1000));
    assert_false(record_seq_ok(0, -1));
}

static void times(void **state) /* P-1.3 */
{
    struct buf b = BUF_INIT(RECORD_MAX);
    struct record_place at = {1, "bob@demo"};
    struct descriptor d = {.address = "bob@demo", .seq = 1}, back;
    struct error e;
    d.expiry = 253402300799; /* the last second of the year 9999 */
    assert_int_equal(descriptor_encode(&d, &at, &b), 0);
    assert_int_equal(descriptor_decode(b.data, b.len, &at, &back, &e), 0);
    assert_true(back.expiry == d.expiry);
    uint8_t *expiry = b.data + b.len - 8; /* its field is the last: an integer of 8 octets */
    for (int i = 7; i >= 0 && ++expiry[i] == 0; i--)
        ; /* one second more */
    assert_int_equal(descriptor_decode(b.data, b.len, &at, &back, &e), -1);
    d.expiry++;
    assert_int_equal(descriptor_encode(&d, &at, &b), -1);
    d.expiry = -1;
    assert_int_equal(descriptor_encode(&d, &at, &b), -1);
    d.expiry = 0;
    assert_int_equal(descriptor_encode(&d, &at, &b), 0);
    assert_int_equal(LIFE_SLACK, 3600); /* clocks may differ by an hour: lives() */
    buf_free(&b);
}

static struct notification sample(void)
{
    struct notification r = {
        .sender = "alice@demo",
        .receiver = "bob@demo",
        .pubkey = SPAN("key"),
        .blob_count = 1,
        .pkesk = SPAN("skp"),
        .expiry = 1800000000,
        .has_head_blob = true,
        .head_pkesk = SPAN("skp"),
        .subject = SPAN("hi"),
    };
    r.blobs[0].size = 1;
    r.head_blob.size = 1;
    sha256(r.blobs[0].hash, HASH_LEN, r.blobs[0].chunks_hash); /* P-5.4 */
    sha256(r.head_blob.hash, HASH_LEN, r.head_blob.chunks_hash);
    return r;
}

static struct notification *fresh(struct notification *r)
{
    *r = sample();
    return r;
}

/* Refused, and the buffer is as it was. */
static void no(const struct notification *r, const char *key)
{
    struct buf b = BUF_INIT(RECORD_MAX);
    struct record_place at = {1, key};
    assert_int_equal(buf_append(&b, "x", 1), 0);
    assert_int_equal(notification_encode(r, &at, &b), -1);
    assert_int_equal(b.len, 1);
    buf_free(&b);
}

static void encoder_refuses(void **state)
{
    static uint8_t big[PUBKEY_MAX + 1];
    struct buf b = BUF_INIT(RECORD_MAX);
    struct record_place at = {1, "ns:bob@demo#0123"};
    struct notification good = sample(), r;
    assert_int_equal(notification_encode(&good, &at, &b), 0);
    no(&good, "ns:bob@demos");
    no(&good, "bob@demo");
    no(&good, "ns:carol@demo");
    fresh(&r)->blob_count = 2;
    no(&r, at.key);
    fresh(&r)->blob_count = 0;
    no(&r, at.key);
    fresh(&r)->blobs[0].size = 0;
    no(&r, at.key);
    fresh(&r)->blobs[0].chunks_hash[31] ^= 1;
    no(&r, at.key);
    fresh(&r)->expiry = -1;
    no(&r, at.key);
    fresh(&r)->subject = SPAN("a\r\nBcc: x");
    no(&r, at.key);
    fresh(&r)->pubkey = (struct span){big, sizeof big};
    no(&r, at.key);
    fresh(&r)->pkesk = (struct span){big, PKESK_MAX + 1};
    no(&r, at.key);
    fresh(&r)->has_head_blob = false;
    no(&r, at.key);
    strcpy(fresh(&r)->sender, "Alice@demo");
    no(&r, at.key);
    buf_free(&b);
}

static void places(void **state) /* P-4.3 */
{
    struct buf b = BUF_INIT(RECORD_MAX);
    struct record_place ns = {1, "ns:bob@demo"}, key = {1, "key:bob@demo"}, here = {1, "bob@demo"};
    struct cancellation c = {.sender = "alice@demo", .pubkey = SPAN("key")};
    struct identity i = {.address = "bob@demo", .pubkey = SPAN("key"), .shards = 1};
    struct descriptor d = {.address = "bob@demo"};
    assert_int_equal(cancellation_encode(&c, &ns, &b), 0);
    assert_int_equal(cancellation_encode(&c, &here, &b), -1);
    assert_int_equal(identity_encode(&i, &key, &b), 0);
    assert_int_equal(identity_encode(&i, &here, &b), -1);
    assert_int_equal(descriptor_encode(&d, &here, &b), 0);
    assert_int_equal(descriptor_encode(&d, &key, &b), -1);
    d.endpoint_count = ENDPOINTS_MAX + 1;
    assert_int_equal(descriptor_encode(&d, &here, &b), -1);
    char out[DHT_KEY_MAX + 1], longest[ADDRESS_MAX + 2];
    assert_int_equal(dht_key(out, "ns:", "bob@demo"), 0);
    assert_string_equal(out, ns.key);
    memset(longest, 'a', ADDRESS_MAX);
    longest[ADDRESS_MAX] = 0;
    assert_int_equal(
        dht_key(out, "0123456789012345678901234567890123456789012345678901234567890123", longest),
        0);
    assert_int_equal(
        dht_key(out, "01234567890123456789012345678901234567890123456789012345678901234", longest),
        -1);
    assert_string_equal(address_group("bob@demo"), "demo");
    buf_free(&b);
}

/* P-4.15 */
static void a_revocation_comes_back(void **state)
{
    struct buf b = BUF_INIT(RECORD_MAX);
    struct record_place at = {7, "key:bob@demo"}, elsewhere = {7, "key:eve@demo"};
    struct revocation r = {.address = "bob@demo", .pubkey = SPAN("key"), .made = 1}, again;
    uint8_t lock[HASH_LEN], other[HASH_LEN];
    char key[DHT_KEY_MAX + 1];
    struct identity i;
    struct error e;
    assert_int_equal(revocation_encode(&r, &elsewhere, &b), -1);
    assert_int_equal(revocation_encode(&r, &at, &b), 0);
    assert_int_equal(revocation_decode(b.data, b.len, &at, &again, &e), 0);
    assert_string_equal(again.address, r.address);
    assert_int_equal(again.made, 1);
    assert_int_equal(record_key(b.data, b.len, key), 0);
    assert_string_equal(key, at.key);
    assert_int_equal(record_key(b.data, 3, key), -1);
    assert_int_equal(revocation_decode(b.data, b.len, &elsewhere, &again, &e), -1);
    assert_int_equal(revocation_decode(b.data, b.len - 1, &at, &again, &e), -1);
    assert_int_equal(identity_decode(b.data, b.len, &at, &i, &e), RECORD_UNKNOWN);
    revocation_lock(b.data, b.len, lock); /* the same for everybody (P-3.12) */
    revocation_lock(b.data, b.len, other);
    assert_memory_equal(lock, other, HASH_LEN);
    buf_free(&b);
}

static void onions(void **state)
{
    struct endpoint ep;
    assert_int_equal(endpoint_parse("http://abc.ONION:80", &ep), 0);
    assert_true(endpoint_is_onion(&ep));
    assert_int_equal(endpoint_parse("http://abc.onion.example:80", &ep), 0);
    assert_false(endpoint_is_onion(&ep));
    assert_int_equal(endpoint_parse("http://onion:80", &ep), 0);
    assert_false(endpoint_is_onion(&ep));
}

static void heads(void **state) /* P-4.9 */
{
    struct buf packed = BUF_INIT(HEAD_BLOB_MAX), header = BUF_INIT(HEADER_MAX),
               skeleton = BUF_INIT(SKELETON_MAX);
    struct span h = SPAN("Subject: hi\r\n\r\n"), s = SPAN("\x80\0\xff"), none = {0};
    struct error e;
    assert_int_equal(head_pack(&h, &s, &packed), 0);
    assert_int_equal(head_unpack(packed.data, packed.len, &header, &skeleton, &e), 0);
    assert_int_equal(header.len, h.n);
    assert_memory_equal(header.data, h.p, h.n);
    assert_int_equal(skeleton.len, s.n);
    assert_memory_equal(skeleton.data, s.p, s.n);
    for (size_t n = 0; n < packed.len; n++)
        assert_int_equal(head_unpack(packed.data, n, &header, &skeleton, &e), -1);
    packed.data[packed.len - 1] ^= 1; /* its checksum */
    assert_int_equal(head_unpack(packed.data, packed.len, &header, &skeleton, &e), -1);
    packed.data[packed.len - 1] ^= 1;
    assert_int_equal(buf_append(&packed, "", 1), 0);
    assert_int_equal(head_unpack(packed.data, packed.len, &header, &skeleton, &e), -1);
    assert_int_equal(header.len, h.n); /* unchanged by the failures */
    struct span nul = SPAN("a\0b");
    assert_int_equal(head_pack(&nul, &none, &packed), -1);
    assert_int_equal(head_pack(&none, &none, &packed), 0);
    buf_free(&packed);
    buf_free(&header);
    buf_free(&skeleton);
}

/* The words make a small header smaller; a stream made without them is read as well, one made with
 * others is not. */
static void heads_and_words(void **state) /* P-4.9, P-4.14 */
{
    static const uint8_t plain[] = "\x82\x4fSubject: hi\r\n\r\n\x40";
    struct buf packed = BUF_INIT(HEAD_BLOB_MAX), header = BUF_INIT(HEADER_MAX),
               skeleton = BUF_INIT(SKELETON_MAX);
    struct span h =
        SPAN("Content-Type: text/plain; charset=\"utf-8\"\r\nMIME-Version: 1.0\r\n\r\n");
    struct span none = {0};
    struct error e;
    assert_int_equal(head_pack(&h, &none, &packed), 0);
    assert_true(packed.len < h.n / 2);
    assert_memory_equal(packed.data + 2, "\x4c\xf9\x6f\xc9",
                        4); /* its Adler-32, named in the stream */
    for (int words = 0; words < 2; words++) {
        uint8_t out[100];
        z_stream z = {.next_in = (z_const Bytef *)plain,
                      .avail_in = sizeof plain - 1,
                      .next_out = out,
                      .avail_out = sizeof out};
        assert_int_equal(deflateInit(&z, 6), Z_OK);
        if (words)
            assert_int_equal(deflateSetDictionary(&z, (const Bytef *)"Subject: hi", 11), Z_OK);
        assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
        assert_int_equal(head_unpack(out, z.total_out, &header, &skeleton, &e), words ? -1 : 0);
        deflateEnd(&z);
    }
    assert_int_equal(header.len, 15);
    buf_free(&packed);
    buf_free(&header);
    buf_free(&skeleton);
}

static void head_caps(void **state)
{
    struct buf packed = BUF_INIT(HEAD_BLOB_MAX), header = BUF_INIT(HEADER_MAX),
               skeleton = BUF_INIT(SKELETON_MAX);
    uint8_t *big = malloc(SKELETON_MAX + 1);
    struct error e;
    assert_non_null(big);
    memset(big, 'a', SKELETON_MAX + 1);
    struct span h = {big, HEADER_MAX}, s = {big, SKELETON_MAX};
    assert_int_equal(head_pack(&h, &s, &packed), 0);
    assert_int_equal(head_unpack(packed.data, packed.len, &header, &skeleton, &e), 0);
    assert_int_equal(header.len, HEADER_MAX);
    assert_int_equal(skeleton.len, SKELETON_MAX);
    /* what does not fit any more leaves both as they were */
    buf_consume(&header, HEADER_MAX);
    assert_int_equal(head_unpack(packed.data, packed.len, &header, &skeleton, &e), -1);
    assert_int_equal(header.len, 0);
    assert_int_equal(skeleton.len, SKELETON_MAX);
    h.n++;
    assert_int_equal(head_pack(&h, &s, &packed), -1);
    h.n--, s.n++;
    assert_int_equal(head_pack(&h, &s, &packed), -1);
    free(big);
    buf_free(&packed);
    buf_free(&header);
    buf_free(&skeleton);
}

/* 40 MB of zeros in 40 KB: stopped at the cap. */
static void head_bomb(void **state)
{
    struct buf header = BUF_INIT(HEADER_MAX), skeleton = BUF_INIT(SKELETON_MAX);
    uLong n = 40u << 20;
    uLongf packed_len = 1 << 20;
    uint8_t *zeros = calloc(1, n), *packed = malloc(packed_len);
    struct error e;
    assert_non_null(zeros);
    assert_non_null(packed);
    assert_int_equal(compress(packed, &packed_len, zeros, n), Z_OK);
    assert_int_equal(head_unpack(packed, packed_len, &header, &skeleton, &e), -1);
    assert_non_null(strstr(e.text, "limit"));
    assert_int_equal(header.len, 0);
    assert_int_equal(head_unpack(packed, HEAD_BLOB_MAX + 1, &header, &skeleton, &e), -1);
    free(zeros);
    free(packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrapping),
        cmocka_unit_test(wrapping_caps),
        cmocka_unit_test(types),
        cmocka_unit_test(lives),
        cmocka_unit_test(times),
        cmocka_unit_test(places),
        cmocka_unit_test(encoder_refuses),
        cmocka_unit_test(onions),
        cmocka_unit_test(heads),
        cmocka_unit_test(head_bomb),
        cmocka_unit_test(heads_and_words),
        cmocka_unit_test(head_caps),
        cmocka_unit_test(a_revocation_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
