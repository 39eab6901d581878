/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http_fetch.c - what one request asks for and which answer counts.
 * The other side is a stranger: every address is checked before it is connected and again before
 * the request goes out on a reused connection; headers and body are counted; only a complete answer
 * at the offset that was asked for is handed on. */
#include "net/http_fetch.h"
#include "net/http_range.h"
#include "base/crypt.h"
#include "base/mem.h"
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADERS_MAX (32 * 1024)
#define REFUSAL_BODY_MAX (64 * 1024) /* octets of an error page that are read and thrown away */
#define CONNECT_DEFAULT 10
#define STALL_DEFAULT 20
#define SLOWEST 100 /* octets per second */

__attribute__((format(printf, 2, 3))) static void note(struct http_fetch *f, const char *fmt, ...)
{
    va_list ap;
    if (f->why[0] != '\0')
        return;
    va_start(ap, fmt);
    vsnprintf(f->why, sizeof f->why, fmt, ap);
    va_end(ap);
}

/* One of the fixed paths, and nothing that only looks like one; posts: what is posted there. */
static bool path_ok(const char *path, bool posts)
{
    static const char folder[] = "/outbox/";
    const size_t skip = sizeof folder - 1;
    if (posts)
        return strcmp(path, "/receipt") == 0;
    if (strcmp(path, "/pubkey") == 0 || strcmp(path, "/outbox/msglist") == 0)
        return true;
    if (strncmp(path, folder, skip) != 0 || strspn(path + skip, "0123456789abcdef") != HASH_HEX)
        return false;
    const char *rest = path + skip + HASH_HEX;
    return *rest == '\0' || strcmp(rest, "/chunks") == 0;
}

/* The rule, and what it said about an address, for whoever asks why nobody was asked. */
static bool may_connect(struct http_fetch *f, const struct sockaddr *sa, const char **why)
{
    if (endpoint_allowed(sa, &f->policy, why)) {
        f->tried = true;
        return true;
    }
    f->refused = endpoint_judge(sa, &f->policy);
    const void *ip = sa->sa_family == AF_INET6
                         ? (const void *)&((const struct sockaddr_in6 *)sa)->sin6_addr
                         : (const void *)&((const struct sockaddr_in *)sa)->sin_addr;
    if ((sa->sa_family != AF_INET && sa->sa_family != AF_INET6) ||
        inet_ntop(sa->sa_family, ip, f->refused_ip, sizeof f->refused_ip) == NULL)
        snprintf(f->refused_ip, sizeof f->refused_ip, "unknown");
    return false;
}

static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct http_fetch *f = ctx;
    const char *why;
    (void)purpose;
    /* For an onion address this is the owner's own SOCKS proxy. */
    if (!f->onion && !may_connect(f, &a->addr, &why)) {
        note(f, "not connected: %s", why);
        return CURL_SOCKET_BAD;
    }
    curl_socket_t fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
    /* Acknowledge every other segment and with the request, not each at once; where that cannot be
     * said, all is as ever. */
    int off = 0;
    if (fd >= 0)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof off);
    return fd;
}

/* A connection may be older than this request, and made under another policy. */
static int on_ready(void *ctx, char *remote, char *local, int remote_port, int local_port)
{
    struct http_fetch *f = ctx;
    struct sockaddr_storage ss = {0};
    struct sockaddr_in *in4 = (struct sockaddr_in *)&ss;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;
    const char *why = "its address is unknown";
    (void)local;
    (void)remote_port;
    (void)local_port;
    if (f->onion)
        return CURL_PREREQFUNC_OK;
    if (inet_pton(AF_INET, remote, &in4->sin_addr) == 1)
        ss.ss_family = AF_INET;
    else if (inet_pton(AF_INET6, remote, &in6->sin6_addr) == 1)
        ss.ss_family = AF_INET6;
    f->tried = false; /* what counts is whom this request goes to */
    if (may_connect(f, (struct sockaddr *)&ss, &why))
        return CURL_PREREQFUNC_OK;
    note(f, "not asked: %s", why);
    return CURL_PREREQFUNC_ABORT;
}

static size_t on_header(char *p, size_t one, size_t n, void *ctx)
{
    static const char field[] = "Content-Range:";
    struct http_fetch *f = ctx;
    uint64_t last, size;
    n *= one;
    f->header_octets += n;
    if (f->cancelled || f->header_octets > HEADERS_MAX) {
        note(f, "the answer's header is too large");
        return 0;
    }
    if (n >= 5 && memcmp(p, "HTTP/", 5) == 0) {
        f->ranged = false; /* of an interim answer */
    } else if (n > sizeof field - 1 && strncasecmp(p, field, sizeof field - 1) == 0) {
        f->ranged = content_range_parse(p + sizeof field - 1, n - (sizeof field - 1),
                                        &f->range_first, &last, &size);
    }
    return n;
}

