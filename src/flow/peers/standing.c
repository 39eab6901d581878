/* SPDX-License-Identifier: GPL-3.0-or-later */
/* standing.c - see standing.h. */
#include "flow/peers/standing.h"
#include "dht/dht.h"

const struct standing *standing_of(const struct services *sv)
{
    static const struct standing none = {0};
    const struct standing *s = module_state(sv, &standing_module);
    return s == NULL ? &none : s;
}

struct standing *standing_own(struct services *sv)
{
    return module_state(sv, &standing_module);
}

bool standing_may_go(const struct services *sv)
{
    const struct standing *s = standing_of(sv);
    return s->stop_reason[0] == '\0' && (s->looked || dht_link_state(sv->dht) != DHT_CONNECTED);
}

static int standing_start(struct services *sv, struct error *e)
{
    struct standing *s = module_new(sv, &standing_module, sizeof *s);
    s->shards = 1;
    (void)meta_get(store_reader(sv->store), "shards", &s->shards, sizeof s->shards);
    return 0;
}

const struct module standing_module = {.start = standing_start};
