/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keep.h - where no service manager runs the peer, `restante run` does: it starts it anew when the
 * peer asks for that, because its programs or Dovecot were updated. */
#ifndef RESTANTE_CLI_KEEP_H
#define RESTANTE_CLI_KEEP_H

#include "base/error.h"
#include <stdbool.h>

/* Was this process itself started by systemd? What a terminal inherited from it does not count. */
bool keep_is_managed(void);
/* Runs restanted for this home until it ends for good, and passes SIGTERM, SIGINT and SIGHUP on.
 * The exit status, 128 and the signal's number when one ended it; -1 and e: it cannot be run. */
int keep_peer(const char *home, struct error *e);

#endif
