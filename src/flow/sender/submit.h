/* SPDX-License-Identifier: GPL-3.0-or-later */
/* submit.h - step one: from the client's SMTP transaction into the spool (the paper's step 1). 250
 * is said only when message and envelope are durable. */
#ifndef RESTANTE_FLOW_SUBMIT_H
#define RESTANTE_FLOW_SUBMIT_H

#include "flow/core/services.h"
#include "store/outgoing.h"
#include "net/smtp_server.h"

/* A mail that this peer writes in its user's name: m, whole, with CRLF. also runs in the
 * transaction that makes it durable; done is called once, later. p is read during the call only. */
typedef int submit_also_fn(struct db *db, const struct out_message *m, void *ctx);
typedef void submit_done_fn(void *ctx, bool ok, const char *why);
struct own_mail {
    const char *receiver; /* canonical; its key is looked up when it can be */
    const uint8_t *p;
    size_t n;
    submit_also_fn *also;
    submit_done_fn *done;
    void *ctx;
};
void submit_own(struct services *sv, const struct own_mail *mail);

/* For smtp_server_start, with the struct services as ctx. */
extern const struct smtp_handler submit_handler;

#endif
