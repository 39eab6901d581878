/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trusted_clock.h - may something be declared over because of the time? Not before the DHT was
 * connected and receipts were looked for completely in this run; and not after the wall clock
 * jumped, until that happened again (P-13.2). */
#ifndef RESTANTE_FLOW_TRUSTED_CLOCK_H
#define RESTANTE_FLOW_TRUSTED_CLOCK_H

#include "flow/core/module.h"

#define CLOCK_JUMP_MS (3600 * 1000LL) /* the slack of two clocks (LIFE_SLACK) */

/* How far the wall clock moved beyond the time that passed (boot: also while suspended): positive
 * ahead, negative back. 0 when it is at most CLOCK_JUMP_MS. */
int64_t clock_jump(int64_t wall_before, int64_t boot_before, int64_t wall_now, int64_t boot_now);

extern const struct module trusted_clock_module;
bool trusted_clock_holds(const struct services *sv);

#endif
