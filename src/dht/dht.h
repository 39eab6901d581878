/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dht.h - the daemon's side of the DHT: asynchronous calls to a restante-dht process.
 * A key is a text such as "ns:bob@demo". An entry is (key, lock, value): its id binds the three
 * (entry_id in proto/entry.h). Answers come on the loop's thread, each exactly once, also when the
 * process dies meanwhile (ok = false then). "Not found" is never proof that nothing is there. */
#ifndef RESTANTE_DHT_DHT_H
#define RESTANTE_DHT_DHT_H

#include "base/crypt.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define DHT_VALUE_MAX (16 * 1024)
#define DHT_ID_LEN 8

enum dht_link {
    DHT_DOWN,
    DHT_ALONE,
    DHT_CONNECTED
}; /* no process; process without network; both */

struct dht_status {
    enum dht_link link;
    unsigned good_nodes, dubious_nodes;
    uint64_t stored_values, stored_bytes; /* held for the network by our own node */
    uint64_t bad_datagrams, refused_puts, refused_edits, deletions;
    char node_id[41];
    uint16_t port4, port6;
};

struct dht_value { /* one entry as read; valid during the callback only */
    uint8_t id[DHT_ID_LEN];
    uint8_t lock[HASH_LEN];
    int64_t expiry; /* seconds since 1970; the storing node's claim, not authenticated */
    const uint8_t *data;
    size_t len;
};

enum dht_presence {
    DHT_ABSENT,
    DHT_PRESENT,
    DHT_DELETED
}; /* deleted: a valid tombstone is there */

/* What came of storing or deleting. */
enum dht_result {
    DHT_OK,
    DHT_WAS_ABSENT,  /* of a deletion: there is no such entry, or the token is wrong */
    DHT_WAS_DELETED, /* of storing: there is a valid tombstone */
    DHT_FAILED
};

/* why: for the log, and NULL with DHT_OK only. */
typedef void dht_done_fn(void *ctx, enum dht_result r, const char *why);
/* ids: n * DHT_ID_LEN bytes of live entries. ok=false: the look-up did not complete. */
typedef void dht_list_fn(void *ctx, bool ok, const uint8_t *ids, size_t n);
/* Called once per value found, then once with v == NULL at the end. */
typedef void dht_value_fn(void *ctx, bool ok, const struct dht_value *v);
typedef void dht_look_fn(void *ctx, bool ok, enum dht_presence presence);
typedef void dht_status_fn(void *ctx, bool ok, const struct dht_status *st);
/* A listener hears of new values until cancelled; it may hear of one twice, or not at all. */
typedef void dht_listen_fn(void *ctx, const struct dht_value *v);
typedef void dht_link_fn(void *ctx, enum dht_link link);

struct dht;
struct dht_ops { /* what an engine must do; the meaning of each stands below */
    void (*put)(struct dht *, bool add, const char *key, const void *value, size_t len,
                int64_t expiry, const uint8_t lock[HASH_LEN], dht_done_fn *done, void *ctx);
    void (*warm)(struct dht *, const char *key);
    void (*del)(struct dht *, bool sure, const char *key, const uint8_t value_hash[HASH_LEN],
                const uint8_t token[HASH_LEN], dht_done_fn *done, void *ctx);
    void (*list)(struct dht *, const char *key, dht_list_fn *done, void *ctx);
    void (*get)(struct dht *, const char *key, const uint8_t *ids, size_t n, dht_value_fn *fn,
                void *ctx);
    void (*look)(struct dht *, const char *key, const uint8_t id[DHT_ID_LEN], dht_look_fn *done,
                 void *ctx);
    int (*listen)(struct dht *, const char *key, dht_listen_fn *fn, void *ctx);
    void (*status)(struct dht *, dht_status_fn *done, void *ctx);
    enum dht_link (*link)(const struct dht *);
    void (*free)(struct dht *);
};
struct dht { /* first member of every engine's own struct */
    const struct dht_ops *ops;
};

/* Connects to the restante-dht at this UNIX socket, and again whenever the connection ends
 * (requests under way are answered with ok=false or DHT_FAILED; listeners are asked for again by
 * itself). on_link tells each change. */
struct dht *dht_connect(uv_loop_t *loop, const char *socket_path, dht_link_fn *on_link, void *ctx,
                        struct error *e);
/* For unit tests only: all of it in memory. */
struct dht *dht_memory(uv_loop_t *loop);

/* With d == NULL (after dht_free) each call below is dropped, without an answer. */

/* Stores a value until expiry (seconds since 1970, at most a week less an hour ahead; the same
 * bytes again renew it). DHT_OK: at least one other node took it, or this node is alone and has
 * stored it (see dht_status.link before relying on it). */
void dht_put(struct dht *d, const char *key, const void *value, size_t len, int64_t expiry,
             const uint8_t lock[HASH_LEN], dht_done_fn *done, void *ctx);
/* The same for an entry that nobody can have deleted, because its octets were never shown to
 * anybody: it goes out without a look for its deletion. */
void dht_add(struct dht *d, const char *key, const void *value, size_t len, int64_t expiry,
             const uint8_t lock[HASH_LEN], dht_done_fn *done, void *ctx);
/* Soon something is put under key: its neighbourhood is looked up now, if it was not lately. */
void dht_warm(struct dht *d, const char *key);
/* Deletes the entry whose lock is SHA-256(token) and whose value hash is this. */
void dht_del(struct dht *d, const char *key, const uint8_t value_hash[HASH_LEN],
             const uint8_t token[HASH_LEN], dht_done_fn *done, void *ctx);
/* The same for an entry that this peer has put and that nobody else deletes: it goes out without a
 * look whether it is there. DHT_OK: a node answered, which it does for a refused deletion, too. */
void dht_drop(struct dht *d, const char *key, const uint8_t value_hash[HASH_LEN],
              const uint8_t token[HASH_LEN], dht_done_fn *done, void *ctx);
/* The ids of the live entries under key, without those that have a valid tombstone. */
void dht_list(struct dht *d, const char *key, dht_list_fn *done, void *ctx);
/* The entries with these ids (n * DHT_ID_LEN bytes, n <= 10,000), each once, windowed. */
void dht_get(struct dht *d, const char *key, const uint8_t *ids, size_t n, dht_value_fn *fn,
             void *ctx);
/* Is the entry with this id there, was it deleted, or neither? */
void dht_look(struct dht *d, const char *key, const uint8_t id[DHT_ID_LEN], dht_look_fn *done,
              void *ctx);
/* Hears of values under key until the dht is freed. -1 when too many keys are listened to. */
int dht_listen(struct dht *d, const char *key, dht_listen_fn *fn, void *ctx);
void dht_get_status(struct dht *d, dht_status_fn *done, void *ctx);
enum dht_link dht_link_state(const struct dht *d);
/* Answers everything outstanding with ok=false or DHT_FAILED, frees and nulls. */
void dht_free(struct dht **d);

#endif
