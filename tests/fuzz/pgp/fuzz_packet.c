/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_packet.c - any octets as packets. The stream check says the same however the octets are cut
 * up; what is called one packet is exactly that; a key's parts lie inside its octets. */
#include "pgp/packet.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int stream(const uint8_t *p, size_t n, size_t step)
{
    struct packet_stream s = {0};

    for (size_t i = 0; i < n; i += step)
        if (packet_stream_feed(&s, p + i, n - i < step ? n - i : step, NULL) < 0)
            return -1;
    return packet_stream_end(&s, NULL);
}

static void check_key(const uint8_t *data, size_t size)
{
    struct pgp_pub pub = {data, size};
    struct key_scan k;

    if (key_scan(&pub, &k, NULL) < 0)
        return;
    if (k.count == 0 || k.count > KEY_PARTS_MAX || !key_scan_overlap(&k, &k))
        abort();
    for (size_t i = 0; i < k.count; i++)
        if (k.body[i] < data || k.body[i] + k.body_len[i] > data + size)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct packet_header h;
    uint8_t keyid[KEYID_LEN];
    int whole = stream(data, size, size + 1);

    if (stream(data, size, 1) != whole || stream(data, size, 7) != whole)
        abort();
    if (packet_header_parse(data, size, &h) == 1 &&
        (h.header_len < 2 || h.header_len > size || h.header_len > PACKET_HEADER_MAX))
        abort();
    if (packet_session_key(data, size, keyid, NULL) == 0 &&
        (packet_whole(data, size, &h) < 0 || h.header_len + h.body_len != size || whole == 0))
        abort();
    if (packet_signature(data, size, NULL) == 0 &&
        (packet_whole(data, size, &h) < 0 || h.header_len + h.body_len != size || whole == 0))
        abort();
    check_key(data, size);
    return 0;
}
