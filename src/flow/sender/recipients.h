/* SPDX-License-Identifier: GPL-3.0-or-later */
/* recipients.h - whom a submission is for: a person, oneself, or everybody of the own group. */
#ifndef RESTANTE_FLOW_RECIPIENTS_H
#define RESTANTE_FLOW_RECIPIENTS_H

#include "flow/core/services.h"
#include "net/smtp_server.h"
#include "store/outgoing.h"

struct recipients {
    struct out_rcpt *item;
    size_t count;
};

/* Adds a canonical address once. known: its key is in the key cache; asks: what its RCPT asks
 * of reports. reply_r: the rest of the SMTP reply; the reply's code. */
int recipients_add(struct recipients *r, const struct services *sv, const char *address, bool known,
                   const struct smtp_rcpt_asks *asks, struct error *reply_r);
/* all@group: each other member of the accepted group (P-10.18). */
int recipients_add_all(struct recipients *r, struct services *sv, const char *group,
                       const struct smtp_rcpt_asks *asks, struct error *reply_r);
void recipients_free(struct recipients *r);

#endif
