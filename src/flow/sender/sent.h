/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sent.h - one copy in Sent, the client's own or ours (design: IMAP face). */
#ifndef RESTANTE_FLOW_SENT_H
#define RESTANTE_FLOW_SENT_H

#include "flow/core/services.h"

/* The client saved a message with this Message-ID to Sent: ours, if it stands there, goes. */
void sent_saved(struct services *sv, const char *msgid);

#endif
