/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_address.c - any text as an address. The canonical form of what parses is its own canonical
 * form and has no character that means something elsewhere (P-2.1). */
#include "proto/address.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char once[ADDRESS_MAX + 1], twice[ADDRESS_MAX + 1], key[DHT_KEY_MAX + 1];
    char *text = strndup((const char *)data, size);
    if (!text)
        abort();
    if (address_parse(text, once) == 0) {
        if (address_parse(once, twice) != 0 || strcmp(once, twice) != 0 ||
            strpbrk(once, ":/#<>, \r\n") || dht_key(key, "ns:", once) != 0 ||
            address_group(once)[0] == 0)
            abort();
    }
    free(text);
    return 0;
}
