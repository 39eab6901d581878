/* SPDX-License-Identifier: GPL-3.0-or-later */
/* confine.h - takes from the peer, and from all that it starts, what it does not need. */
#ifndef RESTANTE_DAEMON_CONFINE_H
#define RESTANTE_DAEMON_CONFINE_H

/* From now on this thread, the threads and the programs that it starts gain no privileges and
 * change no files but those beneath home (and /dev/null). Reading is not restricted. Before the
 * first thread. `also` (or NULL) is a folder in which they may make, write and remove plain files.
 * Returns NULL, or a text that goes after a colon: why the kernel does not do it; then files are
 * not restricted. */
const char *confine(const char *home, const char *also);

#endif
