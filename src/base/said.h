/* SPDX-License-Identifier: GPL-3.0-or-later */
/* said.h - what a child says on its standard error: each line goes to the log (a bounded number of
 * them), the last one is kept, so that whoever started the child can tell why it ended. */
#ifndef RESTANTE_BASE_SAID_H
#define RESTANTE_BASE_SAID_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#define SAID_MAX 320 /* octets of a line that are kept */

struct said {
    uv_pipe_t pipe;
    const char *name;    /* of the child, for the log; the caller's */
    char line[SAID_MAX]; /* being read */
    char last[SAID_MAX]; /* the last whole line that was not empty */
    size_t n;            /* octets in line */
    unsigned lines;      /* whole lines so far */
    char space[4 * 1024];
};

/* Before uv_spawn: fills the container of the child's descriptor 2. The pipe is a handle of the
 * loop from here on, whatever uv_spawn answers: end it with uv_close(said_handle(s), ...). */
void said_begin(struct said *s, uv_loop_t *loop, const char *name, uv_stdio_container_t *io);
/* The same for a child that is not started by uv_spawn: *fd_r is to become its descriptor 2, and is
 * the caller's to close. 0, or libuv's error, when *fd_r is -1. */
int said_pipe(struct said *s, uv_loop_t *loop, const char *name, int *fd_r);
/* When the child has been started. */
void said_read(struct said *s);
/* When the child has ended: takes what is still in the pipe. Returns the last line it said, "" when
 * it said nothing; valid until said_begin. */
const char *said_end(struct said *s);
uv_handle_t *said_handle(struct said *s);

/* "it ended with status 127: LAST LINE", "it was ended by signal 31 (Bad system call)". */
void said_why(const char *words, int64_t status, int signal, char *out, size_t cap);

#endif