static long status_of(const struct http_fetch *f)
{
    long status = 0;
    curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

/* The answer's header is complete: is it what was asked for? */
static bool fetch_judge(struct http_fetch *f)
{
    if (f->judged)
        return f->good;
    long status = status_of(f);
    f->judged = true;
    if (f->config.offset == 0) {
        f->good = status == 200 || (status == 304 && f->config.etag != NULL);
    } else {
        uint64_t first = status == 206 ? f->range_first : 0; /* RFC 9110, 14.2: Range is optional */
        f->good =
            status == 200 || (status == 206 && f->ranged && f->range_first <= f->config.offset);
        f->skip = f->good ? f->config.offset - first : 0;
    }
    if (f->good)
        return true;
    if (status == 200 || status == 206) {
        f->misplaced = true;
        note(f, "the peer did not answer with the bytes from %" PRIu64 " on", f->config.offset);
    } else {
        note(f, "the peer answered %ld", status);
    }
    return false;
}

static size_t on_body(char *p, size_t one, size_t n, void *ctx)
{
    struct http_fetch *f = ctx;
    n *= one;
    if (f->cancelled)
        return 0;
    if (!fetch_judge(f)) {
        f->octets += n;
        long status = status_of(f);
        bool wrong = status >= 200 && status < 300;
        return !wrong && f->octets <= REFUSAL_BODY_MAX ? n : 0;
    }
    size_t all = n, before = f->skip < n ? (size_t)f->skip : n;
    f->skip -= before;
    p += before;
    n -= before;
    if (n == 0)
        return all;
    f->octets += n;
    if (f->octets > f->config.max_bytes) {
        uint64_t over = f->octets - f->config.max_bytes;
        f->good = false;
        /* what was expected is still handed on: whether it is true tells who is to blame */
        if (over < n)
            (void)f->config.data(f->config.ctx, (const uint8_t *)p, n - (size_t)over);
        note(f, "the peer sent more than the %" PRIu64 " bytes expected", f->config.max_bytes);
        return 0;
    }
    if (f->config.data(f->config.ctx, (const uint8_t *)p, n) != 0) {
        f->good = false;
        note(f, "what the peer sent was refused");
        return 0;
    }
    return f->cancelled ? 0 : all;
}

static long or_default(unsigned value, long fallback)
{
    return value != 0 ? (long)value : fallback;
}

/* Where the request goes, and through what. */
static int set_target(struct http_fetch *f, const struct http_fetch_config *cfg,
                      const struct http_client_config *c, struct error *e)
{
    char base[HOST_MAX + 24], url[HOST_MAX + 24 + 96], proxy[160] = "";
    struct endpoint check;
    endpoint_format(cfg->endpoint, base, sizeof base);
    if (endpoint_parse(base, &check) != 0)
        return error_set(e, "This is not a peer's endpoint: %s", base);
    if (!path_ok(cfg->path, cfg->body != NULL))
        return error_set(e, "This path is never asked of a peer: %s", cfg->path);
    f->onion = endpoint_is_onion(&check);
    if (f->onion && (c->socks == NULL || *c->socks == '\0'))
        return error_set(e, "%s can only be reached through a SOCKS proxy, and none is set", base);
    if (f->onion) {
        /* socks5h: the proxy resolves the name, we never do */
        snprintf(proxy, sizeof proxy, "socks5h://%s", c->socks);
    }
    snprintf(url, sizeof url, "%s%s", base, cfg->path);
    if (curl_easy_setopt(f->easy, CURLOPT_URL, url) != CURLE_OK ||
        curl_easy_setopt(f->easy, CURLOPT_PROXY, proxy) != CURLE_OK ||
        curl_easy_setopt(f->easy, CURLOPT_NOPROXY, "") != CURLE_OK)
        return error_set(e, "No memory for a request");
    return 0;
}

static int add_header(struct http_fetch *f, const char *text)
{
    struct curl_slist *more = curl_slist_append(f->headers, text);
    if (more == NULL)
        return -1;
    f->headers = more;
    return 0;
}

/* No Accept, which would say that anything will do; If-None-Match and how long the answer may wait
 * for something new (P-6.7). */
static int set_headers(struct http_fetch *f)
{
    char text[128];
    int bad = add_header(f, "Accept:");
    if (f->config.etag != NULL) {
        snprintf(text, sizeof text, "If-None-Match: %s", f->config.etag);
        bad |= add_header(f, text);
    }
    if (f->config.etag != NULL && f->config.wait_s > 0) {
        snprintf(text, sizeof text, "Prefer: wait=%u", f->config.wait_s);
        bad |= add_header(f, text);
    }
    if (f->config.body != NULL)
        bad |= add_header(f, "Content-Type: application/cbor");
    return bad == 0 && curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, f->headers) == CURLE_OK ? 0
                                                                                             : -1;
}

static int set_body(struct http_fetch *f)
{
    CURL *h = f->easy;
    int bad = 0;
    if (f->config.body == NULL)
        return 0;
    bad |= curl_easy_setopt(h, CURLOPT_POST, 1L);
    bad |= curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE, (long)f->config.body_len);
    bad |= curl_easy_setopt(h, CURLOPT_COPYPOSTFIELDS, f->config.body);
    f->config.body = NULL;
    return bad == 0 ? 0 : -1;
}

