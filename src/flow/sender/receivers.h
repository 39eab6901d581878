/* SPDX-License-Identifier: GPL-3.0-or-later */
/* receivers.h - whom a submission is for: a person, oneself, or everybody of the own group. */
#ifndef RESTANTE_FLOW_RECEIVERS_H
#define RESTANTE_FLOW_RECEIVERS_H

#include "flow/flow.h"
#include "store/outgoing.h"

struct receivers {
    struct out_rcpt *item;
    size_t count;
};

/* Adds a canonical address once. known: its key is in the key cache; notify: what its RCPT asks to
 * be told of. reply_r: the rest of the SMTP reply; the reply's code. */
int receivers_add(struct receivers *r, const struct flow *f, const char *address, bool known,
                  unsigned notify, struct error *reply_r);
/* all@group: each other member of the accepted group (P-10.18). */
int receivers_add_all(struct receivers *r, struct flow *f, const char *group, unsigned notify,
                      struct error *reply_r);
void receivers_free(struct receivers *r);

#endif
