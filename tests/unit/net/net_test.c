/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net_test.c - see net_test.h. */
#include "net_test.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int connected(int fd, const void *sa, socklen_t len)
{
    struct timeval limit = {.tv_sec = 10};
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(fd, sa, len) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

int net_connect(uint16_t port)
{
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connected(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), &in4, sizeof in4);
}

int net_connect_unix(const char *path)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    snprintf(sun.sun_path, sizeof sun.sun_path, "%s", path);
    return connected(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), &sun, sizeof sun);
}

void net_write(int fd, const void *p, size_t n)
{
    const char *s = p;
    while (n > 0) {
        ssize_t k = send(fd, s, n, MSG_NOSIGNAL);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return; /* the other side closed: the reader will see it */
        s += k;
        n -= (size_t)k;
    }
}

void net_puts(int fd, const char *s)
{
    net_write(fd, s, strlen(s));
}

bool net_gets(int fd, char *out, size_t size)
{
    size_t n = 0;
    while (n + 1 < size) {
        char c;
        if (recv(fd, &c, 1, 0) != 1)
            break;
        if (c == '\n') {
            out[n] = '\0';
            return true;
        }
        if (c != '\r')
            out[n++] = c;
    }
    out[n] = '\0';
    return false;
}

ssize_t net_read_all(int fd, void *out, size_t size)
{
    size_t n = 0;
    while (n < size) {
        ssize_t k = recv(fd, (char *)out + n, size - n, 0);
        if (k <= 0)
            return k == 0 ? (ssize_t)n : -1;
        n += (size_t)k;
    }
    return -1;
}

struct runner {
    void (*fn)(void *arg);
    void *arg;
    uv_async_t over;
};

static void on_over(uv_async_t *a)
{
    uv_stop(a->loop);
}

static void run_thread(void *p)
{
    struct runner *r = p;
    r->fn(r->arg);
    uv_async_send(&r->over);
}

void net_run(uv_loop_t *loop, void (*fn)(void *arg), void *arg)
{
    struct runner r = {.fn = fn, .arg = arg};
    uv_thread_t thread;
    assert_int_equal(uv_async_init(loop, &r.over, on_over), 0);
    assert_int_equal(uv_thread_create(&thread, run_thread, &r), 0);
    uv_run(loop, UV_RUN_DEFAULT);
    uv_thread_join(&thread);
    uv_close((uv_handle_t *)&r.over, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
}

void net_finish(uv_loop_t *loop)
{
    uv_run(loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(loop), 0);
}

static void on_turned(uv_timer_t *t)
{
    uv_stop(t->loop);
}

void net_turn(uv_loop_t *loop, unsigned ms)
{
    uv_timer_t t;
    uv_timer_init(loop, &t);
    uv_timer_start(&t, on_turned, ms, 0);
    uv_run(loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&t, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
}

char *net_tmpdir(void)
{
    char *dir = strdup("/tmp/restante-net-XXXXXX");
    assert_non_null(mkdtemp(dir));
    return dir;
}

void net_rmdir(char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    while (d != NULL && (e = readdir(d)) != NULL)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            unlinkat(dirfd(d), e->d_name, 0) != 0)
            unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
    if (d != NULL)
        closedir(d);
    assert_int_equal(rmdir(dir), 0);
    free(dir);
}

void net_file(const char *dir, const char *name, const void *p, size_t n)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}
