/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inodes.c - see inodes.h. */
#include "flow/mail/inodes.h"
#include "base/file.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static bool inodes_add(struct inodes *s, ino_t inode)
{
    if (s->count == s->size) {
        size_t size = s->size == 0 ? 256 : s->size * 2;
        ino_t *grown = realloc(s->inode, size * sizeof *grown);
        if (grown == NULL)
            return false;
        s->inode = grown;
        s->size = size;
    }
    s->inode[s->count++] = inode;
    return true;
}

void inodes_read(struct inodes *s, const char *home, const char *folder)
{
    static const char *const part[] = {"new", "cur"};
    for (size_t i = 0; i < 2; i++) {
        char dir[PATH_CAP];
        int n = snprintf(dir, sizeof dir, "%s/Maildir%s%s/%s", home, *folder ? "/" : "", folder,
                         part[i]);
        DIR *d = n <= 0 || n >= (int)sizeof dir ? NULL : opendir(dir);
        if (d == NULL)
            continue;
        for (struct dirent *at; (at = readdir(d)) != NULL;)
            if (at->d_name[0] != '.' && !inodes_add(s, at->d_ino))
                break;
        (void)closedir(d);
    }
}

static int by_inode(const void *a, const void *b)
{
    ino_t x = *(const ino_t *)a, y = *(const ino_t *)b;
    return x < y ? -1 : x > y;
}

void inodes_sort(struct inodes *s)
{
    if (s->count > 0)
        qsort(s->inode, s->count, sizeof(ino_t), by_inode);
}

bool inodes_has(const struct inodes *s, ino_t inode)
{
    return s->count > 0 && bsearch(&inode, s->inode, s->count, sizeof(ino_t), by_inode) != NULL;
}

void inodes_free(struct inodes *s)
{
    free(s->inode);
    *s = (struct inodes){0};
}