static int set_callbacks(struct http_fetch *f)
{
    CURL *h = f->easy;
    int bad = 0;
    bad |= curl_easy_setopt(h, CURLOPT_PRIVATE, f);
    bad |= curl_easy_setopt(h, CURLOPT_ERRORBUFFER, f->curl_why);
    bad |= curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, on_open);
    bad |= curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, f);
    bad |= curl_easy_setopt(h, CURLOPT_PREREQFUNCTION, on_ready);
    bad |= curl_easy_setopt(h, CURLOPT_PREREQDATA, f);
    bad |= curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
    bad |= curl_easy_setopt(h, CURLOPT_HEADERDATA, f);
    bad |= curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
    bad |= curl_easy_setopt(h, CURLOPT_WRITEDATA, f);
    return bad == 0 ? 0 : -1;
}

/* Everything that libcurl could do beyond one plain request is switched off. */
static int set_limits(struct http_fetch *f, const struct http_client_config *c)
{
    CURL *h = f->easy;
    char range[32];
    int bad = 0;
    bad |= curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    bad |= curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
    bad |= curl_easy_setopt(h, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    bad |= curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    bad |= curl_easy_setopt(h, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    bad |= curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    /* A name that does not resolve must not hold the loop when its request is cancelled. */
    bad |= curl_easy_setopt(h, CURLOPT_QUICK_EXIT, 1L);
    /* P-6.5: what is fetched is verified end to end, by signature or by hash, and peers have no
     * names that a certificate authority could vouch for: TLS only hides the transfer from
     * onlookers. */
    bad |= curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 0L);
    bad |= curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 0L);
    bad |= curl_easy_setopt(h, CURLOPT_BUFFERSIZE, 256L * 1024);
    bad |= curl_easy_setopt(
        h, CURLOPT_CONNECTTIMEOUT,
        or_default(f->config.connect_seconds, or_default(c->connect_seconds, CONNECT_DEFAULT)));
    bad |= curl_easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, or_default(f->config.slowest, SLOWEST));
    bad |= curl_easy_setopt(
        h, CURLOPT_LOW_SPEED_TIME,
        or_default(f->config.stall_seconds, or_default(c->stall_seconds, STALL_DEFAULT)) +
            (long)f->config.wait_s);
    if (f->config.offset > 0) {
        snprintf(range, sizeof range, "%" PRIu64 "-", f->config.offset);
        bad |= curl_easy_setopt(h, CURLOPT_RANGE, range);
    }
    return bad == 0 ? 0 : -1;
}

static int copy_policy(struct http_fetch *f, const struct endpoint_policy *policy)
{
    f->policy = *policy;
    f->policy.own = NULL;
    if (policy->own_count == 0)
        return 0;
    f->own = calloc(policy->own_count, sizeof *f->own);
    if (f->own == NULL)
        return -1;
    memcpy(f->own, policy->own, policy->own_count * sizeof *f->own);
    f->policy.own = f->own;
    return 0;
}

struct http_fetch *fetch_new(const struct http_fetch_config *cfg,
                             const struct http_client_config *c, struct error *e)
{
    struct http_fetch *f = mem_new(sizeof *f);
    if ((f->easy = curl_easy_init()) == NULL || copy_policy(f, cfg->policy) != 0) {
        fetch_free(f);
        error_set(e, "No memory for a request");
        return NULL;
    }
    f->config = *cfg;
    f->config.endpoint = NULL;
    f->config.policy = NULL;
    f->config.path = NULL;
    if (set_target(f, cfg, c, e) != 0) {
        fetch_free(f);
        return NULL;
    }
    if (set_limits(f, c) != 0 || set_callbacks(f) != 0 || set_headers(f) != 0 || set_body(f) != 0) {
        error_set(e, "This libcurl lacks an option that restante needs");
        fetch_free(f);
        return NULL;
    }
    return f;
}

void fetch_free(struct http_fetch *f)
{
    if (f == NULL)
        return;
    if (f->easy != NULL)
        curl_easy_cleanup(f->easy);
    curl_slist_free_all(f->headers);
    free(f->own);
    free(f);
}

void fetch_report(struct http_fetch *f, CURLcode result)
{
    char why[sizeof f->why + CURL_ERROR_SIZE];
    long status = status_of(f);
    bool ok = result == CURLE_OK && fetch_judge(f);
    if (ok) {
        why[0] = '\0';
    } else if (status == 0 && !f->tried && f->refused != ENDPOINT_ALLOWED) {
        status = -(int)f->refused;
        snprintf(why, sizeof why, "%s", f->refused_ip);
    } else if (f->why[0] != '\0') {
        status = f->judged && f->misplaced ? HTTP_MISPLACED : status;
        snprintf(why, sizeof why, "%s", f->why);
    } else {
        snprintf(why, sizeof why, "%s",
                 f->curl_why[0] != '\0' ? f->curl_why : curl_easy_strerror(result));
        status = result == CURLE_COULDNT_RESOLVE_HOST ? HTTP_NAMELESS : status;
    }
    f->config.done(f->config.ctx, ok, (int)status, why);
}
