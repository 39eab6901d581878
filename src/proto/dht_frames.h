/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dht_frames.h - what a peer and its restante-dht say to each other on the local socket (P-8).
 * A frame is a 4-octet big-endian length and that many octets of deterministic CBOR: an array
 * [verb: uint, request: uint, ...]. Both sides refuse a frame that is not exact and drop the
 * connection. */
#ifndef RESTANTE_PROTO_DHT_FRAMES_H
#define RESTANTE_PROTO_DHT_FRAMES_H

#include "base/buf.h"
#include "base/crypt.h"
#include "base/error.h"
#include "proto/entry.h"
#include "proto/span.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DHT_FRAME_MAX (128 * 1024) /* octets behind the length */
#define FRAME_HEAD 4               /* octets of the length */
#define FRAME_KEY_MAX 512          /* octets of a key's text */
#define FRAME_VALUE_MAX (16 * 1024)
#define FRAME_IDS_MAX 10000 /* ids in one frame */
#define FRAME_WHY_MAX 120

/* What DONE says when it is not ok and the reason matters to the program (P-8.4, P-8.5). */
#define FRAME_WHY_ABSENT "absent"
#define FRAME_WHY_DELETED "deleted"

enum frame_verb {
    /* what a peer asks */
    FRAME_PUT = 1, /* key, value, expiry, lock        -> DONE */
    FRAME_DEL,     /* key, value hash, token          -> DONE */
    FRAME_LIST,    /* key                             -> IDS, repeated while more */
    FRAME_GET,     /* key, ids                        -> VALUE for each one found, then DONE */
    FRAME_LOOK,    /* key, id                         -> PRESENCE */
    FRAME_LISTEN,  /* key                             -> DONE, then HEARD for each new value */
    FRAME_STATUS,  /*                                 -> STATE */
    FRAME_ADD,     /* as PUT, of an entry that nobody knows yet -> DONE */
    FRAME_WARM,    /* key                             -> DONE */
    FRAME_DROP,    /* as DEL, of an entry that surely is there -> DONE */
    /* what restante-dht says */
    FRAME_DONE = 16, /* ok, why */
    FRAME_IDS,       /* ok, more, ids */
    FRAME_VALUE,     /* id, lock, expiry, value */
    FRAME_PRESENCE,  /* ok, presence */
    FRAME_HEARD,     /* id, lock, expiry, value; the request is the LISTEN's */
    FRAME_STATE,     /* the numbers of struct frame_state */
    FRAME_LINK,      /* link; unasked, with request 0: at the start and at every change */
};

enum frame_presence { FRAME_ABSENT, FRAME_PRESENT, FRAME_DELETED };
enum frame_link { FRAME_ALONE = 1, FRAME_CONNECTED = 2 };

struct frame_state {
    uint64_t link, good_nodes, dubious_nodes, stored_values, stored_bytes;
    uint64_t bad_datagrams, refused_puts, refused_edits, deletions, port4, port6;
    uint8_t node_id[INFOHASH_LEN];
};

struct dht_frame { /* only the fields of its verb mean anything */
    enum frame_verb verb;
    uint32_t request; /* chosen by the asking side; answers carry it */
    char key[FRAME_KEY_MAX + 1];
    struct span value; /* at most FRAME_VALUE_MAX; in the decoded input */
    struct span ids;   /* a multiple of ENTRY_ID_LEN; in the decoded input */
    uint64_t expiry;   /* seconds since 1970 */
    uint8_t lock[HASH_LEN], value_hash[HASH_LEN], token[HASH_LEN];
    uint8_t id[ENTRY_ID_LEN];
    bool ok, more;
    char why[FRAME_WHY_MAX + 1];
    enum frame_presence presence;
    enum frame_link link;
    struct frame_state state;
};

/* Appends the frame with its length to out. -1 when out's cap would be exceeded (out is then
 * unchanged) or a field is not allowed to be what it is. */
int dht_frame_encode(struct buf *out, const struct dht_frame *f);
/* How many octets the first frame in these n takes with its length: *size_r, or 0 when it is not
 * complete yet. -1 when its length is not allowed. */
int dht_frame_split(const uint8_t *p, size_t n, size_t *size_r, struct error *e);
/* Reads the n octets behind the length. Spans point into p. -1 and e when it is not exact. */
int dht_frame_decode(const uint8_t *p, size_t n, struct dht_frame *f, struct error *e);

#endif
