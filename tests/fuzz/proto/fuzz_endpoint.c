/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_endpoint.c - any text as an endpoint. The canonical text of what parses parses to the same
 * (P-2.6). */
#include "proto/endpoint.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct endpoint ep, again;
    char out[ENDPOINT_TEXT_MAX + 1];
    char *text = strndup((const char *)data, size);
    if (!text)
        abort();
    if (endpoint_parse(text, &ep) == 0) {
        endpoint_format(&ep, out, sizeof out);
        if (ep.port == 0 || strpbrk(ep.host, "/@?#[]% ") || endpoint_parse(out, &again) != 0 ||
            memcmp(&ep, &again, sizeof ep) != 0)
            abort();
        (void)endpoint_is_onion(&ep);
    }
    free(text);
    return 0;
}
