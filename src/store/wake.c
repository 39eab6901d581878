/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wake.c - see wake.h. The states are those of enum rcv_state and in_state. */
#include "store/wake.h"
#include "store/db.h"

int store_wake(struct db *db, int64_t now_ms)
{
    int out = db_exec(db,
                      "UPDATE receiver SET due_ms=?1 WHERE due_ms>?1 AND (state IN "
                      "(1/*RCV_WAITING*/,3/*RCV_SEALED*/) OR"
                      " clean=1/*CLEAN_DUE*/)",
                      "i", now_ms);
    int in = db_exec(db,
                     "UPDATE incoming SET due_ms=?1 WHERE due_ms>?1 AND (state IN "
                     "(1/*IN_NOTICED*/,4/*IN_ANSWER*/) OR"
                     " (state=2/*IN_STUB*/ AND wanted=1))",
                     "i", now_ms);
    return out < 0 || in < 0 ? -1 : out + in;
}
