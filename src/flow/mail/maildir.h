/* SPDX-License-Identifier: GPL-3.0-or-later */
/* maildir.h - the mail client's folders as the daemon touches them: new files are linked into new/,
 * a stub is exchanged for its message in every folder, and link counts tell whether a stub still
 * stands anywhere. Dovecot reads the same folders; nothing here needs its locks. */
#ifndef RESTANTE_FLOW_MAILDIR_H
#define RESTANTE_FLOW_MAILDIR_H

#include "base/error.h"
#include "base/file.h"
#include "flow/core/module.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct services;

/* Makes the Maildir with tmp, new and cur unless it is there. */
extern const struct module maildir_module;

/* Where a folder ("" = inbox, ".Sent") is or would be. */
int maildir_path(const char *home, const char *folder, char dir_r[PATH_CAP], struct error *e);
/* A folder ("" = inbox, ".Sent") with tmp, new and cur, unless it is there; its path. */
int maildir_make(const char *home, const char *folder, char dir_r[PATH_CAP], struct error *e);

/* A mailbox that the daemon made is called otherwise now: its folder and its subscription follow,
 * unless there is none, or the new name is taken. Before Dovecot runs. 0, or -1 with e. */
int maildir_rename(const char *home, const char *from, const char *to, struct error *e);

/* Links a durable file into a folder (made when missing) and syncs: as new/<name>, or with flags
 * ("S" = seen, not NULL) as cur/<name>:2,<flags>. A file of that name that is there already is the
 * same one: 0. Worker thread. */
int maildir_add(const char *home, const char *folder, const char *file, const char *name,
                const char *flags, struct error *e);
/* The flag that stands for an IMAP keyword in this folder, which gets it unless it has. Worker
 * thread. */
int maildir_keyword(const char *home, const char *folder, const char *name, char flag_r[2],
                    struct error *e);
/* The same without giving it one; dir: the folder's path. false, and flag_r "", when it has none.
 */
bool maildir_keyword_known(const char *dir, const char *name, char flag_r[2]);
/* The keyword of a stub, which goes when it is filled: so a list shows what is not here yet. */
#define UNFETCHED_KEYWORD "$Unfetched"
/* Puts `full` in the place of every copy of `stub` (the same inode), in all folders, keeping names
 * and modification times. hint: base name to try first in the inbox. 0 when no copy is left, 1 when
 * there was none at all, 2 when a copy is left that stands in no folder (Dovecot is about to name
 * it, or a program for backups holds it; the others are filled), -1 with e. Worker thread. */
int maildir_fill(const char *home, const char *stub, const char *full, const char *hint,
                 struct error *e);
/* Removes every copy of `stub`, in all folders; before that, unless `notice` has copies already,
 * links it as new/<name> into the folder where a copy of the stub stands (the inbox first, Trash
 * and Junk do not count). 0, or -1 with e. Worker thread. */
int maildir_replace(const char *home, const char *stub, const char *notice, const char *name,
                    struct error *e);
/* Removes every copy of this file (the same inode) from all folders, of which `folder` is looked at
 * first; the file itself stays. How many there were, or -1 with e. Worker thread. */
int maildir_remove(const char *home, const char *folder, const char *file, struct error *e);
/* Does this file (the same inode) stand in the folder? Worker thread. */
bool maildir_stands(const char *home, const char *folder, const char *file);
/* Is there a file whose base name is `name` in the folder? Removes it if told to. 1 yes, 0 no. */
int maildir_find(const char *home, const char *folder, const char *name, bool remove);
#define SENT_FOLDER ".Sent"
/* Does a file in Sent, changed since since_ms, carry this Message-ID, other than the daemon's own
 * copies (sent.c)? What came after until_ms may be missed: the plugin tells of it. Worker thread.
 */
bool maildir_sent_has(struct services *sv, const char *msgid, int64_t since_ms, int64_t until_ms);
/* Reads which inodes stand in Trash and Junk; then asks whether this one does. For the expunge
 * scan: worker thread, one scan at a time. */
void maildir_trash_read(struct services *sv);
bool maildir_trash_has(const struct services *sv, ino_t inode);
/* How many copies of this inode stand in folders other than Trash and Junk, and in those. */
void maildir_count(const char *home, ino_t inode, unsigned *elsewhere_r, unsigned *trash_r);

#endif
