/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fsck_faults.c - the list of what a look has found; see fsck.h. */
#include "flow/recovery/fsck.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FAULTS_MAX 100000 /* the rest is found by the next look */

struct fsck_fault *fsck_add(struct fsck *x, enum fsck_kind kind, int64_t n, const char *fmt, ...)
{
    static struct fsck_fault spare; /* of what is not kept */
    struct fsck_fault *f = &spare;
    if (x->count == x->room && x->room < FAULTS_MAX) {
        size_t room = x->room == 0 ? 32 : x->room * 2;
        struct fsck_fault *grown = realloc(x->fault, room * sizeof *grown);
        if (grown != NULL) {
            x->fault = grown;
            x->room = room;
        }
    }
    if (x->count < x->room)
        f = &x->fault[x->count++];
    *f = (struct fsck_fault){.kind = kind, .n = n};
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(f->what, sizeof f->what, fmt, ap);
    va_end(ap);
    return f;
}
