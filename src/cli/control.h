/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control.h - asking the running daemon through HOME/run/control.sock: JSON lines, one request and
 * its answer at a time. */
#ifndef RESTANTE_CLI_CONTROL_H
#define RESTANTE_CLI_CONTROL_H

#include "base/error.h"
#include "cli/common.h"
#include <jansson.h>
#include <sys/types.h>
#include <stdint.h>

struct control;

/* {"done": octets, "size": octets}, and of several messages {"messages": here, "of": all}. */
typedef void control_progress_fn(void *ctx, const json_t *progress);

/* Connects to the daemon of cli->home (see cli_home). -1 and a sentence when it does not run. */
int control_open(const struct cli *cli, struct control **c_r, struct error *e);
/* Sends {"cmd": cmd, "id": id} (id may be NULL) and waits for the answer, of which progress lines
 * go to progress() (may be NULL). The answer is the caller's (json_decref); NULL and e when the
 * daemon says no, in its own words, or falls silent. wait_s: how long a silence may last; 0: for
 * ever. */
json_t *control_ask(struct control *c, const char *cmd, const char *id, int wait_s,
                    control_progress_fn *progress, void *ctx, struct error *e);
/* The same with a whole request, which stays the caller's. */
json_t *control_ask_for(struct control *c, const json_t *request, int wait_s,
                        control_progress_fn *progress, void *ctx, struct error *e);
/* The process that listens there, 0 when it cannot be found out. */
pid_t control_peer(const struct control *c);
void control_close(struct control **c);

/* Members of an object, with a value for what is absent or of another kind. */
const char *json_text(const json_t *o, const char *key, const char *absent);
int64_t json_number(const json_t *o, const char *key, int64_t absent);

#endif
