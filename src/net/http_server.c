/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http_server.c - the fixed paths over libmicrohttpd, in one thread with epoll and sendfile.
 * The path is compared as it stands on the wire, before anything is decoded: what is not exactly
 * one of the fixed forms does not exist. A blob's name is 64 hex digits and is opened relative to
 * the outbox folder without following links, so no request can name another file. */
#include "net/http_server.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/http_range.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_AREA "http"
#define CONNECTIONS_DEFAULT 256
#define PER_IP_DEFAULT 32
#define IDLE_DEFAULT 60
#define MEMORY_PER_CONNECTION (16 * 1024)
#define WAITING_MAX 64 /* who waits for a new message list; more are answered at once */
#define WAIT_MAX 60    /* seconds */
#define NAME_MAX_LEN (HASH_HEX + 8) /* "<64 hex>.chunks" and NUL */
#define NOTE_MAX_LEN (HASH_HEX + 9) /* "<64 hex>.fetched" and NUL */

struct waiting { /* a request that waits for a new message list */
    struct MHD_Connection *conn;
    int64_t until_ms;
};

struct http_server {
    struct MHD_Daemon *daemon;
    int dir, replica_dir; /* -1: none */
    uint16_t port;
    void (*on_fetch)(void *ctx, const uint8_t hash[HASH_LEN]);
    void *ctx;
    pthread_mutex_t lock; /* of all that follows */
    uint8_t *pubkey, *list;
    size_t pubkey_len, list_len;
    char list_etag[MSGLIST_ETAG_LEN + 1];
    struct waiting waiting[WAITING_MAX];
    size_t waiting_count;
    bool stopping;
};

enum route { ROUTE_NONE, ROUTE_PUBKEY, ROUTE_LIST, ROUTE_BLOB, ROUTE_CHUNKS };

struct request {
    enum route route;
    bool waited;
    char name[NAME_MAX_LEN]; /* of the file in the outbox folder */
    uint8_t hash[HASH_LEN];
};

static void find_route(const char *uri, struct request *r)
{
    static const char folder[] = "/outbox/";
    const size_t skip = sizeof(folder) - 1;

    if (strcmp(uri, "/pubkey") == 0) {
        r->route = ROUTE_PUBKEY;
        return;
    }
    if (strcmp(uri, "/outbox/msglist") == 0) {
        r->route = ROUTE_LIST;
        return;
    }
    if (strncmp(uri, folder, skip) != 0 || strspn(uri + skip, "0123456789abcdef") != HASH_HEX) {
        return;
    }
    const char *rest = uri + skip + HASH_HEX;
    bool chunks = strcmp(rest, "/chunks") == 0;
    if (!chunks && *rest != '\0') {
        return;
    }
    snprintf(r->name, sizeof(r->name), "%.*s%s", HASH_HEX, uri + skip, chunks ? ".chunks" : "");
    char hex[HASH_HEX + 1];
    snprintf(hex, sizeof(hex), "%.*s", HASH_HEX, uri + skip);
    if (hex_decode(hex, r->hash, HASH_LEN) == 0) {
        r->route = chunks ? ROUTE_CHUNKS : ROUTE_BLOB;
    }
}

/* The request line has been read; uri is as it came, with query. */
static void *on_uri(void *cls, const char *uri, struct MHD_Connection *conn)
{
    struct request *r = calloc(1, sizeof(*r));

    (void)cls;
    (void)conn;
    if (r != NULL) {
        find_route(uri, r);
    }
    return r;
}

static void on_completed(void *cls, struct MHD_Connection *conn, void **r_p,
                         enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)conn;
    (void)code;
    free(*r_p);
    *r_p = NULL;
}

/* Leaves every "%" as it is. */
static size_t no_unescape(void *cls, struct MHD_Connection *conn, char *s)
{
    (void)cls;
    (void)conn;
    return strlen(s);
}

