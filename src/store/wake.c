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

int store_clock_set(struct db *db, int64_t now_ms)
{
    static const char *const put_off[] = {
        "UPDATE receiver SET due_ms=?1 WHERE due_ms>?1 AND (state<5/*RCV_PULLED*/ OR "
        "state=11/*RCV_WITHDRAWING*/ OR clean=1/*CLEAN_DUE*/)",
        "UPDATE receiver SET cancel_due_ms=?1 WHERE cancel>0/*CANCEL_NONE*/ AND cancel_due_ms>?1",
        "UPDATE message SET due_ms=?1 WHERE state=1/*OUT_SUBMITTED*/ AND due_ms>?1",
        "UPDATE message SET sent_due_ms=?1 WHERE sent=1/*SENT_WAIT*/ AND sent_due_ms>?1",
        "UPDATE message SET line_due_ms=?1 WHERE line_dirty>0 AND line_due_ms>?1",
        "UPDATE blob SET due_ms=?1 WHERE state<>3/*BLOB_GONE*/ AND due_ms>?1",
        "UPDATE incoming SET due_ms=?1 WHERE due_ms>?1 AND state IN "
        "(1/*IN_NOTICED*/,2/*IN_STUB*/,3/*IN_PULLED*/,4/*IN_ANSWER*/,5/*IN_ANSWERED*/,7/"
        "*IN_EXPIRED*/)",
        "UPDATE replica SET due_ms=?1 WHERE due_ms>?1",
        "UPDATE replica_ns SET due_ms=?1 WHERE due_ms>?1"};
    for (size_t i = 0; i < sizeof put_off / sizeof *put_off; i++)
        if (db_exec(db, put_off[i], "i", now_ms) < 0)
            return -1;
    return 0;
}
