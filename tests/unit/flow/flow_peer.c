/* SPDX-License-Identifier: GPL-3.0-or-later */
/* flow_peer.c - see flow_peer.h: a peer's start and end, and its key. */
#include "flow_peer.h"
#include "base/clock.h"
#include "base/jobs.h"
#include "flow/core/sign.h"
#include "mime/mime.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "pgp/pgp.h"
#include "store/contacts.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct dht *peer_dht;
const char *peer_mime_helper;

int peers_open(void **state)
{
    if (loop_open(state) < 0)
        return -1;
    peer_dht = dht_memory(&loop);
    return peer_dht == NULL ? -1 : 0;
}

int peers_shut(void **state)
{
    dht_free(&peer_dht);
    return loop_shut(state);
}

struct pgp *peer_pgp(const struct flow_peer *p)
{
    struct pgp *pgp = NULL;
    struct error e = {""};
    assert_int_equal(pgp_new(&pgp, &e), 0);
    assert_int_equal(pgp_load_secret(pgp, p->secret.data, p->secret.len, &e), 0);
    return pgp;
}

static void set_config(struct flow_peer *p)
{
    p->sv = (struct services){
        .loop = &loop,
        .c = {.home = p->home,
              .address = p->address,
              .network = PEER_NETWORK,
              .validity = 7 * 86400000LL,
              .sent_wait = 60000,
              .open_wait = 5000,
              .poll = 1000,
              .retry = 100,
              .reput = 3600000,
              .give_up = 5 * 86400000LL,
              .expiry_grace = 60000},
        .policy = {.loopback = true},
    };
}

void peer_make(struct flow_peer *p, const char *address)
{
    static const char *const sub[] = {"spool",       "outbox",     "replica",     "inbox",
                                      "inbox/stubs", "inbox/full", "inbox/parts", "inbox/moves"};
    char path[PATH_CAP];
    struct buf pub = BUF_INIT(PUBKEY_MAX);
    struct error e = {""};
    *p = (struct flow_peer){.secret = BUF_INIT(16384)};
    (void)snprintf(p->address, sizeof p->address, "%s", address);
    (void)strcpy(p->home, "/tmp/restante-flow-XXXXXX");
    assert_non_null(mkdtemp(p->home));
    (void)snprintf(p->outbox, sizeof p->outbox, "%s/outbox", p->home);
    for (size_t i = 0; i < sizeof sub / sizeof *sub; i++) {
        assert_int_equal(path_join(path, p->home, sub[i], &e), 0);
        assert_int_equal(dir_make(path, &e), 0);
    }
    set_config(p);
    assert_int_equal(pgp_generate(address, &p->secret, &pub, &e), 0);
    assert_int_equal(bytes_set(&p->sv.pubkey, pub.data, pub.len), 0);
    struct pgp *pgp = peer_pgp(p);
    pgp_own_fpr(pgp, p->sv.fpr);
    pgp_free(&pgp);
    buf_free(&pub);
    random_bytes(p->sv.stub_key, sizeof p->sv.stub_key);
}

void peer_remove(struct flow_peer *p)
{
    char command[96];
    if (p->home[0] == '\0')
        return;
    peer_stop(p);
    buf_wipe(&p->secret);
    bytes_free(&p->sv.pubkey);
    (void)snprintf(command, sizeof command, "rm -rf %s", p->home);
    assert_int_equal(system(command), 0);
    p->home[0] = '\0';
}

static void *pgp_thread_start(void *arg)
{
    const struct flow_peer *p = arg;
    struct pgp *pgp = NULL;
    struct error e = {""};
    if (pgp_new(&pgp, &e) < 0 || pgp_load_secret(pgp, p->secret.data, p->secret.len, &e) < 0)
        pgp_free(&pgp);
    return pgp;
}

static void pgp_thread_stop(void *ctx)
{
    struct pgp *pgp = ctx;
    pgp_free(&pgp);
}

