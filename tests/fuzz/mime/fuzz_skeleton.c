/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_skeleton.c - any octets as a skeleton. There is one way only to write what decodes. */
#include "proto/skeleton.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct skeleton s;
    struct buf again = BUF_INIT(SKELETON_MAX);

    if (skeleton_decode(data, size, &s, NULL) == 0) {
        if (skeleton_encode(&s, &again, NULL) != 0 || again.len != size ||
            memcmp(again.data, data, size) != 0)
            abort();
    } else if (s.part != NULL || s.count != 0) {
        abort();
    }
    skeleton_free(&s);
    buf_free(&again);
    return 0;
}
