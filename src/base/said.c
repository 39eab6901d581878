/* SPDX-License-Identifier: GPL-3.0-or-later */
/* said.c - see said.h. */
#include "base/said.h"
#include "base/log.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOG_AREA "child"
#define LINES_MAX 100  /* of one child in the log */
#define REST_MAX 65536 /* octets taken when it has ended */

static void end_line(struct said *s)
{
    if (s->n == 0)
        return;
    s->line[s->n] = '\0';
    s->n = 0;
    memcpy(s->last, s->line, sizeof s->last);
    if (++s->lines <= LINES_MAX)
        log_warn("%s says: %s", s->name, s->last);
    else if (s->lines == LINES_MAX + 1)
        log_warn("%s says more, which is omitted here", s->name);
}

static void said_take(struct said *s, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\n')
            end_line(s);
        else if (s->n + 1 < sizeof s->line) /* the rest of a long line is left out */
            s->line[s->n++] = (unsigned char)p[i] < ' ' || p[i] == 0x7f ? ' ' : p[i];
    }
}

static void on_space(uv_handle_t *h, size_t n, uv_buf_t *b)
{
    struct said *s = h->data;
    *b = uv_buf_init(s->space, sizeof s->space);
}

static void said_on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    if (n > 0)
        said_take(stream->data, b->base, (size_t)n);
    else if (n < 0)
        (void)uv_read_stop(stream);
}

static void init(struct said *s, uv_loop_t *loop, const char *name)
{
    memset(s, 0, sizeof *s);
    s->name = name;
    (void)uv_pipe_init(loop, &s->pipe, 0);
    s->pipe.data = s;
}

int said_pipe(struct said *s, uv_loop_t *loop, const char *name, int *fd_r)
{
    uv_file ends[2];
    init(s, loop, name);
    *fd_r = -1;
    int ret = uv_pipe(ends, UV_NONBLOCK_PIPE, 0);
    if (ret < 0)
        return ret;
    if ((ret = uv_pipe_open(&s->pipe, ends[0])) < 0) {
        (void)close(ends[0]);
        (void)close(ends[1]);
        return ret;
    }
    *fd_r = ends[1];
    return 0;
}

void said_begin(struct said *s, uv_loop_t *loop, const char *name, uv_stdio_container_t *io)
{
    init(s, loop, name);
    io->flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE;
    io->data.stream = (uv_stream_t *)&s->pipe;
}

void said_read(struct said *s)
{
    (void)uv_read_start((uv_stream_t *)&s->pipe, on_space, said_on_read);
}

const char *said_end(struct said *s)
{
    uv_os_fd_t fd;
    size_t taken = 0;
    if (!uv_is_closing(said_handle(s)) && uv_fileno(said_handle(s), &fd) == 0) {
        (void)uv_read_stop((uv_stream_t *)&s->pipe);
        while (taken < REST_MAX) {
            ssize_t n = read(fd, s->space, sizeof s->space); /* libuv made it non-blocking */
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                break;
            said_take(s, s->space, (size_t)n);
            taken += (size_t)n;
        }
    }
    end_line(s);
    return s->last;
}

uv_handle_t *said_handle(struct said *s)
{
    return (uv_handle_t *)&s->pipe;
}

void said_why(const char *words, int64_t status, int signal, char *out, size_t cap)
{
    char how[96];
    if (signal != 0)
        (void)snprintf(how, sizeof how, "it was ended by signal %d (%s)", signal,
                       strsignal(signal));
    else
        (void)snprintf(how, sizeof how, "it ended with status %d", (int)status);
    (void)snprintf(out, cap, "%s%s%s", how, words[0] == '\0' ? "" : ": ", words);
}