/* Sends and drops the response. */
static enum MHD_Result answer(struct MHD_Connection *conn, unsigned status, struct MHD_Response *r)
{
    if (r == NULL) {
        return MHD_NO;
    }
    MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    enum MHD_Result result = MHD_queue_response(conn, status, r);
    MHD_destroy_response(r);
    return result;
}

static enum MHD_Result answer_empty(struct MHD_Connection *conn, unsigned status, const char *name,
                                    const char *value)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);

    if (r != NULL && name != NULL) {
        MHD_add_response_header(r, name, value);
    }
    return answer(conn, status, r);
}

static enum MHD_Result answer_pubkey(struct http_server *s, struct MHD_Connection *conn)
{
    struct MHD_Response *r = NULL;

    pthread_mutex_lock(&s->lock);
    bool known = s->pubkey != NULL;
    if (known) {
        r = MHD_create_response_from_buffer(s->pubkey_len, s->pubkey, MHD_RESPMEM_MUST_COPY);
    }
    pthread_mutex_unlock(&s->lock);
    if (!known) {
        return answer_empty(conn, MHD_HTTP_NOT_FOUND, NULL, NULL);
    }
    if (r != NULL) {
        MHD_add_response_header(r, "Content-Type", "application/octet-stream");
        MHD_add_response_header(r, "Cache-Control", "no-cache");
    }
    return answer(conn, MHD_HTTP_OK, r);
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

    if (prefer == NULL || strncmp(prefer, "wait=", 5) != 0) {
        return 0;
    }
    prefer += 5;
    size_t digits = strspn(prefer, "0123456789");
    if (digits == 0 || digits > 4 || prefer[digits] != '\0') {
        return 0;
    }
    for (size_t i = 0; i < digits; i++) {
        n = n * 10 + (unsigned)(prefer[i] - '0');
    }
    return n < WAIT_MAX ? n : WAIT_MAX;
}

