/* SPDX-License-Identifier: GPL-3.0-or-later */
/* instance_live.c - see instance_live.h. A peer that was killed and starts again finds its own
 * descriptor, and asks itself: so a second request names a number that this process alone has
 * drawn, and its own server says whether it has come there. */
#include "flow/peers/instance_live.h"
#include "base/log.h"
#include "base/mem.h"
#include "flow/peers/peer_link.h"
#include "net/http_server.h"
#include "dht/dht.h"
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LOG_AREA "conflict"
#define ANSWER_S 4

struct live_asking {
    struct services *services;
    struct descriptor d;
    size_t at; /* the endpoint that is asked */
    bool second;
    struct buf body;
    void (*done)(void *ctx, bool live);
    void *ctx;
};

bool conflict_own_key(const struct services *sv, const struct buf *record)
{
    struct span payload, signature;
    struct identity id;
    char key[DHT_KEY_MAX + 1];
    struct error e;
    (void)dht_key(key, "key:", sv->c.address);
    struct record_place at = {sv->c.network, key};
    return record->data != NULL &&
           record_unwrap(record->data, record->len, &payload, &signature, &e) == 0 &&
           identity_decode(payload.p, payload.n, &at, &id, &e) == 0 &&
           id.pubkey.n == sv->pubkey.n && memcmp(id.pubkey.p, sv->pubkey.p, id.pubkey.n) == 0;
}

static void live_finish(struct live_asking *a, bool live)
{
    a->done(a->ctx, live);
    buf_free(&a->body);
    free(a);
}

static void live_ask(struct live_asking *a);

static int live_on_data(void *ctx, const uint8_t *p, size_t n)
{
    return buf_append(&((struct live_asking *)ctx)->body, p, n);
}

static void live_on_done(void *ctx, bool ok, int status, const char *why)
{
    struct live_asking *a = ctx;
    if (a->services->stopping) {
        live_finish(a, false);
        return;
    }
    if (a->second && status != 0 && !http_server_met(a->services->server)) {
        log_warn("a peer with this key answers at %s", a->d.endpoints[a->at].host);
        live_finish(a, true);
        return;
    }
    a->second = !a->second && ok && conflict_own_key(a->services, &a->body);
    if (!a->second)
        a->at++;
    live_ask(a);
}

static struct peer_request live_endpoint(const struct services *sv, const struct descriptor *d,
                                         size_t at)
{
    return (struct peer_request){
        .address = sv->c.address, .fpr = sv->fpr, .endpoint = &d->endpoints[at], .own = true};
}

static void live_ask(struct live_asking *a)
{
    struct error e;
    char path[HASH_HEX + 16] = "/pubkey";
    for (; a->at < a->d.endpoint_count; a->at++, a->second = false) {
        if (a->second) {
            uint8_t number[HASH_LEN];
            char hex[HASH_HEX + 1];
            random_bytes(number, sizeof number);
            hex_encode(number, sizeof number, hex);
            http_server_meet(a->services->server, number);
            (void)snprintf(path, sizeof path, "/outbox/%s", hex);
        }
        buf_free(&a->body);
        struct peer_request r = live_endpoint(a->services, &a->d, a->at);
        r.http = (struct http_fetch_config){.path = path,
                                            .max_bytes = RECORD_MAX,
                                            .connect_seconds = ANSWER_S,
                                            .stall_seconds = ANSWER_S,
                                            .data = live_on_data,
                                            .done = live_on_done,
                                            .ctx = a};
        if (peer_link_begin(a->services, &r, &e) == 0)
            return;
    }
    live_finish(a, false);
}

int conflict_live(struct services *sv, const struct descriptor *d,
                  void (*done)(void *ctx, bool live), void *ctx)
{
    struct peer_request first = live_endpoint(sv, d, 0);
    if (d->endpoint_count == 0 || sv->server == NULL || !peer_link_takes(sv, &first))
        return -1;
    struct live_asking *a = mem_new(sizeof *a);
    *a = (struct live_asking){
        .services = sv, .d = *d, .body = BUF_INIT(RECORD_MAX), .done = done, .ctx = ctx};
    live_ask(a);
    return 0;
}

int conflict_lock(const struct services *sv, int *fd_r)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    char fpr[2 * FPR_LEN + 1];
    hex_encode(sv->fpr, FPR_LEN, fpr);
    int n = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "restante-peer-%u-%s",
                     sv->c.network, fpr);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *fd_r = -1;
    if (fd < 0)
        return -1;
    if (bind(fd, (struct sockaddr *)&name, len) == 0 && listen(fd, 1) == 0) {
        *fd_r = fd;
        return 0;
    }
    /* only who runs as the same user has this key: another one may have taken the name to disturb
     */
    struct ucred who = {0};
    socklen_t size = sizeof who;
    bool taken = errno == EADDRINUSE && connect(fd, (struct sockaddr *)&name, len) == 0 &&
                 getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && who.uid == geteuid();
    (void)close(fd);
    return taken ? 1 : -1;
}
