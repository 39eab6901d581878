/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wake.h - the network is back: what failed for want of it need not wait for its next try. */
#ifndef RESTANTE_STORE_WAKE_H
#define RESTANTE_STORE_WAKE_H

#include "store/store.h"

/* Look-ups, announcements, cleaning, heads, wanted pulls and receipts that were put off are due
 * now. How often they failed stays known. Number of rows, or -1. */
int store_wake(struct db *db, int64_t now_ms);
/* The wall clock was set to another time (ms): what is put off until later than a while from now is
 * due now. 0, or -1. */
int store_clock_set(struct db *db, int64_t now_ms);

#endif
