/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_frames.c - frames of the local DHT socket: what is read is written again octet for octet. */
#include "proto/dht_frames.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dht_frame f;
    struct error e;
    size_t n = 0;
    if (dht_frame_split(data, size, &n, &e) < 0 || n == 0)
        return 0;
    if (n > size || n <= FRAME_HEAD)
        abort();
    if (dht_frame_decode(data + FRAME_HEAD, n - FRAME_HEAD, &f, &e) < 0)
        return 0;
    struct buf b = BUF_INIT(FRAME_HEAD + DHT_FRAME_MAX);
    if (dht_frame_encode(&b, &f) < 0 || b.len != n || memcmp(b.data, data, n) != 0)
        abort();
    buf_free(&b);
    return 0;
}
