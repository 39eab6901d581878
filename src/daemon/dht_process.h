/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dht_process.h - the peer's own restante-dht: started, and started again when it dies. It ends
 * when the daemon does, however that happens (it is tied to it by its standard input). */
#ifndef RESTANTE_DAEMON_DHT_PROCESS_H
#define RESTANTE_DAEMON_DHT_PROCESS_H

#include "base/error.h"
#include "base/health.h"
#include "daemon/config.h"
#include <uv.h>

struct dht_process;

/* Starts it with the settings of c. NULL and e when the program cannot be found or started. */
struct dht_process *dht_process_start(uv_loop_t *loop, const struct config *c, struct error *e);
/* It answers on its socket: whatever ended it before is over. */
void dht_process_answers(struct dht_process *p);
/* How it is doing. Wrong: it ended, and has not answered since; cause has the last line that it
 * said on its standard error. */
void dht_process_health(const struct dht_process *p, struct health *health_r);
int dht_process_pid(const struct dht_process *p);
/* A further node to begin at ("host:port"), from the next start of the program on. false: it is
 * known, or there are too many. */
bool dht_process_add_node(struct dht_process *p, const char *node);
/* Ends the program, cleanly, so that it starts again with what was added. */
void dht_process_renew(struct dht_process *p);
/* Asks it to end, and kills it when it has not ended within five seconds; it is not started again.
 * Frees when it is gone; nulls at once. */
void dht_process_stop(struct dht_process **p);

#endif
