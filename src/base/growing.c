/* SPDX-License-Identifier: GPL-3.0-or-later */
/* growing.c - see growing.h. */
#include "base/growing.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#define WRITEBACK_STEP (8u * 1024 * 1024)

struct growing {
    pthread_mutex_t lock;
    pthread_cond_t change;
    uint64_t octets, at; /* may be read, was read */
    bool ended, aborted;
};

struct growing *growing_new(void)
{
    struct growing *g = mem_new(sizeof *g);
    (void)pthread_mutex_init(&g->lock, NULL);
    (void)pthread_cond_init(&g->change, NULL);
    return g;
}

void growing_free(struct growing **g)
{
    if (*g == NULL)
        return;
    (void)pthread_cond_destroy(&(*g)->change);
    (void)pthread_mutex_destroy(&(*g)->lock);
    free(*g);
    *g = NULL;
}

static void change(struct growing *g, uint64_t octets, bool ended, bool aborted)
{
    (void)pthread_mutex_lock(&g->lock);
    if (octets > g->octets)
        g->octets = octets;
    g->ended = g->ended || ended;
    g->aborted = g->aborted || aborted;
    (void)pthread_cond_signal(&g->change);
    (void)pthread_mutex_unlock(&g->lock);
}

void growing_to(struct growing *g, uint64_t octets)
{
    change(g, octets, false, false);
}

void growing_end(struct growing *g)
{
    change(g, 0, true, false);
}

void growing_abort(struct growing *g)
{
    change(g, 0, false, true);
}

static ssize_t read_some(int fd, void *p, size_t n)
{
    ssize_t r;
    do
        r = read(fd, p, n);
    while (r < 0 && errno == EINTR);
    return r;
}

ssize_t growing_read(struct growing *g, int fd, void *p, size_t n)
{
    if (g == NULL)
        return read_some(fd, p, n);
    (void)pthread_mutex_lock(&g->lock);
    while (g->at == g->octets && !g->ended && !g->aborted)
        (void)pthread_cond_wait(&g->change, &g->lock);
    uint64_t left = g->octets - g->at;
    bool aborted = g->aborted;
    (void)pthread_mutex_unlock(&g->lock);
    if (aborted) {
        errno = ECANCELED;
        return -1;
    }
    if (left == 0)
        return 0;
    ssize_t r = read_some(fd, p, left < n ? (size_t)left : n);
    if (r == 0) { /* shorter than was said */
        errno = EIO;
        return -1;
    }
    g->at += r > 0 ? (uint64_t)r : 0; /* the reader's own */
    return r;
}

void writeback_ask(int fd, uint64_t *asked, uint64_t octets)
{
    if (octets - *asked < WRITEBACK_STEP)
        return;
    (void)sync_file_range(fd, (off_t)*asked, (off_t)(octets - *asked), SYNC_FILE_RANGE_WRITE);
    *asked = octets;
}
