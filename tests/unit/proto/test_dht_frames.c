/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_dht_frames.c - every verb there and back, and refusals (P-8.2). */
#include "proto/dht_frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static uint8_t ids[3 * ENTRY_ID_LEN] = {1, 2, 3, 4};

/* A frame with every field set; only those of its verb travel. */
static struct dht_frame full(enum frame_verb verb)
{
    struct dht_frame f = {.verb = verb,
                          .request = 70000,
                          .key = "ns:bob@demo",
                          .value = {(const uint8_t *)"value", 5},
                          .ids = {ids, sizeof ids},
                          .expiry = 1800000000,
                          .ok = true,
                          .more = true,
                          .why = "absent",
                          .presence = FRAME_DELETED,
                          .link = FRAME_CONNECTED};
    memset(f.lock, 1, HASH_LEN);
    memset(f.value_hash, 2, HASH_LEN);
    memset(f.token, 3, HASH_LEN);
    memset(f.id, 4, ENTRY_ID_LEN);
    f.state = (struct frame_state){.link = FRAME_ALONE,
                                   .good_nodes = 7,
                                   .stored_bytes = 1ULL << 40,
                                   .deletions = 9,
                                   .port6 = 4280};
    memset(f.state.node_id, 5, INFOHASH_LEN);
    return f;
}

static void there_and_back(void **state)
{
    static const enum frame_verb verbs[] = {
        FRAME_PUT,    FRAME_DEL,  FRAME_LIST,  FRAME_GET,      FRAME_LOOK,  FRAME_LISTEN,
        FRAME_STATUS, FRAME_DONE, FRAME_VALUE, FRAME_PRESENCE, FRAME_HEARD, FRAME_STATE,
        FRAME_LINK,   FRAME_IDS,  FRAME_ADD,   FRAME_WARM,     FRAME_DROP};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        struct dht_frame f = full(verbs[i]), g;
        struct buf a = BUF_INIT(DHT_FRAME_MAX), b = BUF_INIT(DHT_FRAME_MAX);
        struct error e;
        size_t n = 0;
        assert_int_equal(dht_frame_encode(&a, &f), 0);
        assert_int_equal(dht_frame_split(a.data, a.len, &n, &e), 0);
        assert_int_equal(n, a.len);
        assert_int_equal(dht_frame_decode(a.data + FRAME_HEAD, n - FRAME_HEAD, &g, &e), 0);
        assert_int_equal(g.verb, verbs[i]);
        assert_int_equal(g.request, 70000);
        assert_int_equal(dht_frame_encode(&b, &g), 0);
        assert_int_equal(a.len, b.len);
        assert_memory_equal(a.data, b.data, a.len);
        /* No beginning of it is a frame, and no frame has something behind its end. */
        for (size_t cut = 1; cut < n - FRAME_HEAD; cut++)
            assert_int_equal(dht_frame_decode(a.data + FRAME_HEAD, cut, &g, &e), -1);
        assert_int_equal(buf_append(&a, "\0", 1), 0);
        assert_int_equal(dht_frame_decode(a.data + FRAME_HEAD, a.len - FRAME_HEAD, &g, &e), -1);
        buf_free(&a);
        buf_free(&b);
    }
}

static void fields_arrive(void **state)
{
    struct dht_frame f = full(FRAME_PUT), g;
    struct buf b = BUF_INIT(DHT_FRAME_MAX);
    struct error e;
    assert_int_equal(dht_frame_encode(&b, &f), 0);
    assert_int_equal(dht_frame_decode(b.data + FRAME_HEAD, b.len - FRAME_HEAD, &g, &e), 0);
    assert_string_equal(g.key, f.key);
    assert_int_equal(g.value.n, 5);
    assert_memory_equal(g.value.p, "value", 5);
    assert_int_equal(g.expiry, 1800000000);
    assert_memory_equal(g.lock, f.lock, HASH_LEN);
    b.len = 0;
    f = full(FRAME_STATE);
    assert_int_equal(dht_frame_encode(&b, &f), 0);
    assert_int_equal(dht_frame_decode(b.data + FRAME_HEAD, b.len - FRAME_HEAD, &g, &e), 0);
    assert_int_equal(g.state.good_nodes, 7);
    assert_int_equal(g.state.stored_bytes, 1ULL << 40);
    assert_int_equal(g.state.port6, 4280);
    assert_memory_equal(g.state.node_id, f.state.node_id, INFOHASH_LEN);
    buf_free(&b);
}

