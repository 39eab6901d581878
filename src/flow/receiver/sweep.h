/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sweep.h - what the user deleted, seen by link counts. */
#ifndef RESTANTE_FLOW_SWEEP_H
#define RESTANTE_FLOW_SWEEP_H

#include "flow/flow.h"

/* Stubs whose hard links a copy of the home has lost: counts them, links them again if told to. */
int sweep_relink(struct flow *f, bool repair, size_t *found_r, struct error *e);

int sweep_start(struct flow *f, struct error *e);
/* A stub was expunged: look soon. */
void sweep_hint(struct flow *f);
/* Declines one stub now, by the user's word. -1 and why when it is decided already or unknown. */
int sweep_decline(struct flow *f, int64_t n, struct error *why);
/* Stubs that vanished in so large a number that the user must confirm. */
size_t sweep_held(const struct flow *f);
void sweep_stop(struct flow *f);
void sweep_free(struct flow *f);

#endif
