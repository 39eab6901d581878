/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_range.c - Range, Content-Range and entity tags from strangers. The first two octets choose
 * the size of the file; the rest is the header's value. */
#include "net/http_range.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t first, last, total;

    if (size < 2) {
        return 0;
    }
    uint64_t file = (uint64_t)data[0] << (data[1] % 57);
    size_t n = size - 2;
    char *value = malloc(n + 1);
    memcpy(value, data + 2, n);
    value[n] = '\0';
    if (range_parse(value, file, &first, &last) == RANGE_PART && (first > last || last >= file)) {
        abort();
    }
    if (content_range_parse((const char *)data + 2, n, &first, &last, &total) &&
        (first > last || last >= total)) {
        abort();
    }
    bool listed = etag_listed(value, "\"tag\"");
    if (listed && strstr(value, "\"tag\"") == NULL && strchr(value, '*') == NULL) {
        abort();
    }
    free(value);
    return 0;
}
