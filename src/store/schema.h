/* SPDX-License-Identifier: GPL-3.0-or-later */
/* schema.h - the tables, and how an older database becomes a newer one. */
#ifndef RESTANTE_STORE_SCHEMA_H
#define RESTANTE_STORE_SCHEMA_H

#include "store/db.h"

/* Brings the database to the newest version, in one transaction per step. A database of a newer
 * program is refused with a sentence. */
int schema_migrate(struct db *db, struct error *e);
/* Is it of this version? -1 and a sentence when it is not. Changes nothing. */
int schema_is_newest(struct db *db, struct error *e);
/* One of its steps alone: from version `from`, which the database has, to the next. */
int schema_step(struct db *db, int64_t from, struct error *e);

#endif
