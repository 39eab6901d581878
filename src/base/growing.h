/* SPDX-License-Identifier: GPL-3.0-or-later */
/* growing.h - a file that the loop's thread writes while a worker reads it: how far it may be read,
 * and whether more will come. The reader waits; whoever makes one must end it one way or the other
 * (growing_end, growing_abort), or the worker stays.
 * And: what was written goes to the disk while more is written, so that the fsync is short. */
#ifndef RESTANTE_BASE_GROWING_H
#define RESTANTE_BASE_GROWING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct growing;

struct growing *growing_new(void);
/* After its reader has ended. NULL is fine. */
void growing_free(struct growing **g);
/* The file's first `octets` may be read; never fewer than before. Any thread. */
void growing_to(struct growing *g, uint64_t octets);
/* All is there. */
void growing_end(struct growing *g);
/* Nothing more will come, and what came is worthless: the reader gets -1 (ECANCELED). Wins over
 * growing_end. */
void growing_abort(struct growing *g);
/* As read(2) past EINTR, of what may be read; waits while that is nothing. 0: the end. One reader.
 * g NULL: a file that is complete. */
ssize_t growing_read(struct growing *g, int fd, void *p, size_t n);

/* Asks the disk to take what was written to fd, every few megabytes. *asked: 0 at first. octets:
 * written so far. No promise: fsync must follow. */
void writeback_ask(int fd, uint64_t *asked, uint64_t octets);

#endif
