/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inodes.h - which files stand in a folder of the Maildir, by their inodes: what the daemon keeps a
 * link of is found again wherever the mail client put it, and under whatever name. */
#ifndef RESTANTE_FLOW_INODES_H
#define RESTANTE_FLOW_INODES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct inodes { /* sorted, after inodes_sort */
    ino_t *inode;
    size_t count, size;
};

/* Adds the folder's files, of new and cur ("" = inbox, ".Junk"); a missing folder has none. */
void inodes_read(struct inodes *s, const char *home, const char *folder);
void inodes_sort(struct inodes *s);
bool inodes_has(const struct inodes *s, ino_t inode);
void inodes_free(struct inodes *s);

#endif
