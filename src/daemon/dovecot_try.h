/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dovecot_try.h - the plugin uses Dovecot's internals, which a security update may change without
 * changing the ABI string that Dovecot compares. So a package of Dovecot other than the one that
 * the plugin was built with is tried once: a real imap process with the real plugin on a mailbox of
 * its own, in which stubs are listed, refused, opened and expunged. */
#ifndef RESTANTE_DAEMON_DOVECOT_TRY_H
#define RESTANTE_DAEMON_DOVECOT_TRY_H

#include "base/error.h"

/* Tries the plugin of this folder. Blocks for a fraction of a second, a minute at most; makes a
 * folder below /tmp, and removes it. -1: e says what did not work. */
int dovecot_try(const char *plugin_dir, struct error *e);
/* Is the installed Dovecot the one that the plugin was built with, or has it been tried for this
 * home? If not: tries it, and notes in the home that it passed, so that it is done once. -1: e says
 * what is wrong and what to do. Call it before confine(). */
int dovecot_accept(const char *home, const char *plugin_dir, struct error *e);

#endif
