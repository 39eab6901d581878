/* SPDX-License-Identifier: GPL-3.0-or-later */
/* receivers.h - whom a submission is for: a person, oneself, or everybody of the own group. */
#ifndef RESTANTE_FLOW_RECEIVERS_H
#define RESTANTE_FLOW_RECEIVERS_H

#include "flow/core/services.h"
#include "net/smtp_server.h"
#include "store/outgoing.h"

struct receivers {
    struct out_rcpt *item;
    size_t count;
};

/* Adds a canonical address once. known: its key is in the key cache; asks: what its RCPT asks
 * of reports. reply_r: the rest of the SMTP reply; the reply's code. */
int receivers_add(struct receivers *r, const struct services *sv, const char *address, bool known,
                  const struct smtp_rcpt_asks *asks, struct error *reply_r);
/* all@group: each other member of the accepted group (P-10.18). */
int receivers_add_all(struct receivers *r, struct services *sv, const char *group,
                      const struct smtp_rcpt_asks *asks, struct error *reply_r);
void receivers_free(struct receivers *r);

#endif
