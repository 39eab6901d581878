/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_from.c - any octets as a header. An address is told only when there is one, and only one
 * that stands in the header as it is told. Another From field behind it must undo that. */
#include "mimed.h"
#include <stdlib.h>
#include <string.h>
#include <lib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct from *from, const uint8_t *header, size_t n)
{
    size_t len = strlen(from->address);

    if ((from->count == 1) != (len > 0))
        abort();
    if (len == 0)
        return;
    const char *at = strchr(from->address, '@');
    if (len < 3 || len > MIME_FROM_MAX || at == NULL || strchr(at + 1, '@') != NULL)
        abort();
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)from->address[i] < ' ' || from->address[i] == 0x7f)
            abort();
    if (memmem(header, n, from->address, len) == NULL)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char other[] = "From: b@c\r\n";
    static int started;
    struct buf two = BUF_INIT(16 * 1024 * 1024);
    struct from from, again;

    if (!started)
        lib_init();
    started = 1;
    T_BEGIN
    {
        from_of(data, size, &from);
        check(&from, data, size);
        if (buf_append(&two, other, sizeof other - 1) == 0 && buf_append(&two, data, size) == 0) {
            from_of(two.data, two.len, &again);
            check(&again, two.data, two.len);
            if (from.count == 1 && again.count != 2)
                abort();
        }
    }
    T_END;
    buf_free(&two);
    return 0;
}
