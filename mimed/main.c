/* SPDX-License-Identifier: GPL-3.0-or-later */
/* main.c - restante-mime: answers questions about the MIME structure of mail, one after the other,
 * on the socket that the daemon left at descriptor 0. It parses with Dovecot's own library, because
 * what a stub announces must be what Dovecot computes from the full message later. Foreign bytes
 * are looked at here and nowhere else, so the process confines itself before it reads any, and a
 * request that kills it harms nobody: the daemon starts another. */
#include "mimed.h"
#include "mime/wire.h"
#include "proto/limits.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <lib.h>

static const uint8_t room[MIME_FROM_LEN + 16]; /* for what is known when the rest is written */

static void put_from(uint8_t *p, const struct from *from)
{
    mime_put32(p, from->count);
    memcpy(p + 4, from->address, strlen(from->address));
}

static int answer_parse(const struct buf *in, int fd, struct buf *out, struct error *e)
{
    struct parsed parsed;
    if (fd < 0 || in->len != 1)
        return error_set(e, "No message came with the request.");
    out->data[4] = MIME_PARSED;
    if (buf_append(out, room, sizeof room) < 0)
        return error_set(e, "Out of memory.");
    if (parse_message(fd, out, &parsed, e) < 0)
        return -1;
    uint8_t *to = out->data + MIME_HEAD;
    put_from(to, &parsed.from);
    mime_put64(to + MIME_FROM_LEN, parsed.header_octets);
    mime_put64(to + MIME_FROM_LEN + 8, parsed.octets);
    return 0;
}

static int answer_render(const struct buf *in, struct buf *out, struct error *e)
{
    const uint8_t *p = in->data + 1;
    size_t n = in->len - 1, header_len;
    if (n < 4 || (header_len = mime_get32(p)) > n - 4)
        return error_set(e, "The request does not hold together.");
    if (header_len > HEADER_MAX)
        return error_set(e, "The header is too large.");
    struct from from;
    from_of(p + 4, header_len, &from);
    out->data[4] = MIME_RENDERED;
    if (buf_append(out, room, MIME_FROM_LEN) < 0)
        return error_set(e, "Out of memory.");
    put_from(out->data + MIME_HEAD, &from);
    return render_structure(p + 4, header_len, p + 4 + header_len, n - 4 - header_len, out, e);
}

/* Fills out with an answer to the request in in. -1 only when memory is short. */
static int answer(const struct buf *in, int fd, struct buf *out)
{
    static const uint8_t head[MIME_HEAD];
    struct error e = {""};
    int ret;
    out->len = 0;
    if (buf_append(out, head, sizeof head) < 0)
        return -1;
    switch (in->data[0]) {
    case MIME_PARSE:
        ret = answer_parse(in, fd, out, &e);
        break;
    case MIME_RENDER:
        ret = answer_render(in, out, &e);
        break;
    default:
        ret = error_set(&e, "The request is of no known kind.");
    }
    if (ret < 0) {
        out->len = sizeof head;
        out->data[4] = MIME_NO;
        return buf_append(out, e.text, strlen(e.text));
    }
    return 0;
}

static int serve(int sock)
{
    struct buf in = BUF_INIT(MIME_REQUEST_MAX), out = BUF_INIT(MIME_ANSWER_MAX);
    int ret, fd;
    while ((ret = frame_read(sock, &in, &fd)) > 0) {
        T_BEGIN
        {
            ret = answer(&in, fd, &out);
        }
        T_END;
        if (fd >= 0)
            (void)close(fd);
        if (ret < 0 || frame_write(sock, &out) < 0)
            break;
    }
    buf_free(&in);
    buf_free(&out);
    return ret == 0 ? 0 : 1;
}

/* What the daemon waits for: a helper that never says it could not start, whatever it was asked. */
static int hello(int sock)
{
    static const uint8_t head[MIME_HEAD] = {[4] = MIME_HELLO};
    struct buf out = BUF_INIT(MIME_HEAD);
    int ret = buf_append(&out, head, sizeof head);
    if (ret == 0)
        ret = frame_write(sock, &out);
    buf_free(&out);
    return ret;
}

int main(void)
{
    int type;
    socklen_t len = sizeof type;
    if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_STREAM) {
        (void)fprintf(stderr, "restante-mime is started by restanted; it is of no use alone.\n");
        return 64;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGPIPE, SIG_IGN);
    lib_init();
    struct error e = {""};
    int ret;
    T_BEGIN
    {
        ret = mimed_try(&e);
    }
    T_END;
    if (ret < 0) {
        (void)fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    confine();
    ret = hello(STDIN_FILENO) < 0 ? 1 : serve(STDIN_FILENO);
    lib_deinit();
    return ret;
}
