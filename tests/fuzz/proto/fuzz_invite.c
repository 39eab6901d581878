/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_invite.c - any text as an invitation, and as the header field of a first mail. What parses
 * is written the same way again (P-15.1, P-15.3). */
#include "proto/invite.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct invite v, again;
    struct invite_claim c;
    struct error e = {""};
    const char *text = (const char *)data;
    if (invite_parse(text, size, &v, &e) == 0) {
        struct buf b = BUF_INIT(INVITE_LINE_MAX);
        if (invite_format(&v, &b) != 0 ||
            invite_parse((const char *)b.data, b.len, &again, &e) != 0 ||
            memcmp(&v, &again, sizeof v) != 0)
            abort();
        buf_free(&b);
    } else if (e.text[0] == '\0') {
        abort();
    }
    (void)invite_field_parse(text, size, &c);
    return 0;
}
