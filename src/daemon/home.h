/* SPDX-License-Identifier: GPL-3.0-or-later */
/* home.h - the folder that is a peer: its name, its sub-folders, its secrets, and how it is made.
 * A home comes into being in one step: everything is built and synced in "DIR.new-XXXXXX", which is
 * then renamed to DIR. Call umask(077) first. */
#ifndef RESTANTE_DAEMON_HOME_H
#define RESTANTE_DAEMON_HOME_H

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include <stddef.h>

/* Octets of a home's path: with the longest name below it (Dovecot's) a UNIX socket's path must fit
 * into 107. */
#define HOME_PATH_MAX 68

#define HOME_STUB_KEY_LEN 32
#define HOME_PASSWORD_LEN 29 /* five groups of five characters: 125 bits */
#define HOME_SECRET_MAX (64 * 1024)

/* Is the path absolute, short enough, and of letters, digits, spaces and / . _ + @ , = - only, so
 * that it means the same to Dovecot's configuration? */
int home_path_ok(const char *path, struct error *e);
/* given (may be NULL), else $RESTANTE_HOME, else ~/.restante, made absolute; it need not exist, but
 * the folder above must. */
int home_find(const char *given, char out[PATH_CAP], struct error *e);
/* Is this a home: a folder of the caller with a config, closed to others? */
int home_check(const char *home, struct error *e);
/* The number of what the files of a home are written in, in HOME/format. Whoever changes a file so
 * that an older Restante would misread it raises it, and brings older homes up to it at the start.
 * The database has a number of its own (store/schema.h), and so have backups and the DHT's state.
 */
#define HOME_FORMAT 1
/* Is the home one that this version can read? home_check asks it too. */
int home_format_check(const char *home, struct error *e);
/* Writes the number, unless it stands there: the caller has made or checked this home and holds its
 * lock. */
int home_format_set(const char *home, struct error *e);
/* Can files in this folder be linked and exchanged (renameat2 RENAME_EXCHANGE)? Stubs are filled
 * and watched that way. */
int home_probe(const char *dir, struct error *e);
/* Makes the sub-folders of a home that are missing, 0700. */
int home_make_folders(const char *home, struct error *e);

/* Takes the lock that a running daemon, or another who works on the home alone, holds; waits at
 * most wait_s for it. Returns the descriptor: the lock goes when it is closed, or with the process.
 */
int home_lock(const char *home, int wait_s, struct error *e);

/* Has the peer of this home moved to another computer, or been retired? 0: no; -1 and e: a sentence
 * that says so, and what to do. */
int home_moved(const char *home, struct error *e);
/* Says so from now on (sentence: "It was moved ..."), or not any more (NULL). The caller holds the
 * lock. */
int home_set_moved(const char *home, const char *sentence, struct error *e);

/* Removes what killed writers left in the folders of settings and secrets (flow looks after those
 * of the mail). The caller holds the home's lock. */
int home_drop_temporaries(const char *home, struct error *e);

/* HOME/sub, 0600, durable. */
int home_write_secret(const char *home, const char *sub, const void *p, size_t n, struct error *e);
/* Appends HOME/sub to out; refuses a file that is not regular, not the caller's own, or open to
 * others. Free out with buf_wipe. */
int home_read_secret(const char *home, const char *sub, struct buf *out, struct error *e);
/* A password that is easy to copy by hand: letters without l and o, digits without 0 and 1. */
void home_new_password(char out[HOME_PASSWORD_LEN + 1]);

/* A home while it is made. */
struct home_draft {
    char target[PATH_CAP]; /* what it will be called */
    char dir[PATH_CAP];    /* what it is called meanwhile */
    int lock_fd;           /* says to others that somebody is at work here; -1: no draft */
};

/* Can a home be made under this name: nothing stands there, or an empty folder? */
int home_target_ok(const char *target, struct error *e);
/* Refuses a target that exists (an empty folder may) or is too long; clears away what an
 * interrupted init left beside it; makes the draft's folder, probes the file system and makes the
 * folders. On -1 nothing is left. */
int home_draft_begin(struct home_draft *d, const char *target, struct error *e);
/* Syncs everything and gives it its name. On -1 the draft is still there: abandon it. */
int home_draft_commit(struct home_draft *d, struct error *e);
/* Removes what was made. Harmless after a commit. */
void home_draft_abandon(struct home_draft *d);

#endif
