/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_key.c - any octets as somebody's public key. What passes has the fingerprint that its octets
 * say, and can be encrypted to. */
#include "pgp/packet.h"
#include "pgp/pgp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pgp_pub pub = {data, size};
    struct buf out = BUF_INIT(4096);
    struct key_scan k;
    uint8_t fpr[PGP_FPR_LEN];

    if (pgp_check_pub(&pub, NULL, fpr, NULL) < 0)
        return 0;
    if (key_scan(&pub, &k, NULL) < 0 || memcmp(k.fpr, fpr, PGP_FPR_LEN) != 0)
        abort();
    (void)pgp_encrypt(&pub, "x", 1, &out, NULL);
    buf_free(&out);
    return 0;
}
