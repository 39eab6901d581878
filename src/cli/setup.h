/* SPDX-License-Identifier: GPL-3.0-or-later */
/* setup.h - the steps of `restante setup`, in their order: questions, home, peer, mail client. Each
 * can be repeated: what is there already is left as it is. */
#ifndef RESTANTE_CLI_SETUP_H
#define RESTANTE_CLI_SETUP_H

#include "cli/common.h"
#include "daemon/config.h"
#include <stdbool.h>
#include <sys/types.h>

enum setup_answer { SETUP_ASK, SETUP_YES, SETUP_NO };

struct setup {
    struct cli *cli;
    struct config c;
    bool interactive;         /* there is somebody to ask */
    int wait_s;               /* for the peer's doors to open */
    enum setup_answer linger; /* may it run while its user is not logged in? */
    const char *mail_client;  /* thunderbird, mutt, mbsync, none; NULL: what is found */
};

/* ---- questions (setup_ask.c) ---- */
/* Prints the question and reads one line, without its end and outer spaces, into out; preset stands
 * for an empty one. -1: the input ended. */
int setup_ask(const char *question, const char *preset, char *out, size_t size);
/* Yes or no; preset for an empty answer and when there is nobody to ask. */
bool setup_confirm(const struct setup *s, const char *question, bool preset);
/* Fills what is missing in s->c for a new home: address, bootstrap nodes, endpoint. Ports are
 * settled. 0 or -1 and e. */
int setup_questions(struct setup *s, struct error *e);

/* ---- the peer (setup_service.c) ---- */
/* Sees to it that the peer runs, now and at the next log-in, and waits until its doors are open.
 * Says on stdout what was done. */
int setup_run_peer(const struct setup *s, struct error *e);

/* The user's service may still run a peer whose home was removed: it is ended, so that the new one
 * finds its ports free and has its address for itself. Says so on stdout. */
void setup_end_orphan(const char *home);
/* Takes the home out of the user's service manager, where that runs it. */
void setup_disable(const char *home);
/* Is this process the one that the user's service manager runs as our service? */
bool setup_is_managed(pid_t pid);
/* Has the manager restart the service, and waits until the peer's doors are open. */
int setup_restart_managed(const struct setup *s, struct error *e);
/* Starts the peer in the background, and waits likewise. Both say on stdout what was done. */
int setup_start_background(const struct setup *s, struct error *e);

/* ---- the mail client (setup_client.c) ---- */
/* Writes or installs the settings of the mail client; what cannot be done is said, and is no
 * failure of setup. */
void setup_mail_client(const struct setup *s);

/* ---- all that follows once there is a home (setup.c) ---- */
/* Runs the peer, sets up the mail client, prints what a person needs to know. */
int setup_finish(const struct setup *s, struct error *e);

#endif