void peer_start(struct flow_peer *p, const struct module *const *modules,
                const struct step *const *steps)
{
    struct services *sv = &p->sv;
    struct error e = {""};
    char database[64], replica[64];
    struct jobs_config pgp = {.name = "openpgp",
                              .threads = 3,
                              .small_threads = 1,
                              .thread_start = pgp_thread_start,
                              .thread_stop = pgp_thread_stop,
                              .arg = p};
    struct jobs_config follower = pgp, files = {.name = "files", .threads = 2};
    struct http_client_config client = {.connect_seconds = 5};
    struct http_server_config server = {
        .host = "127.0.0.1", .outbox_dir = p->outbox, .replica_dir = replica};
    follower.threads = 1;
    follower.small_threads = 0;
    (void)snprintf(database, sizeof database, "%s/state.db", p->home);
    (void)snprintf(replica, sizeof replica, "%s/replica", p->home);
    sv->store = store_open(&loop, database, &e);
    sv->pgp = jobs_create(&loop, &pgp, &e);
    sv->stream_worker = jobs_create(&loop, &follower, &e);
    sv->files = jobs_create(&loop, &files, &e);
    sv->http = http_client_new(&loop, &client, &e);
    sv->server = http_server_start(&server, &e);
    sv->mime = mime_new(&loop, peer_mime_helper == NULL ? "/nowhere" : peer_mime_helper, &e);
    if (sv->store == NULL || sv->pgp == NULL || sv->stream_worker == NULL || sv->files == NULL ||
        sv->http == NULL || sv->server == NULL || sv->mime == NULL)
        fail_msg("%s", e.text);
    sv->dht = peer_dht;
    sv->steps = steps;
    sv->stopping = false;
    sv->started_ms = clock_wall_ms();
    p->modules = modules;
    if (modules_start(sv, modules, &e) < 0)
        fail_msg("%s", e.text);
}

static void on_drained(void *ctx, bool ok, const struct dht_status *st)
{
    *(bool *)ctx = true;
}

/* What was asked of the DHT has been answered: it is shared, and stays. */
static void drain(void)
{
    for (int i = 0; i < 3; i++) {
        bool answered = false;
        dht_get_status(peer_dht, on_drained, &answered);
        until(answered);
    }
}

void peer_stop(struct flow_peer *p)
{
    struct services *sv = &p->sv;
    if (p->modules == NULL)
        return;
    sv->stopping = true;
    modules_stop(sv, p->modules);
    drain();
    http_client_free(&sv->http);
    http_server_stop(&sv->server);
    mime_free(&sv->mime);
    jobs_free(&sv->stream_worker);
    jobs_free(&sv->pgp);
    jobs_free(&sv->files);
    drain();
    store_close(&sv->store);
    turn_closed();
    modules_free(sv, p->modules);
    p->modules = NULL;
}

struct pinning {
    struct contact c;
};

static int pin_run(struct db *db, void *arg)
{
    struct pinning *x = arg;
    return contact_pin(db, &x->c) < 0 ? -1 : 0;
}

void peer_knows(struct flow_peer *p, const struct flow_peer *other)
{
    struct pinning x = {.c = {.trust = TRUST_SEEN, .ocb = true, .shards = 1, .seq = 1}};
    (void)strcpy(x.c.address, other->address);
    x.c.pubkey = other->sv.pubkey;
    x.c.checked_ms = clock_wall_ms();
    memcpy(x.c.fpr, other->sv.fpr, FPR_LEN);
    assert_int_equal(commit(p->sv.store, pin_run, &x), 0);
}

static void on_put(void *ctx, enum dht_result r, const char *why)
{
    assert_int_equal(r, DHT_OK);
    *(bool *)ctx = true;
}

void peer_posts_descriptor(struct flow_peer *p)
{
    struct descriptor d = {.seq = (uint64_t)clock_wall_ms(),
                           .expiry = clock_wall_ms() / 1000 + 3600};
    struct record_place place = {PEER_NETWORK, p->address};
    struct buf payload = BUF_INIT(RECORD_MAX), record = BUF_INIT(RECORD_MAX);
    struct error e = {""};
    uint8_t lock[HASH_LEN];
    char url[64];
    bool done = false;
    random_bytes(lock, sizeof lock);
    (void)strcpy(d.address, p->address);
    memcpy(d.fpr, p->sv.fpr, FPR_LEN);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", http_server_port(p->sv.server));
    assert_int_equal(endpoint_parse(url, &d.endpoints[0]), 0);
    d.endpoint_count = 1;
    assert_int_equal(descriptor_encode(&d, &place, &payload), 0);
    struct pgp *pgp = peer_pgp(p);
    assert_int_equal(sign_record(pgp, &payload, &record, &e), 0);
    pgp_free(&pgp);
    dht_put(peer_dht, p->address, record.data, record.len, d.expiry, lock, on_put, &done);
    until(done);
    buf_free(&payload);
    buf_free(&record);
}
