/* SPDX-License-Identifier: GPL-3.0-or-later */
/* frame.c - frames on the socket pair (mime/wire.h), and the descriptor that comes with one. */
#include "mimed.h"
#include "mime/wire.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Keeps the first descriptor that came with a message and closes any further one. */
static void take_fds(struct msghdr *msg, int *fd_r)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (*fd_r < 0)
                *fd_r = fd;
            else
                (void)close(fd);
        }
    }
}

/* Exactly n octets: 1; the other side closed before the first: 0; else -1. */
static int read_exact(int sock, uint8_t *p, size_t n, int *fd_r)
{
    size_t have = 0;
    while (have < n) {
        union {
            struct cmsghdr align;
            uint8_t space[CMSG_SPACE(sizeof(int))];
        } control;
        struct iovec iov = {.iov_base = p + have, .iov_len = n - have};
        struct msghdr msg = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof control.space};
        ssize_t got = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0 && have == 0 ? 0 : -1;
        take_fds(&msg, fd_r);
        have += (size_t)got;
    }
    return 1;
}

int frame_read(int sock, struct buf *in, int *fd_r)
{
    uint8_t head[4];
    *fd_r = -1;
    in->len = 0;
    int ret = read_exact(sock, head, sizeof head, fd_r);
    if (ret > 0) {
        uint32_t n = mime_get32(head);
        uint8_t *to = n < 1 || n > MIME_REQUEST_MAX ? NULL : buf_reserve(in, n);
        ret = to != NULL && read_exact(sock, to, n, fd_r) == 1 ? 1 : -1;
        if (ret > 0)
            in->len = n;
    }
    if (ret <= 0 && *fd_r >= 0) {
        (void)close(*fd_r);
        *fd_r = -1;
    }
    return ret;
}

int frame_write(int sock, struct buf *out)
{
    size_t sent = 0;
    mime_put32(out->data, (uint32_t)(out->len - 4));
    while (sent < out->len) {
        ssize_t n = write(sock, out->data + sent, out->len - sent);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        sent += (size_t)n;
    }
    return 0;
}
