/* SPDX-License-Identifier: GPL-3.0-or-later */
/* clock.h - wall time and elapsed time, in milliseconds. */
#ifndef RESTANTE_BASE_CLOCK_H
#define RESTANTE_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds since 1970, UTC. Tests shift it with the environment's RESTANTE_CLOCK_OFFSET
 * (milliseconds, read once). */
int64_t clock_wall_ms(void);
/* Milliseconds since some start; never goes back. */
int64_t clock_mono_ms(void);
/* The same, and it goes on while the computer sleeps. */
int64_t clock_boot_ms(void);
/* RFC 5322 date-time of a wall time in UTC, e.g. "Mon, 23 Nov 2026 20:58:00 +0000"; out holds 40.
 */
void clock_rfc5322(int64_t wall_ms, char out[40]);
/* ISO 8601 in UTC, e.g. "2026-11-23T20:58:00.123Z": what log lines begin with. */
#define CLOCK_ISO_CAP 40
void clock_iso8601(int64_t wall_ms, char out[CLOCK_ISO_CAP]);

#endif
