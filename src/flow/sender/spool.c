/* SPDX-License-Identifier: GPL-3.0-or-later */
/* spool.c - see spool.h. The header is collected, made m's, and written; then the body as it comes.
 */
#include "flow/sender/spool.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/texts.h"
#include "flow/core/stream_worker.h"
#include "flow/sender/seal_stream.h"
#include "flow/mail/header.h"
#include "flow/core/path.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_AREA "submit"
#define SHORT_BODY 65536

int submission_refuse(struct submission *s, int code, const char *text)
{
    if (s->code == 0) {
        s->code = code;
        (void)error_set(&s->why, "%s", text);
    }
    return -1;
}

/* The header is complete: m's header goes to the spool file. */
static int begin_message(struct submission *s, size_t header_len)
{
    struct services *sv = s->services;
    struct buf made = BUF_INIT(HEADER_MAX);
    struct header_rules rules = {
        .domain = address_group(sv->c.address), .now_ms = clock_wall_ms(), .sender = NULL};
    struct error e;
    if (header_make(s->header.data, header_len, &rules, &made, &e) < 0) {
        struct error text;
        buf_free(&made);
        (void)error_set(&text, TEXT_FORM, e.text);
        return submission_refuse(s, 554, text.text);
    }
    home_path(sv, s->path, "spool", s->m.id, sizeof s->m.id, "");
    s->fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    s->hash = sha256_new();
    if (s->fd < 0) {
        log_error("cannot make %s: %s", s->path, strerror(errno));
        s->path[0] = '\0';
        (void)submission_refuse(s, 451, TEXT_SPOOL);
    } else if (write_all(s->fd, made.data, made.len, &e) < 0) {
        log_error("%s: %s", s->path, e.text);
        (void)submission_refuse(s, 452, TEXT_SPOOL_FULL);
    }
    sha256_add(s->hash, made.data, made.len);
    s->m.size = made.len;
    (void)buf_reserve(&s->header, 0);
    struct buf old = s->header;
    s->header = made; /* from here on: m's header */
    s->header_done = true;
    /* what was collected of the body */
    int rc = s->code != 0 ? -1 : 0;
    if (rc == 0 && old.len > header_len) {
        rc = write_all(s->fd, old.data + header_len, old.len - header_len, &e);
        sha256_add(s->hash, old.data + header_len, old.len - header_len);
        s->m.size += old.len - header_len;
        if (rc < 0)
            (void)submission_refuse(s, 452, TEXT_SPOOL_FULL);
    }
    buf_free(&old);
    return rc;
}

/* NUL and a line feed without carriage return have no place in m. */
static int check_octets(struct submission *s, const uint8_t *p, size_t n)
{
    if (memchr(p, '\0', n) != NULL)
        return submission_refuse(s, 554, TEXT_NUL);
    bool cr = s->after_cr;
    for (const uint8_t *at = p, *end = p + n, *nl; (nl = memchr(at, '\n', (size_t)(end - at)));
         at = nl + 1)
        if (nl == p ? !cr : nl[-1] != '\r')
            return submission_refuse(s, 554, TEXT_CRLF);
    s->after_cr = n > 0 && p[n - 1] == '\r';
    return 0;
}

/* Octets of the header with its empty line, 0 while it is not complete. */
static size_t header_end(const struct buf *b, size_t from)
{
    if (b->len >= 2 && b->data[0] == '\r' && b->data[1] == '\n')
        return 2;
    from = from < 3 ? 0 : from - 3;
    const uint8_t *p = b->len < 4 ? NULL : memmem(b->data + from, b->len - from, "\r\n\r\n", 4);
    return p == NULL ? 0 : (size_t)(p - b->data) + 4;
}

/* A large message is sealed while it comes; whether it can be is asked once for every STREAM_FROM
 * octets. */
static void spool_stream(struct submission *s)
{
    uint64_t steps = s->m.size / STREAM_FROM;
    if (s->sealing)
        seal_stream_more(s->services, s->m.id, s->m.size);
    else if (steps != s->stream_asked)
        s->sealing = seal_stream_start(s->services, s->m.id, &s->to, s->m.size);
    s->stream_asked = steps;
}

