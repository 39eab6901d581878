/* SPDX-License-Identifier: GPL-3.0-or-later */
/* clockwatch.h - may something be declared over because of the time? Not before the DHT was
 * connected and receipts were looked for completely in this run; and not after the wall clock
 * jumped, until that happened again (P-13.2). */
#ifndef RESTANTE_FLOW_CLOCKWATCH_H
#define RESTANTE_FLOW_CLOCKWATCH_H

#include "flow/flow.h"

#define CLOCK_JUMP_MS (3600 * 1000LL) /* the slack of two clocks (LIFE_SLACK) */

/* How far the wall clock moved beyond the time that passed (boot: also while suspended): positive
 * ahead, negative back. 0 when it is at most CLOCK_JUMP_MS. */
int64_t clock_jump(int64_t wall_before, int64_t boot_before, int64_t wall_now, int64_t boot_now);

int clockwatch_start(struct flow *f, struct error *e);
bool clockwatch_trusted(const struct flow *f);
/* All receipts at nr:<own address> were looked for while connected. */
void clockwatch_looked(struct flow *f);
void clockwatch_stop(struct flow *f);
void clockwatch_free(struct flow *f);

#endif
