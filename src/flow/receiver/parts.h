/* SPDX-License-Identifier: GPL-3.0-or-later */
/* parts.h - what was fetched of a message that ended in another way: declined, expired or taken
 * back while its octets came. */
#ifndef RESTANTE_FLOW_PARTS_H
#define RESTANTE_FLOW_PARTS_H

#include "flow/core/services.h"

/* Removes the part files of the message in row n, which has ended, unless a step that writes them
 * is under way: that one calls the second when its try has failed. What a crash leaves is fsck's.
 */
void parts_forget(struct services *sv, int64_t n, const uint8_t nid[HASH_LEN]);
/* The same for that step, if the message has ended meanwhile. */
void parts_forget_if_ended(struct services *sv, int64_t n, const uint8_t nid[HASH_LEN]);

#endif