int spool_data(struct submission *s, const uint8_t *p, size_t n)
{
    struct error e;
    if (s->code != 0 || check_octets(s, p, n) < 0)
        return -1;
    if (!s->header_done) {
        size_t from = s->header.len;
        if (buf_append(&s->header, p, n) < 0)
            return submission_refuse(s, 552, TEXT_HEADER_LARGE);
        size_t end = header_end(&s->header, from);
        return end == 0 ? 0 : begin_message(s, end);
    }
    if (write_all(s->fd, p, n, &e) < 0) {
        log_error("%s: %s", s->path, e.text);
        return submission_refuse(s, 452, TEXT_SPOOL_FULL);
    }
    sha256_add(s->hash, p, n);
    s->m.size += n;
    spool_stream(s);
    return 0;
}

int spool_end(struct submission *s)
{
    if (s->code == 0 && !s->header_done) { /* a message without an empty line is all header */
        if (s->header.len < 2 || memcmp(s->header.data + s->header.len - 2, "\r\n", 2) != 0)
            (void)buf_append(&s->header, "\r\n", 2);
        (void)buf_append(&s->header, "\r\n", 2);
        (void)begin_message(s, s->header.len);
    }
    if (s->code != 0)
        return -1;
    if (s->sealing)
        seal_stream_end(s->services, s->m.id);
    return 0;
}

/* A short body is held while the file is written again, in its place: one inode less. */
static int rewrite(struct submission *s, struct buf *made)
{
    uint8_t body[SHORT_BODY];
    struct error e;
    size_t n = (size_t)(s->m.size - s->header.len);
    if (pread(s->fd, body, n, (off_t)s->header.len) != (ssize_t)n ||
        pwrite_all(s->fd, made->data, made->len, 0, &e) < 0 ||
        pwrite_all(s->fd, body, n, (off_t)made->len, &e) < 0 ||
        ftruncate(s->fd, (off_t)(made->len + n)) < 0)
        return submission_refuse(s, 451, TEXT_SPOOL);
    sha256_end(&s->hash, NULL);
    s->hash = sha256_new();
    sha256_add(s->hash, made->data, made->len);
    sha256_add(s->hash, body, n);
    s->m.size = made->len + n;
    buf_free(&s->header);
    s->header = *made;
    *made = (struct buf){0};
    return 0;
}

static int rewrite_elsewhere(struct submission *s, struct buf *made)
{
    char path[PATH_CAP];
    struct error e;
    home_path(s->services, path, "spool", s->m.id, sizeof s->m.id, ".sender");
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int rc = fd < 0 ? -1 : write_all(fd, made->data, made->len, &e);
    sha256_end(&s->hash, NULL);
    s->hash = sha256_new();
    sha256_add(s->hash, made->data, made->len);
    uint64_t size = made->len;
    char piece[65536];
    off_t at = (off_t)s->header.len;
    for (ssize_t n; rc == 0 && (n = pread(s->fd, piece, sizeof piece, at)) != 0; at += n) {
        rc = n < 0 ? -1 : write_all(fd, piece, (size_t)n, &e);
        if (rc == 0)
            sha256_add(s->hash, piece, (size_t)n);
        size += n < 0 ? 0 : (uint64_t)n;
    }
    if (rc < 0 || rename(path, s->path) < 0) {
        (void)unlink(path);
        if (fd >= 0)
            (void)close(fd);
        return submission_refuse(s, 451, TEXT_SPOOL);
    }
    (void)close(s->fd);
    s->fd = fd;
    s->m.size = size;
    buf_free(&s->header);
    s->header = *made;
    *made = (struct buf){0};
    return 0;
}

int spool_add_sender(struct submission *s)
{
    if (s->sealing) /* it sealed what m no longer is */
        seal_stream_drop(s->services, s->m.id);
    s->sealing = false;
    struct buf made = BUF_INIT(HEADER_MAX), in = BUF_INIT(HEADER_MAX + 64);
    struct header_rules rules = {.domain = "", .sender = s->services->c.address};
    struct error e;
    /* the first Received field went in the first pass: keep a later one by putting one in front */
    int rc = buf_printf(&in, "Received: by this peer\r\n");
    rc |= buf_append(&in, s->header.data, s->header.len);
    if (rc != 0 || header_make(in.data, in.len, &rules, &made, &e) < 0)
        rc = submission_refuse(s, 451, TEXT_SPOOL);
    else if (s->m.size - s->header.len <= SHORT_BODY)
        rc = rewrite(s, &made);
    else
        rc = rewrite_elsewhere(s, &made);
    buf_free(&in);
    buf_free(&made);
    return rc;
}
