/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http_answer.c - what is answered to a request. The path is compared as it stands on the wire,
 * before anything is decoded: what is not exactly one of the fixed forms does not exist. A blob's
 * name is 64 hex digits and is opened relative to the outbox folder without following links, so no
 * request can name another file. */
#include "base/clock.h"
#include "base/log.h"
#include "net/http_range.h"
#include "net/http_serve.h"
#include "proto/limits.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_AREA "http"
#define WAIT_MAX 60                 /* seconds */
#define NOTE_MAX_LEN (HASH_HEX + 9) /* "<64 hex>.fetched" and NUL */

void http_find_route(const char *uri, struct http_request *r)
{
    static const char folder[] = "/outbox/";
    const size_t skip = sizeof folder - 1;
    if (strcmp(uri, "/pubkey") == 0) {
        r->route = ROUTE_PUBKEY;
        return;
    }
    if (strcmp(uri, "/outbox/msglist") == 0) {
        r->route = ROUTE_LIST;
        return;
    }
    if (strcmp(uri, "/receipt") == 0) {
        r->route = ROUTE_RECEIPT;
        return;
    }
    if (strncmp(uri, folder, skip) != 0 || strspn(uri + skip, "0123456789abcdef") != HASH_HEX)
        return;
    const char *rest = uri + skip + HASH_HEX;
    bool chunks = strcmp(rest, "/chunks") == 0;
    if (!chunks && *rest != '\0')
        return;
    snprintf(r->name, sizeof r->name, "%.*s%s", HASH_HEX, uri + skip, chunks ? ".chunks" : "");
    char hex[HASH_HEX + 1];
    snprintf(hex, sizeof hex, "%.*s", HASH_HEX, uri + skip);
    if (hex_decode(hex, r->hash, HASH_LEN) == 0)
        r->route = chunks ? ROUTE_CHUNKS : ROUTE_BLOB;
}

/* A connection that only waits must not keep others out, of the same address or any. */
static bool crowded(struct MHD_Connection *conn)
{
    const union MHD_ConnectionInfo *c = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_DAEMON);
    const union MHD_DaemonInfo *d =
        c == NULL ? NULL : MHD_get_daemon_info(c->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    return d != NULL && d->num_connections > HTTP_KEPT_MAX;
}

enum MHD_Result http_send(struct MHD_Connection *conn, unsigned status, struct MHD_Response *r)
{
    if (r == NULL)
        return MHD_NO;
    MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    if (crowded(conn))
        MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
    enum MHD_Result result = MHD_queue_response(conn, status, r);
    MHD_destroy_response(r);
    return result;
}

enum MHD_Result http_answer_empty(struct MHD_Connection *conn, unsigned status, const char *name,
                                  const char *value)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
    if (r != NULL && name != NULL)
        MHD_add_response_header(r, name, value);
    return http_send(conn, status, r);
}

static enum MHD_Result answer_pubkey(struct http_server *s, struct MHD_Connection *conn)
{
    struct MHD_Response *r = NULL;
    pthread_mutex_lock(&s->lock);
    bool known = s->pubkey != NULL;
    if (known)
        r = MHD_create_response_from_buffer(s->pubkey_len, s->pubkey, MHD_RESPMEM_MUST_COPY);
    pthread_mutex_unlock(&s->lock);
    if (!known)
        return http_answer_empty(conn, MHD_HTTP_NOT_FOUND, NULL, NULL);
    if (r != NULL) {
        MHD_add_response_header(r, "Content-Type", "application/octet-stream");
        MHD_add_response_header(r, "Cache-Control", "no-cache");
    }
    return http_send(conn, MHD_HTTP_OK, r);
}

static const char *header(struct MHD_Connection *conn, const char *name)
{
    return MHD_lookup_connection_value(conn, MHD_HEADER_KIND, name);
}

/* "Prefer: wait=N" (RFC 7240), nothing else in it; 0 when it is anything else. */
static unsigned wait_wanted(struct MHD_Connection *conn)
{
    const char *prefer = header(conn, "Prefer");
    unsigned n = 0;
    if (prefer == NULL || strncmp(prefer, "wait=", 5) != 0)
        return 0;
    prefer += 5;
    size_t digits = strspn(prefer, "0123456789");
    if (digits == 0 || digits > 4 || prefer[digits] != '\0')
        return 0;
    for (size_t i = 0; i < digits; i++)
        n = n * 10 + (unsigned)(prefer[i] - '0');
    return n < WAIT_MAX ? n : WAIT_MAX;
}

