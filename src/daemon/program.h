/* SPDX-License-Identifier: GPL-3.0-or-later */
/* program.h - where the other programs of Restante and the Dovecot plugin are. */
#ifndef RESTANTE_DAEMON_PROGRAM_H
#define RESTANTE_DAEMON_PROGRAM_H

#include "base/error.h"
#include "base/file.h"

/* How restanted ends when it wants to be started anew by whoever keeps it running: systemd, or
 * `restante run`, which tells it so by this name in the environment. */
#define PROGRAM_ANEW 75
#define PROGRAM_KEPT "RESTANTE_KEPT"

/* Path of "restanted", "restante-dht", "restante-mime" ...: in $RESTANTE_LIBEXEC, else beside the
 * running program, else elsewhere in the build tree that it lies in, else below the prefix that it
 * lies in (so that an installation can be moved as a whole), else where it was installed. */
int program_find(const char *name, char out[PATH_CAP], struct error *e);
/* The folder that holds the Dovecot plugin: $RESTANTE_PLUGIN_DIR, else the build tree's, else the
 * installed one. */
int program_plugin_dir(char out[PATH_CAP], struct error *e);

#endif
