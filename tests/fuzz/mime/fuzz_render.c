/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_render.c - a stranger's header and skeleton: two octets of the header's length, header,
 * skeleton. Dovecot's writer must not fail an assertion, whatever the skeleton's decoder lets
 * through. */
#include "mimed.h"
#include "mime/wire.h"

#include <lib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int started;
    struct buf out = BUF_INIT(MIME_STRUCTURE_MAX);
    struct error e;

    if (!started)
        lib_init();
    started = 1;
    if (size < 2)
        return 0;
    size_t header_len = (size_t)data[0] << 8 | data[1];
    data += 2;
    size -= 2;
    if (header_len > size)
        header_len = size;
    T_BEGIN
    {
        if (render_structure(data, header_len, data + header_len, size - header_len, &out, &e) ==
                0 &&
            out.len == 0)
            abort();
    }
    T_END;
    buf_free(&out);
    return 0;
}
