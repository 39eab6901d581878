/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http_server.c - the life of the server: libmicrohttpd in one thread with epoll and sendfile. What
 * it answers is in http_answer.c. */
#include "net/http_serve.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOG_AREA "http"
#define CONNECTIONS_DEFAULT 256
#define PER_IP_DEFAULT 32
#define IDLE_DEFAULT 60
#define MEMORY_PER_CONNECTION (16 * 1024)

/* The request line has been read; uri is as it came, with query. */
static void *on_uri(void *cls, const char *uri, struct MHD_Connection *conn)
{
    struct http_request *r = mem_new(sizeof *r);
    (void)cls;
    (void)conn;
    http_find_route(uri, r);
    return r;
}

static void on_completed(void *cls, struct MHD_Connection *conn, void **r_p,
                         enum MHD_RequestTerminationCode code)
{
    struct http_request *q = *r_p;
    (void)cls;
    (void)conn;
    (void)code;
    if (q != NULL) {
        free(q->body);
        free(q);
    }
    *r_p = NULL;
}

/* Leaves every "%" as it is. */
static size_t no_unescape(void *cls, struct MHD_Connection *conn, char *s)
{
    (void)cls;
    (void)conn;
    return strlen(s);
}

static bool has_body(struct MHD_Connection *conn)
{
    static const char *const name[] = {MHD_HTTP_HEADER_CONTENT_LENGTH,
                                       MHD_HTTP_HEADER_TRANSFER_ENCODING};

    for (size_t i = 0; i < 2; i++)
        if (MHD_lookup_connection_value(conn, MHD_HEADER_KIND, name[i]) != NULL)
            return true;
    return false;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *conn, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **r_p)
{
    struct http_server *s = cls;
    struct http_request *q = *r_p;
    bool get = strcmp(method, "GET") == 0;
    (void)url;
    (void)version;
    if (q == NULL)
        return MHD_NO; /* no memory: the connection ends */
    if (q->route == ROUTE_RECEIPT && strcmp(method, "POST") == 0)
        return http_post(s, conn, q, upload, upload_len);
    *upload_len = 0;
    if (q->route == ROUTE_RECEIPT)
        return http_answer_empty(conn, MHD_HTTP_METHOD_NOT_ALLOWED, "Allow", "POST");
    if (!get && strcmp(method, "HEAD") != 0)
        return http_answer_empty(conn, MHD_HTTP_METHOD_NOT_ALLOWED, "Allow", "GET, HEAD");
    /* The library ends a connection on which it answers before the request's end, even if nothing
     * follows: a receipt after a pull would need another one. What has a body is answered so. */
    if (!q->whole && !has_body(conn)) {
        q->whole = true;
        return MHD_YES;
    }
    return http_answer(s, conn, q, get);
}

__attribute__((format(printf, 2, 0))) static void on_log(void *cls, const char *fmt, va_list ap)
{
    char text[256];
    (void)cls;
    vsnprintf(text, sizeof text, fmt, ap);
    text[strcspn(text, "\n")] = '\0';
    log_debug("%s", text);
}

/* A bound, listening socket, or -1 and e. */
static int listen_socket(const struct http_server_config *c, struct sockaddr_storage *ss,
                         struct error *e)
{
    struct sockaddr_in *in4 = (struct sockaddr_in *)ss;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;
    socklen_t len = sizeof *in4;
    int on = 1, off = 0;
    memset(ss, 0, sizeof *ss);
    if (inet_pton(AF_INET, c->host, &in4->sin_addr) == 1) {
        in4->sin_family = AF_INET;
        in4->sin_port = htons(c->port);
    } else if (inet_pton(AF_INET6, c->host, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(c->port);
        len = sizeof *in6;
    } else {
        return error_set(e, "The HTTP address %s is neither IPv4 nor IPv6", c->host);
    }
    int fd = socket(ss->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_set(e, "Cannot make a socket for HTTP: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (ss->ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, (struct sockaddr *)ss, len) != 0 || listen(fd, 128) != 0) {
        if (errno == EADDRINUSE) {
            error_set(
                e,
                "TCP port %u on %s, wanted for HTTP, is taken: end the program that has it, or "
                "choose another with `restante config set network.http_port PORT`; if the "
                "endpoint names it, change network.endpoints too",
                (unsigned)c->port, c->host);
        } else {
            error_set(e, "Cannot listen for HTTP on %s port %u: %s", c->host, (unsigned)c->port,
                      strerror(errno));
        }
        close(fd);
        return -1;
    }
    len = sizeof *ss;
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
    if (fd < 0)
        return -1;
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
    struct http_server *s = mem_new(sizeof *s);
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

void http_server_meet(struct http_server *s, const uint8_t number[HASH_LEN])
{
    pthread_mutex_lock(&s->lock);
    memcpy(s->meet, number, HASH_LEN);
    s->met = false;
    pthread_mutex_unlock(&s->lock);
}

bool http_server_met(struct http_server *s)
{
    pthread_mutex_lock(&s->lock);
    bool met = s->met;
    pthread_mutex_unlock(&s->lock);
    return met;
}

/* With the lock: those whose time is over go on; with INT64_MAX, all. */
static void resume_until(struct http_server *s, int64_t now_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->waiting_count; i++)
        if (s->waiting[i].until_ms <= now_ms)
            MHD_resume_connection(s->waiting[i].conn);
        else
            s->waiting[kept++] = s->waiting[i];
    s->waiting_count = kept;
}

void http_server_set_msglist(struct http_server *s, const uint8_t *p, size_t n)
{
    uint8_t *copy = n > 0 ? malloc(n) : NULL;
    if (copy == NULL && n > 0) {
        log_error("no memory for the message list");
        return;
    }
    if (n > 0)
        memcpy(copy, p, n);
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
    http_posts_until(s, clock_mono_ms());
    pthread_mutex_unlock(&s->lock);
}

void http_server_stop(struct http_server **s_p)
{
    struct http_server *s = *s_p;
    *s_p = NULL;
    if (s == NULL)
        return;
    if (s->daemon != NULL) {
        pthread_mutex_lock(&s->lock); /* libmicrohttpd cannot stop while a request waits */
        s->stopping = true;
        resume_until(s, INT64_MAX);
        http_posts_until(s, INT64_MAX);
        pthread_mutex_unlock(&s->lock);
        MHD_stop_daemon(s->daemon);
    }
    if (s->dir >= 0)
        close(s->dir);
    if (s->replica_dir >= 0)
        close(s->replica_dir);
    pthread_mutex_destroy(&s->lock);
    free(s->pubkey);
    free(s->list);
    free(s);
}
