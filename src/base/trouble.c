/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trouble.c - see trouble.h. */
#include "base/trouble.h"
#include "base/clock.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct trouble last;

void trouble_note(const char *what, const char *why)
{
    pthread_mutex_lock(&lock);
    last.mono_ms = clock_mono_ms();
    last.count++;
    (void)snprintf(last.text, sizeof last.text, "%s: %s", what, why);
    pthread_mutex_unlock(&lock);
}

void trouble_write(const char *what, int error)
{
    if (error == ENOSPC || error == EDQUOT || error == EIO || error == EROFS || error == EFBIG)
        trouble_note(what, strerror(error));
    errno = error;
}

bool trouble_last(struct trouble *t)
{
    pthread_mutex_lock(&lock);
    *t = last;
    pthread_mutex_unlock(&lock);
    return t->count > 0;
}
