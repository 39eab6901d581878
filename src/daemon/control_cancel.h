/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_cancel.h - what is said of a message that is being taken back. */
#ifndef RESTANTE_DAEMON_CONTROL_CANCEL_H
#define RESTANTE_DAEMON_CONTROL_CANCEL_H

#include "daemon/service.h"
#include <jansson.h>

/* {"ok":true,"id":...,"receivers":[{"to","state","at_ms","answer"}]} of a message (a row); address:
 * of this receiver only, NULL: of all. "answer" is the sentence for the user. */
json_t *control_cancel_answer(struct service *s, int64_t message, const char *address);

#endif
