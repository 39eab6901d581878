/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plugin_env.h - what the daemon tells its Dovecot plugin, in the environment: a foreign plugin's
 * own settings Dovecot 2.4 takes only from a description compiled into it. Each name also stands in
 * import_environment of the private configuration, which 2.4 splits at spaces, values and all: so
 * paths are told as they go on from the user's home, and only others begin with a slash. */
#ifndef RESTANTE_BASE_PLUGIN_ENV_H
#define RESTANTE_BASE_PLUGIN_ENV_H

#define PLUGIN_ENV_SOCKET "RESTANTE_PLUGIN_SOCKET" /* path of the daemon's socket for it (P-7) */
#define PLUGIN_ENV_KEY "RESTANTE_PLUGIN_KEY"       /* path of the file with the stub key */
#define PLUGIN_ENV_WAIT "RESTANTE_PLUGIN_WAIT"     /* seconds that a FETCH waits for a pull */

#endif