/* With the lock. The same list again is told at once, or after a wait, by 304. */
static enum MHD_Result answer_list(struct http_server *s, struct MHD_Connection *conn,
                                   struct http_request *q)
{
    if (s->list == NULL)
        return http_answer_empty(conn, MHD_HTTP_NOT_FOUND, NULL, NULL);
    const char *if_none_match = header(conn, "If-None-Match");
    if (if_none_match != NULL && etag_listed(if_none_match, s->list_etag)) {
        unsigned wait = wait_wanted(conn);
        if (wait == 0 || q->waited || s->stopping || s->waiting_count == HTTP_WAITING_MAX)
            return http_answer_empty(conn, MHD_HTTP_NOT_MODIFIED, "ETag", s->list_etag);
        q->waited = true;
        s->waiting[s->waiting_count++] =
            (struct http_waiting){conn, clock_mono_ms() + (int64_t)wait * 1000};
        MHD_suspend_connection(conn);
        return MHD_YES;
    }
    struct MHD_Response *r =
        MHD_create_response_from_buffer(s->list_len, s->list, MHD_RESPMEM_MUST_COPY);
    if (r != NULL) {
        MHD_add_response_header(r, "Content-Type", "application/octet-stream");
        MHD_add_response_header(r, "ETag", s->list_etag);
        MHD_add_response_header(r, "Cache-Control", "no-cache");
    }
    return http_send(conn, MHD_HTTP_OK, r);
}

/* An ordinary file of the outbox folder or that of the replicas, or -1. */
static int open_file(const struct http_server *s, const char *name, uint64_t *size_r)
{
    struct stat st;
    int fd = openat(s->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT && s->replica_dir >= 0)
        fd = openat(s->replica_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        if (errno != ENOENT)
            log_warn("cannot open %s: %s", name, strerror(errno));
        return -1;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        log_warn("%s is not an ordinary file", name);
        close(fd);
        return -1;
    }
    *size_r = (uint64_t)st.st_size;
    return fd;
}

static void fetch_note(const struct http_request *q, char note[NOTE_MAX_LEN])
{
    snprintf(note, NOTE_MAX_LEN, "%.*s.fetched", HASH_HEX, q->name);
}

/* Whoever begins to fetch a blob is noted before the first octet goes out: NAME.fetched, durable.
 * The note comes before the file is opened, and who takes a blob away looks for the note after the
 * file is gone: so "nobody ever began" is true whenever it is said (P-14.3). */
