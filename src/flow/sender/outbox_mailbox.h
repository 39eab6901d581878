/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outbox_mailbox.h - the mailbox Outgoing: one small message for each sent message that has not
 * reached everybody, with its state in the subject and in the text. When the user deletes one, the
 * message is taken back from all who have not fetched it (P-14.7). */
#ifndef RESTANTE_FLOW_OUTBOX_MAILBOX_H
#define RESTANTE_FLOW_OUTBOX_MAILBOX_H

#include "flow/core/module.h"
#include "store/outbox.h"

#define OUTBOX_FOLDER ".Outgoing"
#define OUTBOX_FOLDER_ONCE ".Outbox" /* until clients showed theirs of that name beside it */
#define OUTBOX_PAUSE_MS 2000         /* between two changes of one line */

/* Looks from now on whether the lines still stand. */
extern const struct module outbox_mailbox_module;

/* Is the mailbox the one that the lines were put into? Otherwise it was deleted as a whole. */
bool outbox_mailbox_marked(const char *home);

/* The line's text, with CRLF, as the store's reader sees the message now; and the states in it. */
int outbox_line_text(struct services *sv, const struct out_message *m, struct buf *out,
                     unsigned *states_r);
/* The IMAP keyword of the state that bit n stands for ("$Announced"); NULL: there is none. */
const char *outbox_line_keyword(unsigned n);

#endif
