/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trusted_clock.h - may something be declared over because of the time? Nothing that cannot be
 * taken back is decided from the wall clock alone (P-13.2): endings (expiry, collection, unlinking,
 * forgetting) go by the trusted time, which is never later than the wall clock, advances on the
 * boot clock, and leaps only as far as others' signed times go. Records are made, verified, shown
 * and pulled by the wall clock. scripts/check-time has the list of who may ask which. */
#ifndef RESTANTE_FLOW_TRUSTED_CLOCK_H
#define RESTANTE_FLOW_TRUSTED_CLOCK_H

#include "flow/core/module.h"

#define CLOCK_JUMP_MS (3600 * 1000LL) /* the slack of two clocks (LIFE_SLACK) */

/* How far the wall clock moved beyond the time that passed (boot: also while suspended): positive
 * ahead, negative back. 0 when it is at most CLOCK_JUMP_MS. */
int64_t clock_jump(int64_t wall_before, int64_t boot_before, int64_t wall_now, int64_t boot_now);

extern const struct module trusted_clock_module;

/* The time for endings, ms since 1970. Before the module started: 0, and nothing ends. Any thread.
 */
int64_t trusted_now_ms(const struct services *sv);
/* How far the wall clock is ahead of it; 0 when it is not. Any thread. */
int64_t trusted_clock_lag_ms(const struct services *sv);
/* Receipts were looked for completely, while connected, in this run, and since the wall clock
 * jumped last (P-10.14). */
bool trusted_clock_holds(const struct services *sv);
/* Somebody's key has signed a record with this sequence number, which is a time or a little more
 * (P-4.5), whatever else is wrong with it. It counts only if the key is pinned or vouched for. Any
 * thread. */
void trusted_clock_witness(const struct services *sv, const uint8_t fpr[FPR_LEN], uint64_t seq);

#endif
