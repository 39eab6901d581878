/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_packet.c - packet headers of both formats, and the shape of a blob however it is cut up. */
#include "pgp_peer.h"
#include "pgp/packet.h"

#include <string.h>

static void header(const char *hex, int result, unsigned tag, size_t head, uint32_t body, bool part)
{
    uint8_t p[PACKET_HEADER_MAX];
    size_t n = strlen(hex) / 2;
    struct packet_header h;
    assert_int_equal(hex_decode(hex, p, n), 0);
    assert_int_equal(packet_header_parse(p, n, &h), result);
    if (result != 1)
        return;
    assert_int_equal(h.tag, tag);
    assert_int_equal(h.header_len, head);
    assert_int_equal(h.body_len, body);
    assert_int_equal(h.partial, part);
    for (size_t i = 0; i < head; i++)
        assert_int_equal(packet_header_parse(p, i, &h), 0);
}

static void test_headers(void **state)
{
    header("845e", 1, 1, 2, 0x5e, false);        /* old format, one octet of length */
    header("85010c", 1, 1, 3, 0x10c, false);     /* two */
    header("8600010000", 1, 1, 5, 65536, false); /* old format, four */
    header("87", -1, 0, 0, 0, false);            /* up to the end */
    header("c1bf", 1, 1, 2, 191, false);
    header("c1c000", 1, 1, 3, 192, false);
    header("c1dfff", 1, 1, 3, 8383, false);
    header("d2e0", 1, 18, 2, 1, true);
    header("d2fe", 1, 18, 2, 1u << 30, true);
    header("d2ffffffffff", 1, 18, 6, 0xffffffff, false);
    header("c0bf", -1, 0, 0, 0, false); /* tag 0 */
    header("8001", -1, 0, 0, 0, false); /* tag 0 */
    header("7f01", -1, 0, 0, 0, false); /* no packet */
    header("", 0, 0, 0, 0, false);
}

static int stream(const uint8_t *p, size_t n, size_t step, struct error *e)
{
    struct packet_stream s = {0};
    for (size_t i = 0; i < n; i += step)
        if (packet_stream_feed(&s, p + i, n - i < step ? n - i : step, e) < 0)
            return -1;
    return packet_stream_end(&s, e);
}

static void test_stream(void **state)
{
    uint8_t p[1200] = {0xd2, 0xe9}; /* 512 octets, then 256, 1, and 3 as the last part */
    size_t n = 2 + 512;
    p[n] = 0xe8;
    n += 1 + 256;
    p[n] = 0xe0;
    n += 1 + 1;
    p[n] = 3;
    n += 1 + 3;
    for (size_t step = 1; step < n + 2; step += step < 5 ? 1 : 97) {
        ok(stream(p, n, step, e));
        fails(stream(p, n - 1, step, e), "cut off");
        fails(stream(p, 2 + 512, step, e), "cut off");
        fails(stream(p, n + 1, step, e), "follows the end");
    }
    fails(stream(p, 0, 1, e), "cut off");
    fails(stream(p, 1, 1, e), "cut off");
    p[1] = 0xe8; /* a first part of 256 octets */
    fails(stream(p, n, 7, e), "shorter than the standard");
    p[1] = 0xe9;
    p[0] = 0xd4; /* AEAD */
    ok(stream(p, n, 7, e));
    p[0] = 0xc9; /* encrypted without integrity */
    fails(stream(p, n, 7, e), "kind 9");
    p[0] = 0xcb; /* literal */
    fails(stream(p, n, 7, e), "kind 11");
    p[0] = 0x12;
    fails(stream(p, n, 7, e), "not an OpenPGP packet");
}

static void test_session_key(void **state)
{
    uint8_t p[20] = {0xc1, 18, 3, 1, 2, 3, 4, 5, 6, 7, 8, 18}, keyid[KEYID_LEN];
    ok(packet_session_key(p, sizeof p, keyid, e));
    assert_memory_equal(keyid, "\1\2\3\4\5\6\7\10", KEYID_LEN);
    fails(packet_session_key(p, sizeof p - 1, keyid, e), "exactly one");
    fails(packet_session_key(p, 0, keyid, e), "exactly one");
    p[1] = 17;
    fails(packet_session_key(p, sizeof p, keyid, e), "exactly one");
    p[1] = 18;
    p[2] = 6;
    fails(packet_session_key(p, sizeof p, keyid, e), "version");
    p[0] = 0xc2;
    fails(packet_session_key(p, sizeof p, keyid, e), "exactly one");
    fails(packet_session_key((const uint8_t *)"\xc1\x02\3\1", 4, keyid, e), "version");
}

static void test_signature(void **state)
{
    uint8_t p[10] = {0xc2, 8, 4, 0, 22, 8};
    ok(packet_signature(p, sizeof p, e));
    p[3] = 1; /* text */
    fails(packet_signature(p, sizeof p, e), "binary");
    p[3] = 0;
    p[2] = 3;
    fails(packet_signature(p, sizeof p, e), "version 4");
    p[2] = 4;
    fails(packet_signature(p, sizeof p - 1, e), "exactly one");
    p[0] = 0xc1;
    fails(packet_signature(p, sizeof p, e), "exactly one");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_session_key),
        cmocka_unit_test(test_signature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
