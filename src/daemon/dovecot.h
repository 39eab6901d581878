/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dovecot.h - the private Dovecot that gives mail clients IMAP and submission: its configuration is
 * written anew at every start, it runs as a child and is started again when it dies.
 *
 * Below the home: dovecot/{dovecot.conf,passwd,run,state,tmp,modules}, log/dovecot.log, Maildir. */
#ifndef RESTANTE_DAEMON_DOVECOT_H
#define RESTANTE_DAEMON_DOVECOT_H

#include "base/error.h"
#include "base/health.h"
#include <stdint.h>
#include <uv.h>

/* Octets of a home's path, so that Dovecot's sockets below it fit into a UNIX address. */
#define DOVECOT_HOME_MAX 68

struct dovecot_config {
    int launcher;                        /* from launcher_fork(home, dovecot_writes_in) */
    const char *home;                    /* absolute; letters, digits, spaces and /._+@,=- only */
    const char *address;                 /* the account's user name */
    const char *password;                /* what the mail client says; only its hash is written */
    uint16_t imap_port, submission_port; /* TLS from the first byte, on loopback */
    uint16_t relay_port; /* our SMTP listener on 127.0.0.1; it must be open before */
    const char *relay_user, *relay_password; /* new at every start; letters and digits */
    const char *plugin_dir;                  /* folder of lib20_restante_plugin.so */
    const char *plugin_socket;               /* where the daemon answers the plugin (P-7) */
    const char *stub_key;                    /* file of 32 octets */
    int64_t wait_s;                          /* how long a FETCH waits for a pull, 1 to 3600 */
    /* Called from the loop; each may be NULL. ready: clients can connect (also after a restart).
     * died: it ended without being asked to and will be started again. */
    void (*ready)(void *ctx);
    void (*died)(void *ctx);
    void *ctx;
};

struct dovecot;

/* Is the Dovecot on this machine the one that the plugin was built for? 0: it is, or this home's
 * peer has tried it (dovecot_try.h); 1: it is another package of the same version that has not been
 * tried, and e says so; -1: e says what to do. Blocks for some milliseconds. */
int dovecot_check_version(const char *home, struct error *e);
/* Writes configuration, password file and module links. Nothing is started. */
int dovecot_write_config(const struct dovecot_config *c, struct error *e);
/* Checks the version, ends a Dovecot that an earlier daemon left behind on this home (waits up to
 * ten seconds), refuses taken ports by number, writes the configuration and starts. The strings of
 * c are copied, the launcher's descriptor is taken over. NULL and e on failure; refuses to run as
 * root. */
struct dovecot *dovecot_start(uv_loop_t *loop, const struct dovecot_config *c, struct error *e);
/* How it is doing. Wrong: it ended, and has not answered since; cause has the last line that it
 * said on its standard error, or wrote into its log as an error. */
void dovecot_health(const struct dovecot *d, struct health *health_r);
/* Process id of Dovecot's master, 0 while it is down. */
int dovecot_pid(const struct dovecot *d);
/* Has it open its log anew. */
void dovecot_reopen_log(struct dovecot *d);
/* Asks it to end; kills it after ten seconds. stopped (may be NULL) is called from the loop when it
 * is gone; then, and only then, *d has been freed. */
void dovecot_stop(struct dovecot **d, void (*stopped)(void *ctx), void *ctx);

#endif
