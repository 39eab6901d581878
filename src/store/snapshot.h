/* SPDX-License-Identifier: GPL-3.0-or-later */
/* snapshot.h - the database as a file of its own, for a backup: taken beside a running peer, and
 * made ready to be another home's. */
#ifndef RESTANTE_STORE_SNAPSHOT_H
#define RESTANTE_STORE_SNAPSHOT_H

#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>

/* Writes what the database held at one moment to the new file `to`. Others may go on writing. */
int snapshot_take(const char *path, const char *to, struct error *e);
/* Is this a whole database, of a version that this program understands? It is migrated to the
 * newest. */
int snapshot_check(const char *path, struct error *e);
/* It belongs to a restored home from now on: its instance id is forgotten, so that the peer makes a
 * new one and meets another peer of its address (P-10.20), and receipts are looked for again. */
int snapshot_restored(const char *path, int64_t now_ms, struct error *e);
/* Does the home's user know anybody yet? false when it cannot be told. */
bool snapshot_has_contacts(const char *path);

#endif
