/* SPDX-License-Identifier: GPL-3.0-or-later */
/* file.h - files that survive a crash: written, synced, named, and the folder synced too. */
#ifndef RESTANTE_BASE_FILE_H
#define RESTANTE_BASE_FILE_H

#include "base/buf.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PATH_CAP 1024

/* dir + "/" + name into out; -1 (and e) when it does not fit. */
int path_join(char out[PATH_CAP], const char *dir, const char *name, struct error *e);
/* Makes a folder 0700 unless it is there. */
int dir_make(const char *path, struct error *e);
/* fsync of a folder, so that names made or removed in it are durable. */
int dir_sync(const char *path, struct error *e); /* threads that wait for one folder share a sync */
/* Writes all n bytes, past EINTR and short writes. */
int write_all(int fd, const void *p, size_t n, struct error *e);
int pwrite_all(int fd, const void *p, size_t n, off_t off, struct error *e);
/* Replaces path by these bytes: temporary file (O_EXCL, 0600), fsync, rename, fsync of the folder.
 */
int file_write(const char *path, const void *p, size_t n, struct error *e);
/* Is this the name of a file_write that was killed: "X.<16 hex digits>"? */
bool file_is_temporary(const char *name);
/* Removes what killed file_writes left in this folder; nobody may be writing there. prefix (may be
 * NULL): only of files whose names begin with it. Returns how many, -1 when it cannot be read; a
 * missing folder has none. */
int dir_drop_temporaries(const char *dir, const char *prefix, struct error *e);
/* Removes the folder and all in it that can be removed, on this file system only. */
void dir_remove_tree(const char *dir);
/* Appends the whole file to b; -1 when it is missing, unreadable or over b's cap. */
int file_read(const char *path, struct buf *b, struct error *e);
bool file_exists(const char *path);
/* unlink; a missing file is not an error. */
int file_remove(const char *path, struct error *e);

#endif
