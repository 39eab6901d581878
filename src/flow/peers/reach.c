/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reach.c - see reach.h. What the store cannot be asked counts as not pinned: the step that
 * connects is repeated. */
#include "flow/peers/reach.h"
#include "base/texts.h"
#include "store/contacts.h"
#include "store/groups.h"
#include "net/http_client.h"
#include <string.h>

static bool is_trusted(const struct services *sv, const char *address, const uint8_t fpr[FPR_LEN])
{
    struct db *db = store_reader(sv->store);
    uint8_t vouched[FPR_LEN];
    struct contact c;
    if (group_vouched_fpr(db, address, vouched) == 0 && memcmp(vouched, fpr, FPR_LEN) == 0)
        return true;
    if (contact_get(db, address, &c) < 0)
        return false;
    bool same = memcmp(c.fpr, fpr, FPR_LEN) == 0;
    contact_free(&c);
    return same;
}

struct endpoint_policy reach_policy(const struct services *sv, const char *address,
                                    const uint8_t fpr[FPR_LEN])
{
    struct endpoint_policy p = sv->policy;
    p.private_all = p.private_all || (sv->store != NULL && is_trusted(sv, address, fpr));
    return p;
}

bool reach_unasked(int status, const char *address, const char *why, struct error *text)
{
    switch (status) {
    case HTTP_PRIVATE:
        (void)error_set(text, TEXT_PEER_PRIVATE, address, why);
        return true;
    case HTTP_LOOPBACK:
        (void)error_set(text, TEXT_PEER_LOOPBACK, address, why);
        return true;
    case HTTP_NEVER:
        (void)error_set(text, TEXT_PEER_NOWHERE, address, why);
        return true;
    case HTTP_NAMELESS:
        (void)error_set(text, TEXT_PEER_NAMELESS, address, why);
        return true;
    default:
        return false;
    }
}
