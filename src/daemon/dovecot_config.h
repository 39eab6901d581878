/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dovecot_config.h - files of the private Dovecot, and what its versions' configurations are
 * written from. */
#ifndef RESTANTE_DAEMON_DOVECOT_CONFIG_H
#define RESTANTE_DAEMON_DOVECOT_CONFIG_H

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "daemon/dovecot.h"

#ifndef DOVECOT_BINARY
#define DOVECOT_BINARY "/usr/sbin/dovecot"
#endif
#ifndef DOVECOT_MODULES
#define DOVECOT_MODULES "/usr/lib/dovecot/modules"
#endif

#ifndef DOVECOT_IMAP
#define DOVECOT_IMAP "/usr/lib/dovecot/imap"
#endif

#define DOVECOT_PLUGIN "lib20_restante_plugin.so"

/* HOME/dovecot/name. */
int dovecot_path(char out[PATH_CAP], const char *home, const char *name, struct error *e);

/* What of the path follows the home and a slash; the path itself where it stands elsewhere. */
const char *dovecot_beneath(const char *home, const char *path);

struct dovecot_user {
    const char *name, *group; /* who runs it */
    unsigned uid, gid;
};
/* The beginning of the configuration: what the versions say in different words. There is one of
 * these for each version, and the build takes the one for the installed Dovecot. All strings have
 * been checked and need no quotes but for spaces. -1: too long. */
int dovecot_conf_version(struct buf *b, const struct dovecot_config *c,
                         const struct dovecot_user *user);
/* A folder outside the home in which this version must write (launcher_fork), or NULL. */
extern const char *const dovecot_writes_in;

/* The user and the hash of the password. A Dovecot that runs goes by them from the next second on:
 * it looks at the file once a second. */
int dovecot_write_password(const char *home, const char *address, const char *password,
                           struct error *e);
/* Waits until it does: a little more than a second. */
void dovecot_await_password(void);

#endif
