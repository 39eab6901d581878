/* SPDX-License-Identifier: GPL-3.0-or-later */
/* submit.h - step one: from the client's SMTP transaction into the spool (the paper's step 1). 250
 * is said only when message and envelope are durable. */
#ifndef RESTANTE_FLOW_SUBMIT_H
#define RESTANTE_FLOW_SUBMIT_H

#include "flow/flow.h"

/* For smtp_server_start, with the struct flow as ctx. */
extern const struct smtp_handler submit_handler;

#endif
