/* SPDX-License-Identifier: GPL-3.0-or-later */
/* timer.h - the timers of the steps. */
#ifndef RESTANTE_FLOW_TIMER_H
#define RESTANTE_FLOW_TIMER_H

#include "flow/core/services.h"
#include "dht/dht.h"

/* A timer of the flow's loop, not started yet; its callback finds data in it. NULL: no memory. Ends
 * with timer_free. */
uv_timer_t *timer_new(struct services *sv, void *data);
/* Stops it for ever and nulls; NULL is allowed. The loop frees it later. */
void timer_free(uv_timer_t **t);

/* For a key of the DHT that is listened to (on_heard, with f) and polled in case something was
 * missed (on_timer, every poll period of the configuration); a line in the log names `what` when
 * listening fails. Ends with timer_free. */
uv_timer_t *poll_start(struct services *sv, const char *key, uv_timer_cb on_timer,
                       dht_listen_fn *on_heard, const char *what);
/* poll_slower doubles the period, up to POLL_SLOWEST times the configured one; poll_again goes back
 * to that. */
#define POLL_SLOWEST 8
void poll_slower(uv_timer_t *t, int64_t period);
void poll_again(uv_timer_t *t, int64_t period);

#endif
