/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trust.h - how far the wall clock is believed where an error could not be undone: the arithmetic
 * of trusted_clock.h. All times in milliseconds. */
#ifndef RESTANTE_FLOW_TRUST_H
#define RESTANTE_FLOW_TRUST_H

#include <stdbool.h>
#include <stdint.h>

#define TRUST_SLACK_MS (3600 * 1000LL) /* that two clocks may differ (LIFE_SLACK) */

struct trust {
    int64_t wall;    /* the time that was believed... */
    int64_t boot;    /* ...when the boot clock showed this */
    int64_t slack;   /* so much may the wall clock still gain without a witness */
    int64_t low_for; /* on the boot clock: since when the wall clock is lower; 0: it is not */
};

/* Believed at the start: wall is what was believed last, boot the boot clock now. */
void trust_begin(struct trust *t, int64_t wall, int64_t boot);
/* Never later than the wall clock, and never later than what was believed plus the time that passed
 * since then (also while the computer slept). */
int64_t trust_now(const struct trust *t, int64_t wall, int64_t boot);
/* Is the wall clock so far ahead that only a witness can move the belief to it? */
bool trust_needs_witness(const struct trust *t, int64_t wall, int64_t boot);
/* Looks at the clocks. witness: it is at least so late, as others have signed; 0: nobody says. A
 * gap of at most an hour needs none: drift and the leap of a time service (the hour comes back with
 * time: one a day). A wall clock that stays lower for an hour takes the belief down with it. */
void trust_look(struct trust *t, int64_t wall, int64_t boot, int64_t witness);

#endif