static void lengths(void **state)
{
    struct error e;
    size_t n = 99;
    assert_int_equal(dht_frame_split((const uint8_t *)"\0\0\0", 3, &n, &e), 0);
    assert_int_equal(n, 0);
    assert_int_equal(dht_frame_split((const uint8_t *)"\0\0\0\2x", 5, &n, &e), 0);
    assert_int_equal(n, 0);
    assert_int_equal(dht_frame_split((const uint8_t *)"\0\0\0\2xyz", 7, &n, &e), 0);
    assert_int_equal(n, 6);
    assert_int_equal(dht_frame_split((const uint8_t *)"\0\0\0\0", 4, &n, &e), -1);
    assert_int_equal(dht_frame_split((const uint8_t *)"\0\2\0\1", 4, &n, &e), -1);
    assert_int_equal(dht_frame_split((const uint8_t *)"\xff\xff\xff\xff", 4, &n, &e), -1);
}

#define REFUSED(text)                                                                              \
    assert_int_equal(dht_frame_decode((const uint8_t *)text, sizeof text - 1, &f, &e), -1)

static void refusals(void **state)
{
    struct dht_frame f;
    struct error e;
    REFUSED("\x82\x00\x01");          /* no such verb */
    REFUSED("\x82\x08\x01");          /* nor this */
    REFUSED("\x82\x03\x01");          /* LIST without a key */
    REFUSED("\x83\x03\x01\x60");      /* an empty key */
    REFUSED("\x84\x03\x01\x61k\x00"); /* one field too many */
    REFUSED("\x83\x03\x01\x41k");     /* a key of octets */
    REFUSED("\x83\x03\x18\x01\x61k"); /* a number not in its shortest form */
    REFUSED("\x84\x04\x01\x61k\x47"
            "1234567");              /* an id and a bit less */
    REFUSED("\x83\x16\x00\x00");     /* LINK 0 */
    REFUSED("\x83\x16\x00\x03");     /* LINK 3 */
    REFUSED("\x84\x13\x01\xf5\x03"); /* PRESENCE 3 */
    REFUSED("\xa1\x03\x01");         /* a map */
}

static void too_large(void **state)
{
    static uint8_t big[FRAME_VALUE_MAX + 1];
    struct dht_frame f = full(FRAME_PUT);
    struct buf b = BUF_INIT(2 * DHT_FRAME_MAX);
    f.value = (struct span){big, FRAME_VALUE_MAX};
    assert_int_equal(dht_frame_encode(&b, &f), 0);
    size_t before = b.len;
    f.value.n++;
    assert_int_equal(dht_frame_encode(&b, &f), -1);
    f = full(FRAME_PUT);
    f.key[0] = '\0';
    assert_int_equal(dht_frame_encode(&b, &f), -1);
    f = full(FRAME_PUT);
    f.verb = (enum frame_verb)15;
    assert_int_equal(dht_frame_encode(&b, &f), -1);
    f = full(FRAME_GET);
    f.ids.n--;
    assert_int_equal(dht_frame_encode(&b, &f), -1);
    assert_int_equal(b.len, before);
    struct buf small = BUF_INIT(16);
    f = full(FRAME_PUT);
    assert_int_equal(dht_frame_encode(&small, &f), -1);
    assert_int_equal(small.len, 0);
    buf_free(&small);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back), cmocka_unit_test(fields_arrive),
        cmocka_unit_test(lengths),        cmocka_unit_test(refusals),
        cmocka_unit_test(too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
