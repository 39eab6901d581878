/* SPDX-License-Identifier: GPL-3.0-or-later */
/* group_state.c - what the files of the peer group know of it; see group_work.h. */
#include "flow/group/group_work.h"

const char groups_key = 0;

struct groups *groups_of(const struct services *sv)
{
    return module_state(sv, &groups_key);
}

int group_read(const struct services *sv, const struct group_row *g, struct group_record *r,
               struct error *e)
{
    struct span payload, signature;
    struct record_place at = {sv->c.network, groups_of(sv)->key};
    if (record_unwrap(g->signed_.p, g->signed_.n, &payload, &signature, e) < 0)
        return -1;
    return group_decode(payload.p, payload.n, &at, r, e) == 0 ? 0 : -1;
}
