/* SPDX-License-Identifier: GPL-3.0-or-later */
/* child.h - other programs, run with a bounded wait. */
#ifndef RESTANTE_CLI_CHILD_H
#define RESTANTE_CLI_CHILD_H

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include <stdbool.h>
#include <sys/types.h>

/* Runs argv[0], looked for in PATH, until it ends, for at most wait_s seconds (then it is killed).
 * What it writes to stdout and stderr is appended to out as far as that goes; out NULL: it shares
 * the caller's terminal, stdin too. Returns its exit status, or -1 and e: it could not be run, was
 * killed, or took too long. */
int child_wait(const char *const argv[], int wait_s, struct buf *out, struct error *e);
/* Starts `restante run` for this home, in a session of its own, so that no closed terminal ends it;
 * what the peer writes before its log is open goes to HOME/log/start.log. Returns its process id or
 * -1 and e. */
pid_t child_peer(const char *home, struct error *e);
/* Is there a program of this name in PATH? */
bool child_found(const char *name);

#endif
