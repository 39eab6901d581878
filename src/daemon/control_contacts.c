/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_contacts.c - see control_contacts.h. */
#include "daemon/control_contacts.h"
#include "store/contacts.h"
#include <string.h>
#include <strings.h>

#define OTHERS_MAX 64

static json_t *hex(const uint8_t *fpr)
{
    char out[2 * FPR_LEN + 1];
    if (fpr == NULL)
        return json_null();
    hex_encode(fpr, FPR_LEN, out);
    return json_string(out);
}

static bool add(void *ctx, const struct contact *c, const uint8_t *other)
{
    (void)json_array_append_new(ctx, json_pack("{s:s,s:s,s:o,s:o,s:I}", "address", c->address,
                                               "trust", in_trust_name(c->trust), "fingerprint",
                                               hex(c->fpr), "other", hex(other), "checked_ms",
                                               (json_int_t)c->checked_ms));
    return true;
}

json_t *control_contacts(struct service *s)
{
    json_t *list = json_array();
    contact_each(store_reader(s->flow.store), add, list);
    return json_pack("{s:b,s:o}", "ok", 1, "contacts", list);
}

int control_other_key(struct service *s, const char *address, const char *hex, uint8_t fpr[FPR_LEN],
                      struct error *e)
{
    uint8_t all[OTHERS_MAX][FPR_LEN];
    size_t n = contact_others(store_reader(s->flow.store), address, all, OTHERS_MAX), found = 0;
    for (size_t i = 0; i < n; i++) {
        char text[2 * FPR_LEN + 1];
        hex_encode(all[i], FPR_LEN, text);
        if (hex != NULL && strncasecmp(text, hex, strlen(hex)) != 0)
            continue;
        memcpy(fpr, all[i], FPR_LEN);
        found++;
    }
    if (found == 1)
        return 0;
    if (found > 1)
        return error_set(
            e,
            "Several other keys of %s were met: compare the fingerprint with its owner, "
            "and give the right one.",
            address);
    return error_set(e, "No other key of %s was met%s.", address,
                     hex == NULL ? "" : " that begins like this");
}
