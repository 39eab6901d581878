/* SPDX-License-Identifier: GPL-3.0-or-later */
/* expunge_scan.h - what the user deleted, seen by link counts. */
#ifndef RESTANTE_FLOW_EXPUNGE_SCAN_H
#define RESTANTE_FLOW_EXPUNGE_SCAN_H

#include "flow/core/module.h"

struct deletion;

/* Stubs whose hard links a copy of the home has lost: counts them, links them again if told to. */
int expunge_scan_relink(struct services *sv, bool repair, size_t *found_r, struct error *e);

extern const struct module expunge_scan_module;
/* A stub was expunged: look soon. */
void expunge_scan_hint(struct services *sv);
/* Declines one stub now, by the user's word. -1 and why when it is decided already or unknown. */
int expunge_scan_decline(struct services *sv, int64_t n, struct error *why);
/* The plugin saw this stub expunged, and how (P-7.10). If that is a person's word, the stub is
 * declined after its grace, with however many others; the scan looks soon in any case. */
void expunge_scan_told(struct services *sv, const uint8_t nid[HASH_LEN], const struct deletion *d);
/* A person says that all stubs which vanished were meant to be deleted; fn hears how many those
 * are, or -1 when the database failed. -1 and e when it cannot even be asked. */
typedef void expunge_scan_confirmed_fn(void *ctx, int count);
int expunge_scan_confirm(struct services *sv, expunge_scan_confirmed_fn *fn, void *ctx,
                         struct error *e);
/* Up to which row vanished stubs wait for that; 0: none does. */
int64_t expunge_scan_held_to(struct db *db);
/* Stubs that vanished in so large a number that the user must confirm. */
size_t expunge_scan_held(const struct services *sv);

#endif
