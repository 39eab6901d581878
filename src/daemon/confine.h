/* SPDX-License-Identifier: GPL-3.0-or-later */
/* confine.h - takes from the peer, and from all that it starts, what it does not need. */
#ifndef RESTANTE_DAEMON_CONFINE_H
#define RESTANTE_DAEMON_CONFINE_H

/* From now on this thread, the threads and the programs that it starts gain no privileges and
 * change no files but those beneath home (and /dev/null). Reading is not restricted. Before the
 * first thread. What the kernel does not offer is logged and left out. */
void confine(const char *home);

#endif