static int note_fetch(const struct http_server *s, const struct http_request *q, bool *made_r)
{
    char note[NOTE_MAX_LEN];
    *made_r = false;
    if (faccessat(s->dir, q->name, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
        return 0; /* 404 follows */
    fetch_note(q, note);
    int fd = openat(s->dir, note, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? 0 : -1;
    int rc = fsync(fd) | fsync(s->dir);
    close(fd);
    if (rc != 0)
        (void)unlinkat(s->dir, note, 0);
    *made_r = rc == 0;
    return rc;
}

/* The blob was freed between the look and the note. There is one thread: nobody else relies on a
 * note that this request made. */
static void unnote_fetch(const struct http_server *s, const struct http_request *q)
{
    char note[NOTE_MAX_LEN];
    fetch_note(q, note);
    (void)unlinkat(s->dir, note, 0);
}

static void add_file_headers(struct MHD_Response *r, const char *etag)
{
    MHD_add_response_header(r, "Content-Type", "application/octet-stream");
    MHD_add_response_header(r, "ETag", etag);
}

/* The response for octets first .. first+len-1; takes fd over. */
static struct MHD_Response *file_response(int fd, uint64_t first, uint64_t len, const char *etag)
{
    struct MHD_Response *r = MHD_create_response_from_fd_at_offset64(len, fd, first);
    if (r == NULL) {
        close(fd);
        return NULL;
    }
    MHD_add_response_header(r, "Accept-Ranges", "bytes");
    add_file_headers(r, etag);
    return r;
}

/* The list of a blob that is one chunk is that chunk's hash, which is the blob's own (P-5.4): it is
 * kept in no file. */
static enum MHD_Result answer_one_chunk(const struct http_server *s, struct MHD_Connection *conn,
                                        const struct http_request *q, bool get)
{
    struct http_request blob = *q;
    char etag[HTTP_NAME_LEN + 2];
    uint64_t size = 0;
    bool noted = false;
    blob.name[HASH_HEX] = '\0';
    if (get && note_fetch(s, &blob, &noted) != 0) {
        log_error("a note cannot be written in the outbox: %s", strerror(errno));
        return http_answer_empty(conn, MHD_HTTP_SERVICE_UNAVAILABLE, NULL, NULL);
    }
    int fd = open_file(s, blob.name, &size);
    if (fd >= 0)
        close(fd);
    if (fd < 0 || size > CHUNK_LEN) {
        if (noted)
            unnote_fetch(s, &blob);
        return http_answer_empty(conn, MHD_HTTP_NOT_FOUND, NULL, NULL);
    }
    snprintf(etag, sizeof etag, "\"%s\"", q->name);
    const char *if_none_match = header(conn, "If-None-Match");
    if (if_none_match != NULL && etag_listed(if_none_match, etag))
        return http_answer_empty(conn, MHD_HTTP_NOT_MODIFIED, "ETag", etag);
    struct MHD_Response *r =
        MHD_create_response_from_buffer(HASH_LEN, (void *)q->hash, MHD_RESPMEM_MUST_COPY);
    if (r != NULL)
        add_file_headers(r, etag);
    return http_send(conn, MHD_HTTP_OK, r);
}

static enum MHD_Result answer_file(struct http_server *s, struct MHD_Connection *conn,
                                   const struct http_request *q, bool get)
{
    char etag[HTTP_NAME_LEN + 2], text[80];
    uint64_t size, first = 0;
    bool noted = false;
    if (get && note_fetch(s, q, &noted) != 0) {
        log_error("a note cannot be written in the outbox: %s", strerror(errno));
        return http_answer_empty(conn, MHD_HTTP_SERVICE_UNAVAILABLE, NULL, NULL);
    }
    int fd = open_file(s, q->name, &size);

    if (fd < 0) {
        if (noted)
            unnote_fetch(s, q);
        return q->route == ROUTE_CHUNKS ? answer_one_chunk(s, conn, q, get)
                                        : http_answer_empty(conn, MHD_HTTP_NOT_FOUND, NULL, NULL);
    }
    snprintf(etag, sizeof etag, "\"%s\"", q->name);
    const char *if_none_match = header(conn, "If-None-Match");
    if (if_none_match != NULL && etag_listed(if_none_match, etag)) {
        close(fd);
        return http_answer_empty(conn, MHD_HTTP_NOT_MODIFIED, "ETag", etag);
    }
    const char *if_range = header(conn, "If-Range");
    bool ranged = get && (if_range == NULL || strcmp(if_range, etag) == 0);
    uint64_t last = size - 1;
    enum range_kind kind = range_parse(ranged ? header(conn, "Range") : NULL, size, &first, &last);
    if (kind == RANGE_IMPOSSIBLE) {
        close(fd);
        snprintf(text, sizeof text, "bytes */%" PRIu64, size);
        return http_answer_empty(conn, MHD_HTTP_RANGE_NOT_SATISFIABLE, "Content-Range", text);
    }
    struct MHD_Response *r =
        file_response(fd, first, kind == RANGE_PART ? last - first + 1 : size, etag);
    if (r != NULL && kind == RANGE_PART) {
        snprintf(text, sizeof text, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, first, last, size);
        MHD_add_response_header(r, "Content-Range", text);
    }
    if (r != NULL && get && q->route == ROUTE_BLOB && s->on_fetch != NULL)
        s->on_fetch(s->ctx, q->hash);
    return http_send(conn, kind == RANGE_PART ? MHD_HTTP_PARTIAL_CONTENT : MHD_HTTP_OK, r);
}

enum MHD_Result http_answer(struct http_server *s, struct MHD_Connection *conn,
                            struct http_request *q, bool get)
{
    if (q->route == ROUTE_BLOB) {
        pthread_mutex_lock(&s->lock);
        s->met |= memcmp(q->hash, s->meet, HASH_LEN) == 0;
        pthread_mutex_unlock(&s->lock);
    }
    if (q->route == ROUTE_PUBKEY)
        return answer_pubkey(s, conn);
    if (q->route == ROUTE_LIST) {
        pthread_mutex_lock(&s->lock);
        enum MHD_Result result = answer_list(s, conn, q);
        pthread_mutex_unlock(&s->lock);
        return result;
    }
    if (q->route == ROUTE_NONE)
        return http_answer_empty(conn, MHD_HTTP_NOT_FOUND, NULL, NULL);
    return answer_file(s, conn, q, get);
}
