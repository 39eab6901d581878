/* SPDX-License-Identifier: GPL-3.0-or-later */
/* backup_unpack.c - reads a home's archive (backup.h). Who wrote it is not known: only folders,
 * plain files and links among them are taken, all below the folder. */
#include "cli/backup.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ABOUT_CAP 4096

static int damaged(struct archive *a, struct error *e)
{
    const char *why = archive_error_string(a);
    return error_set(e, "The backup is damaged or not whole: %s.", why == NULL ? "it ends" : why);
}

/* A path below the folder, without steps up. */
static bool inside(const char *path)
{
    if (path == NULL || path[0] == '/' || path[0] == '\0' || strlen(path) >= PATH_CAP)
        return false;
    for (const char *s = path; s != NULL; s = strchr(s, '/')) {
        s += *s == '/' ? 1 : 0;
        if (strncmp(s, "..", 2) == 0 && (s[2] == '/' || s[2] == '\0'))
            return false;
    }
    return true;
}

static int take_about(struct archive *a, struct archive_entry *entry, struct backup_about *about,
                      struct error *e)
{
    char text[ABOUT_CAP];
    const char *name = archive_entry_pathname(entry);
    if (name == NULL || strcmp(name, BACKUP_FIRST) != 0)
        return error_set(e, "This is not a backup that `restante backup` made.");
    ssize_t n = archive_read_data(a, text, sizeof text);
    if (n < 0)
        return damaged(a, e);
    json_t *o = json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
    json_int_t format = json_integer_value(json_object_get(o, "format"));
    const char *address = json_string_value(json_object_get(o, "address"));
    int rc = 0;
    if (address == NULL || strlen(address) > ADDRESS_MAX)
        rc = error_set(e, "This is not a backup that `restante backup` made.");
    else if (format != BACKUP_FORMAT)
        rc = error_set(e,
                       "This backup was made by another version of Restante (format %d); use "
                       "that one.",
                       (int)format);
    else
        (void)snprintf(about->address, sizeof about->address, "%s", address);
    about->made_ms = json_integer_value(json_object_get(o, "made_ms"));
    json_decref(o);
    return rc;
}

static int take_entry(struct archive *a, struct archive *disk, struct archive_entry *entry,
                      struct error *e)
{
    const char *name = archive_entry_pathname(entry), *link = archive_entry_hardlink(entry);
    mode_t type = archive_entry_filetype(entry);
    const void *p;
    size_t n;
    la_int64_t at;
    int r;
    if (!inside(name) || (link != NULL && !inside(link)) ||
        (link == NULL && type != AE_IFREG && type != AE_IFDIR))
        return error_set(e, "The backup holds something that no home has; it is not used.");
    archive_entry_set_perm(entry, type == AE_IFDIR ? 0700 : 0600);
    if (archive_write_header(disk, entry) != ARCHIVE_OK)
        return error_set(e, "Cannot write %.200s: %s.", name, archive_error_string(disk));
    while ((r = archive_read_data_block(a, &p, &n, &at)) == ARCHIVE_OK)
        if (archive_write_data_block(disk, p, n, at) != ARCHIVE_OK)
            return error_set(e, "Cannot write %.200s: %s.", name, archive_error_string(disk));
    if (r != ARCHIVE_EOF)
        return damaged(a, e);
    return archive_write_finish_entry(disk) == ARCHIVE_OK
               ? 0
               : error_set(e, "Cannot write %.200s: %s.", name, archive_error_string(disk));
}

static int take_all(struct archive *a, struct archive *disk, struct backup_about *about,
                    struct error *e)
{
    struct archive_entry *entry;
    bool whole = false;
    int r = archive_read_next_header(a, &entry);
    if (r != ARCHIVE_OK)
        return damaged(a, e);
    if (take_about(a, entry, about, e) < 0)
        return -1;
    while ((r = archive_read_next_header(a, &entry)) == ARCHIVE_OK) {
        if (whole)
            return error_set(e, "The backup goes on behind its end; it is not used.");
        const char *name = archive_entry_pathname(entry);
        whole = name != NULL && strcmp(name, BACKUP_LAST) == 0;
        if (!whole && take_entry(a, disk, entry, e) < 0)
            return -1;
        about->files += whole || archive_entry_filetype(entry) == AE_IFDIR ? 0 : 1;
    }
    return r == ARCHIVE_EOF && whole ? 0 : damaged(a, e);
}

int backup_unpack(int fd, const char *dir, struct backup_about *about_r, struct error *e)
{
    struct archive *a = archive_read_new(), *disk = archive_write_disk_new();
    int rc = -1;
    *about_r = (struct backup_about){0};
    if (a == NULL || disk == NULL)
        (void)error_set(e, "There is not enough memory.");
    else if (chdir(dir) < 0)
        (void)error_set(e, "Cannot go into %s: %s.", dir, strerror(errno));
    else if (archive_read_support_filter_xz(a) != ARCHIVE_OK ||
             archive_read_support_format_tar(a) != ARCHIVE_OK ||
             archive_read_open_fd(a, fd, 65536) != ARCHIVE_OK)
        (void)error_set(e, "This is not a backup that `restante backup` made.");
    else {
        (void)archive_write_disk_set_options(
            disk, ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_SECURE_NODOTDOT |
                      ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS);
        rc = take_all(a, disk, about_r, e);
        if (archive_write_close(disk) != ARCHIVE_OK && rc == 0)
            rc = error_set(e, "Cannot write the home: %s.", archive_error_string(disk));
    }
    (void)archive_read_free(a);
    (void)archive_write_free(disk);
    return rc;
}
