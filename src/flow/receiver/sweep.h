/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sweep.h - what the user deleted, seen by link counts. */
#ifndef RESTANTE_FLOW_SWEEP_H
#define RESTANTE_FLOW_SWEEP_H

#include "flow/flow.h"

struct deletion;

/* Stubs whose hard links a copy of the home has lost: counts them, links them again if told to. */
int sweep_relink(struct flow *f, bool repair, size_t *found_r, struct error *e);

int sweep_start(struct flow *f, struct error *e);
/* A stub was expunged: look soon. */
void sweep_hint(struct flow *f);
/* Declines one stub now, by the user's word. -1 and why when it is decided already or unknown. */
int sweep_decline(struct flow *f, int64_t n, struct error *why);
/* The plugin saw this stub expunged, and how (P-7.10). If that is a person's word, the stub is
 * declined after its grace, with however many others; the sweep looks soon in any case. */
void sweep_told(struct flow *f, const uint8_t nid[HASH_LEN], const struct deletion *d);
/* A person says that all stubs which vanished were meant to be deleted; fn hears how many those
 * are, or -1 when the database failed. -1 and e when it cannot even be asked. */
typedef void sweep_confirmed_fn(void *ctx, int count);
int sweep_confirm(struct flow *f, sweep_confirmed_fn *fn, void *ctx, struct error *e);
/* Up to which row vanished stubs wait for that; 0: none does. */
int64_t sweep_held_to(struct db *db);
/* Stubs that vanished in so large a number that the user must confirm. */
size_t sweep_held(const struct flow *f);
void sweep_stop(struct flow *f);
void sweep_free(struct flow *f);

#endif
