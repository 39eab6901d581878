/* SPDX-License-Identifier: GPL-3.0-or-later */
/* flow.h - the whole of a message's way, put together: the list of steps, the list of modules. */
#ifndef RESTANTE_FLOW_FLOW_H
#define RESTANTE_FLOW_FLOW_H

#include "dht/dht.h"
#include "flow/core/services.h"

/* Starts the steps: everything that is due is taken up where it was left. What services.h says is
 * the caller's to fill must be. */
int flow_start(struct services *sv, struct error *e);
/* No new work; what is under way ends or is dropped (it is taken up after the next start). */
void flow_stop(struct services *sv);
/* After the loop has run out. */
void flow_free(struct services *sv);
/* The DHT's link changed. */
void flow_link(struct services *sv, enum dht_link link);

#endif
