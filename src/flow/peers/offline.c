/* SPDX-License-Identifier: GPL-3.0-or-later */
/* offline.c - see offline.h. */
#include "flow/peers/offline.h"
#include "base/texts.h"
#include "dht/dht.h"

/* A peer that announces loopback lives in a network of its own computer. */
static bool has_cable(const struct services *sv)
{
    uv_interface_address_t *a;
    int n = 0;
    bool yes = sv->policy.loopback || uv_interface_addresses(&a, &n) != 0;
    if (yes)
        return true;
    for (int i = 0; i < n && !yes; i++) {
        const struct sockaddr *sa = (const struct sockaddr *)&a[i].address;
        struct endpoint_policy all = {.private_all = true};
        yes = !a[i].is_internal && endpoint_judge(sa, &all) == ENDPOINT_ALLOWED;
    }
    uv_free_interface_addresses(a, n);
    return yes;
}

enum offline_cause offline_why(const struct services *sv)
{
    enum dht_link link = dht_link_state(sv->dht);
    if (link == DHT_DOWN)
        return OFFLINE_NODE;
    if (!has_cable(sv))
        return OFFLINE_CABLE;
    if (link == DHT_CONNECTED)
        return OFFLINE_SOME;
    return sv->c.has_bootstrap ? OFFLINE_OTHERS : OFFLINE_FIRST;
}

const char *offline_words(enum offline_cause o)
{
    static const char *const words[] = {
        [OFFLINE_NODE] = TEXT_OFFLINE_NODE,   [OFFLINE_CABLE] = TEXT_OFFLINE_CABLE,
        [OFFLINE_FIRST] = TEXT_OFFLINE_FIRST, [OFFLINE_OTHERS] = TEXT_OFFLINE_OTHERS,
        [OFFLINE_SOME] = TEXT_OFFLINE_SOME,
    };
    return words[o];
}