/* With the lock. The same list again is told at once, or after a wait, by 304. */
static enum MHD_Result answer_list(struct http_server *s, struct MHD_Connection *conn,
                                   struct request *q)
{
    if (s->list == NULL) {
        return answer_empty(conn, MHD_HTTP_NOT_FOUND, NULL, NULL);
    }
    const char *if_none_match = header(conn, "If-None-Match");
    if (if_none_match != NULL && etag_listed(if_none_match, s->list_etag)) {
        unsigned wait = wait_wanted(conn);
        if (wait == 0 || q->waited || s->stopping || s->waiting_count == WAITING_MAX) {
            return answer_empty(conn, MHD_HTTP_NOT_MODIFIED, "ETag", s->list_etag);
        }
        q->waited = true;
        s->waiting[s->waiting_count++] =
            (struct waiting){conn, clock_mono_ms() + (int64_t)wait * 1000};
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
    return answer(conn, MHD_HTTP_OK, r);
}

/* An ordinary file of the outbox folder or that of the replicas, or -1. */
static int open_file(const struct http_server *s, const char *name, uint64_t *size_r)
{
    struct stat st;
    int fd = openat(s->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0 && errno == ENOENT && s->replica_dir >= 0) {
        fd = openat(s->replica_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    }
    if (fd < 0) {
        if (errno != ENOENT) {
            log_warn("cannot open %s: %s", name, strerror(errno));
        }
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

static void fetch_note(const struct request *q, char note[NOTE_MAX_LEN])
{
    snprintf(note, NOTE_MAX_LEN, "%.*s.fetched", HASH_HEX, q->name);
}

/* Whoever begins to fetch a blob is noted before the first octet goes out: NAME.fetched, durable.
 * The note comes before the file is opened, and who takes a blob away looks for the note after the
 * file is gone: so "nobody ever began" is true whenever it is said (P-14.3). */
static int note_fetch(const struct http_server *s, const struct request *q, bool *made_r)
{
    char note[NOTE_MAX_LEN];
    *made_r = false;
    if (faccessat(s->dir, q->name, F_OK, AT_SYMLINK_NOFOLLOW) != 0) {
        return 0; /* 404 follows */
    }
    fetch_note(q, note);
    int fd = openat(s->dir, note, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno == EEXIST ? 0 : -1;
    }
    int rc = fsync(fd) | fsync(s->dir);
    close(fd);
    if (rc != 0) {
        (void)unlinkat(s->dir, note, 0);
    }
    *made_r = rc == 0;
    return rc;
}

/* The blob was freed between the look and the note. There is one thread: nobody else relies on a
 * note that this request made. */
static void unnote_fetch(const struct http_server *s, const struct request *q)
{
    char note[NOTE_MAX_LEN];
    fetch_note(q, note);
    (void)unlinkat(s->dir, note, 0);
}

/* The response for octets first .. first+len-1; takes fd over. */
static struct MHD_Response *file_response(int fd, uint64_t first, uint64_t len, const char *etag)
{
    struct MHD_Response *r = MHD_create_response_from_fd_at_offset64(len, fd, first);

    if (r == NULL) {
        close(fd);
        return NULL;
    }
    MHD_add_response_header(r, "Content-Type", "application/octet-stream");
    MHD_add_response_header(r, "Accept-Ranges", "bytes");
    MHD_add_response_header(r, "ETag", etag);
    MHD_add_response_header(r, "Cache-Control", "public, max-age=31536000, immutable");
    return r;
}

static enum MHD_Result answer_file(struct http_server *s, struct MHD_Connection *conn,
                                   const struct request *q, bool get)
{
    char etag[NAME_MAX_LEN + 2], text[80];
    uint64_t size, first = 0, last;
    bool noted = false;
    if (get && note_fetch(s, q, &noted) != 0) {
        log_error("a note cannot be written in the outbox: %s", strerror(errno));
        return answer_empty(conn, MHD_HTTP_SERVICE_UNAVAILABLE, NULL, NULL);
    }
    int fd = open_file(s, q->name, &size);

    if (fd < 0) {
        if (noted) {
            unnote_fetch(s, q);
        }
        return answer_empty(conn, MHD_HTTP_NOT_FOUND, NULL, NULL);
    }
    snprintf(etag, sizeof(etag), "\"%s\"", q->name);
    const char *if_none_match = header(conn, "If-None-Match");
    if (if_none_match != NULL && etag_listed(if_none_match, etag)) {
        close(fd);
        return answer_empty(conn, MHD_HTTP_NOT_MODIFIED, "ETag", etag);
    }
    const char *if_range = header(conn, "If-Range");
    bool ranged = get && (if_range == NULL || strcmp(if_range, etag) == 0);
    last = size - 1;
    enum range_kind kind = range_parse(ranged ? header(conn, "Range") : NULL, size, &first, &last);
    if (kind == RANGE_IMPOSSIBLE) {
        close(fd);
        snprintf(text, sizeof(text), "bytes */%" PRIu64, size);
        return answer_empty(conn, MHD_HTTP_RANGE_NOT_SATISFIABLE, "Content-Range", text);
    }
    struct MHD_Response *r =
        file_response(fd, first, kind == RANGE_PART ? last - first + 1 : size, etag);
    if (r != NULL && kind == RANGE_PART) {
        snprintf(text, sizeof(text), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, first, last, size);
        MHD_add_response_header(r, "Content-Range", text);
    }
    if (r != NULL && get && q->route == ROUTE_BLOB && s->on_fetch != NULL) {
        s->on_fetch(s->ctx, q->hash);
    }
    return answer(conn, kind == RANGE_PART ? MHD_HTTP_PARTIAL_CONTENT : MHD_HTTP_OK, r);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *conn, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **r_p)
{
    struct http_server *s = cls;
    struct request *q = *r_p;
    bool get = strcmp(method, "GET") == 0;

    (void)url;
    (void)version;
    (void)upload;
    *upload_len = 0;
    if (q == NULL) {
        return MHD_NO; /* no memory: the connection ends */
    }
    if (!get && strcmp(method, "HEAD") != 0) {
        return answer_empty(conn, MHD_HTTP_METHOD_NOT_ALLOWED, "Allow", "GET, HEAD");
    }
    if (q->route == ROUTE_PUBKEY) {
        return answer_pubkey(s, conn);
    }
    if (q->route == ROUTE_LIST) {
        pthread_mutex_lock(&s->lock);
        enum MHD_Result result = answer_list(s, conn, q);
        pthread_mutex_unlock(&s->lock);
        return result;
    }
    if (q->route == ROUTE_NONE) {
        return answer_empty(conn, MHD_HTTP_NOT_FOUND, NULL, NULL);
    }
    return answer_file(s, conn, q, get);
}

__attribute__((format(printf, 2, 0))) static void on_log(void *cls, const char *fmt, va_list ap)
{
    char text[256];

    (void)cls;
    vsnprintf(text, sizeof(text), fmt, ap);
    text[strcspn(text, "\n")] = '\0';
    log_debug("%s", text);
}

/* A bound, listening socket, or -1 and e. */
static int listen_socket(const struct http_server_config *c, struct sockaddr_storage *ss,
                         struct error *e)
{
    struct sockaddr_in *in4 = (struct sockaddr_in *)ss;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;
    socklen_t len = sizeof(*in4);
    int on = 1, off = 0;

    memset(ss, 0, sizeof(*ss));
    if (inet_pton(AF_INET, c->host, &in4->sin_addr) == 1) {
        in4->sin_family = AF_INET;
        in4->sin_port = htons(c->port);
    } else if (inet_pton(AF_INET6, c->host, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(c->port);
        len = sizeof(*in6);
    } else {
        return error_set(e, "The HTTP address %s is neither IPv4 nor IPv6", c->host);
    }
    int fd = socket(ss->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return error_set(e, "Cannot make a socket for HTTP: %s", strerror(errno));
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (ss->ss_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    }
    if (bind(fd, (struct sockaddr *)ss, len) != 0 || listen(fd, 128) != 0) {
        if (errno == EADDRINUSE) {
            error_set(e, "Port %u on %s, wanted for HTTP, is taken by another program",
                      (unsigned)c->port, c->host);
        } else {
            error_set(e, "Cannot listen for HTTP on %s port %u: %s", c->host, (unsigned)c->port,
                      strerror(errno));
        }
        close(fd);
        return -1;
    }
    len = sizeof(*ss);
    getsockname(fd, (struct sockaddr *)ss, &len);
    return fd;
}

static unsigned or_default(unsigned value, unsigned fallback)
{
    return value != 0 ? value : fallback;
}

static int start_daemon(struct http_server *s, const struct http_server_config *c, struct error *e)
{
    struct sockaddr_storage ss;
    int fd = listen_socket(c, &ss, e);

    if (fd < 0) {
        return -1;
    }
    bool six = ss.ss_family == AF_INET6;
    s->port = ntohs(six ? ((struct sockaddr_in6 *)&ss)->sin6_port
                        : ((struct sockaddr_in *)&ss)->sin_port);
    s->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
            (six ? MHD_USE_DUAL_STACK : 0),
        s->port, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_URI_LOG_CALLBACK, on_uri, NULL,
        MHD_OPTION_UNESCAPE_CALLBACK, no_unescape, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        NULL, MHD_OPTION_CONNECTION_LIMIT, or_default(c->max_connections, CONNECTIONS_DEFAULT),
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, or_default(c->max_per_ip, PER_IP_DEFAULT),
        MHD_OPTION_CONNECTION_TIMEOUT, or_default(c->idle_seconds, IDLE_DEFAULT),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_PER_CONNECTION, MHD_OPTION_END);
    if (s->daemon == NULL) {
        close(fd);
        return error_set(e, "The HTTP server cannot start on port %u: %s", (unsigned)s->port,
                         strerror(errno));
    }
    return 0;
}

struct http_server *http_server_start(const struct http_server_config *c, struct error *e)
{
    struct http_server *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        error_set(e, "No memory for the HTTP server");
        return NULL;
    }
    pthread_mutex_init(&s->lock, NULL);
    s->on_fetch = c->on_fetch;
    s->ctx = c->ctx;
    s->replica_dir = -1;
    s->dir = open(c->outbox_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir < 0) {
        error_set(e, "Cannot open the outbox folder %s: %s", c->outbox_dir, strerror(errno));
        http_server_stop(&s);
    } else if (c->replica_dir != NULL &&
               (s->replica_dir = open(c->replica_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
        error_set(e, "Cannot open the replica folder %s: %s", c->replica_dir, strerror(errno));
        http_server_stop(&s);
    } else if (start_daemon(s, c, e) != 0) {
        http_server_stop(&s);
    }
    return s;
}

uint16_t http_server_port(const struct http_server *s)
{
    return s->port;
}

void http_server_set_pubkey(struct http_server *s, const uint8_t *p, size_t n)
{
    uint8_t *copy = malloc(n > 0 ? n : 1);

    if (copy == NULL) {
        log_error("no memory for the identity record");
        return;
    }
    memcpy(copy, p, n);
    pthread_mutex_lock(&s->lock);
    free(s->pubkey);
    s->pubkey = copy;
    s->pubkey_len = n;
    pthread_mutex_unlock(&s->lock);
}

void msglist_etag(const uint8_t *p, size_t n, char out[MSGLIST_ETAG_LEN + 1])
{
    uint8_t hash[HASH_LEN];
    char hex[HASH_HEX + 1];

    sha256(p, n, hash);
    hex_encode(hash, HASH_LEN, hex);
    snprintf(out, MSGLIST_ETAG_LEN + 1, "\"%s\"", hex);
}

/* With the lock: those whose time is over go on; with INT64_MAX, all. */
static void resume_until(struct http_server *s, int64_t now_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->waiting_count; i++) {
        if (s->waiting[i].until_ms <= now_ms) {
            MHD_resume_connection(s->waiting[i].conn);
        } else {
            s->waiting[kept++] = s->waiting[i];
        }
    }
    s->waiting_count = kept;
}

void http_server_set_msglist(struct http_server *s, const uint8_t *p, size_t n)
{
    uint8_t *copy = n > 0 ? malloc(n) : NULL;

    if (copy == NULL && n > 0) {
        log_error("no memory for the message list");
        return;
    }
    if (n > 0) {
        memcpy(copy, p, n);
    }
    pthread_mutex_lock(&s->lock);
    free(s->list);
    s->list = copy;
    s->list_len = n;
    msglist_etag(p, n, s->list_etag);
    resume_until(s, INT64_MAX);
    pthread_mutex_unlock(&s->lock);
}

void http_server_tick(struct http_server *s)
{
    pthread_mutex_lock(&s->lock);
    resume_until(s, clock_mono_ms());
    pthread_mutex_unlock(&s->lock);
}

void http_server_stop(struct http_server **s_p)
{
    struct http_server *s = *s_p;

    *s_p = NULL;
    if (s == NULL) {
        return;
    }
    if (s->daemon != NULL) {
        pthread_mutex_lock(&s->lock); /* libmicrohttpd cannot stop while a request waits */
        s->stopping = true;
        resume_until(s, INT64_MAX);
        pthread_mutex_unlock(&s->lock);
        MHD_stop_daemon(s->daemon);
    }
    if (s->dir >= 0) {
        close(s->dir);
    }
    if (s->replica_dir >= 0) {
        close(s->replica_dir);
    }
    pthread_mutex_destroy(&s->lock);
    free(s->pubkey);
    free(s->list);
    free(s);
}
