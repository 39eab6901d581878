/* SPDX-License-Identifier: GPL-3.0-or-later */
/* path.c - see path.h. */
#include "flow/core/path.h"
#include <stdio.h>

void home_path(const struct services *sv, char out[PATH_CAP], const char *dir, const uint8_t *id,
               size_t id_len, const char *suffix)
{
    char hex[2 * HASH_LEN + 1];
    hex_encode(id, id_len > HASH_LEN ? HASH_LEN : id_len, hex);
    (void)snprintf(out, PATH_CAP, "%s/%s/%s%s", sv->c.home, dir, hex, suffix);
}
