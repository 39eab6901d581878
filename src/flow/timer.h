/* SPDX-License-Identifier: GPL-3.0-or-later */
/* timer.h - the timers of the steps. */
#ifndef RESTANTE_FLOW_TIMER_H
#define RESTANTE_FLOW_TIMER_H

#include "flow/flow.h"

/* A timer of the flow's loop, not started yet; its callback finds data in it. NULL: no memory. Ends
 * with flow_timer_free. */
uv_timer_t *flow_timer_new(struct flow *f, void *data);
/* Stops it for ever and nulls; NULL is allowed. The loop frees it later. */
void flow_timer_free(uv_timer_t **t);

/* For what is listened to and polled in case something was missed. Starts polling every period
 * (milliseconds); poll_slower doubles it, up to POLL_SLOWEST times, and poll_again goes back to it.
 */
#define POLL_SLOWEST 8
void poll_start(uv_timer_t *t, uv_timer_cb fn, int64_t period);
void poll_slower(uv_timer_t *t, int64_t period);
void poll_again(uv_timer_t *t, int64_t period);

#endif
