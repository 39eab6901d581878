/* SPDX-License-Identifier: GPL-3.0-or-later */
/* parts.h - what was fetched of a message that ended in another way: declined, expired or taken
 * back while its octets came. */
#ifndef RESTANTE_FLOW_PARTS_H
#define RESTANTE_FLOW_PARTS_H

#include "flow/flow.h"

/* Removes the part files of the message in row n, unless it still waits to be pulled. user: a step
 * that writes them calls this when its try has failed; who else does so passes false, and nothing
 * is taken from such a step. What a crash leaves is fsck's. */
void parts_forget(struct flow *f, int64_t n, const uint8_t nid[HASH_LEN], bool user);

#endif
