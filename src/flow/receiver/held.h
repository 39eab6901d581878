/* SPDX-License-Identifier: GPL-3.0-or-later */
/* held.h - a blob that this peer holds for its group and is itself a receiver of: opened from here,
 * without the network (P-12.8). */
#ifndef RESTANTE_FLOW_HELD_H
#define RESTANTE_FLOW_HELD_H

#include "flow/core/services.h"

#define HELD_FROM "the copy that is held here" /* for the log */

/* Does this peer hold it, whole, as a replica? On the loop's thread. */
bool held_here(const struct services *sv, const struct blob_ref *blob);
/* Gives the replica a second name, the part file `path`, after looking at each of its octets.
 * false: it is not what was announced, or the name cannot be given; then there is no such file, or
 * the one of an earlier transfer. Worker thread. */
bool held_take(const struct services *sv, const struct blob_ref *blob, const char *path);

#endif
