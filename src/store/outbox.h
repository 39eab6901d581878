/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outbox.h - the lines of the mailbox Outgoing: one for each message that has not reached
 * everybody. A trigger counts message.line_dirty up at each change of a receiver's state. */
#ifndef RESTANTE_STORE_OUTBOX_H
#define RESTANTE_STORE_OUTBOX_H

#include "store/outgoing.h"

enum line_state {
    LINE_NONE = 0,
    LINE_STANDS = 1,
    LINE_DELETED = 2, /* by the user: there will be none again */
};
struct outbox_line {
    int64_t n, changes; /* message; changes that it is to show */
    enum line_state state;
    bool pending; /* somebody may still fetch the message */
    int64_t tries;
};
int outbox_line_get(struct db *db, int64_t message, struct outbox_line *l_r);
/* Its receivers in order: address, state, whether a look-up of its key was complete, and since
 * when; stops when fn returns false. */
void outbox_line_each(struct db *db, int64_t message,
                      bool (*fn)(void *ctx, const char *address, enum rcv_state s, bool looked,
                                 int64_t since_ms),
                      void *ctx);
/* Shows l->changes now; the next change is shown at next_ms at the earliest. A line that the user
 * deleted meanwhile stays deleted. */
int outbox_line_set(struct db *db, const struct outbox_line *l, enum line_state state,
                    int64_t next_ms);
/* Lines that stand, for the look whether they still do: numbers, ids, since when they are gone. */
size_t outbox_mailbox_standing(struct db *db, int64_t after, int64_t *n_r,
                               uint8_t (*id_r)[MESSAGE_ID_LEN], int64_t *gone_r, size_t max);
int outbox_line_set_gone(struct db *db, int64_t message, int64_t gone_ms);
/* The user deleted it. 1, or 0 when it did not stand any more. */
int outbox_line_set_deleted(struct db *db, int64_t message);
/* The whole mailbox is gone: all lines are made again. */
int outbox_mailbox_again(struct db *db);
/* Does a row need the line file of this message id? */
bool outbox_line_needed(struct db *db, const uint8_t id[MESSAGE_ID_LEN]);

#endif
