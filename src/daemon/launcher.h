/* SPDX-License-Identifier: GPL-3.0-or-later */
/* launcher.h - starts the private Dovecot from outside the daemon's own walls.
 *
 * Dovecot 2.4 writes the configuration it has read to a file in /tmp, whatever its settings say,
 * and the daemon may write nowhere but in its home (confine.h), nor may what it starts. So a small
 * process is forked before the daemon confines itself. It has the same walls and one gap more,
 * knows no secret, runs one program at a time and ends it when the daemon ends, however that
 * happens. */
#ifndef RESTANTE_DAEMON_LAUNCHER_H
#define RESTANTE_DAEMON_LAUNCHER_H

#include "base/error.h"
#include <stdint.h>
#include <uv.h>

/* Forks it. Before confine(), before the first thread and before any secret is read. What it starts
 * may write beneath home, and in the folder `also` (NULL: nowhere else) make, write and remove
 * files. Returns the daemon's end of its socket, -1 and e when it cannot be forked. */
int launcher_fork(const char *home, const char *also, struct error *e);

/* All are called from the loop. */
struct launcher_events {
    void (*started)(void *ctx, int pid);
    /* It ended, or could not be started; then it is as if it had said why on its standard error. */
    void (*ended)(void *ctx, int64_t status, int signal);
    /* The launcher itself is gone, and what it ran gets SIGTERM. Nothing is called after this. */
    void (*gone)(void *ctx);
    void *ctx;
};

struct launcher;

/* Takes the descriptor over, also on failure. NULL and e. */
struct launcher *launcher_new(uv_loop_t *loop, int fd, const struct launcher_events *events,
                              struct error *e);
/* Starts a program, which must not run at the moment. args[0] is its path; both lists end with
 * NULL. It gets a session of its own, /dev/null as 0 and 1, and err_fd as 2, which stays the
 * caller's. */
int launcher_start(struct launcher *l, const char *const args[], const char *const env[],
                   int err_fd, struct error *e);
/* Sends it a signal, if it runs. */
void launcher_signal(struct launcher *l, int signal);
/* Lets it go: the process ends. closed is called from the loop when nothing of *l is left. */
void launcher_free(struct launcher **l, void (*closed)(void *ctx), void *ctx);

#endif
