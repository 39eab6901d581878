/* SPDX-License-Identifier: GPL-3.0-or-later */
/* backup.h - a home in one file: a gzipped tar archive, or that locked with a passphrase as an
 * OpenPGP message. Its first entry says what it is, its last that it is whole. */
#ifndef RESTANTE_CLI_BACKUP_H
#define RESTANTE_CLI_BACKUP_H

#include "base/error.h"
#include "base/file.h"
#include "proto/address.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BACKUP_FIRST "restante-backup" /* JSON: format, address, made_ms */
#define BACKUP_LAST "restante-backup.end"
#define BACKUP_FORMAT 1
#define BACKUP_STAMP "last-backup" /* in the home: its time is when the last one was made */
#define BACKUP_PASSPHRASE_MIN 8
#define BACKUP_PASSPHRASE_MAX 255

struct backup_choice {
    bool no_outbox;   /* leave out sealed messages that wait here */
    bool no_replicas; /* leave out what is held for the group */
};

struct backup_about {
    char address[ADDRESS_MAX + 1];
    int64_t made_ms;
    size_t files;
};

/* ---- the archive (backup_pack.c, backup_unpack.c), as a stream ---- */
/* Writes the archive of home to fd; the database's place is taken by the snapshot. The peer may
 * run: what it adds or moves meanwhile is in the archive, or was not there at the snapshot. */
int backup_pack(const char *home, const char *snapshot, const char *address,
                struct backup_choice choice, int fd, size_t *files_r, struct error *e);
/* Reads an archive from fd into the folder dir, which becomes the process's working folder. -1: it
 * is no archive of ours, damaged, or not whole; what stands in dir must not be used then. */
int backup_unpack(int fd, const char *dir, struct backup_about *about_r, struct error *e);

/* ---- the file (backup_file.c) ---- */
/* Makes the file `to`, which must not exist; passphrase may be NULL. Whole or not at all, durable.
 */
int backup_write(const char *home, const char *address, const char *to, struct backup_choice choice,
                 const char *passphrase, size_t *files_r, struct error *e);
/* Does the file want a passphrase? 1, 0, or -1 and e. */
int backup_is_locked(const char *from, struct error *e);
/* Makes the home `target`, which must not exist, of the file `from`: everything is read and checked
 * before it gets its name. */
int backup_read(const char *from, const char *passphrase, const char *target,
                struct backup_about *about_r, struct error *e);

/* Prints a line when no backup of this home was made although it has a contact or is a week old, or
 * when the last one is a month old (backup_remind.c). */
void backup_remind(const char *home);

#endif
