/* SPDX-License-Identifier: GPL-3.0-or-later */
/* checks_watch.h - the health of the running peer: the disk is written to and the own announced
 * endpoints are asked, now and then and for whoever wants to know; what turns bad or good again
 * also stands in the log. */
#ifndef RESTANTE_DAEMON_CHECK_WATCH_H
#define RESTANTE_DAEMON_CHECK_WATCH_H

#include "daemon/checks.h"
#include "daemon/service.h"

/* Begins to look, about once a minute. */
int checks_watch_start(struct service *s, struct error *e);
/* Calls done, on the loop's thread, once what is known is a few seconds old at most (fresh: is
 * looked at anew); perhaps before this returns. While the peer stops, at once. */
void checks_watch_look(struct service *s, bool fresh, void (*done)(void *ctx), void *ctx);
/* All parts, from the last look. */
void checks_watch_parts(struct service *s, struct checks *h);
/* Can this peer send and receive mail now? */
bool checks_watch_ready(struct service *s);
/* Who waits is called; no look begins any more. */
void checks_watch_stop(struct service *s);
/* After the loop has ended. */
void checks_watch_free(struct service *s);
/* For http_server_config.on_fetch, with the service as ctx. */
void checks_watch_fetched(void *ctx, const uint8_t *hash);

#endif
