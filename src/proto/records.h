/* SPDX-License-Identifier: GPL-3.0-or-later */
/* records.h - the signed records: bytes <-> structs, no I/O and no OpenPGP (P-4).
 *
 * A signed record is CBOR [payload: bstr, signature: bstr]; payload is CBOR
 * [type: tstr, network: uint, key: tstr, body: map], deterministic (RFC 8949 4.2.1). The caller
 * verifies the signature over the payload octets before it acts on a body; *_decode refuses
 * anything over a cap, non-minimal, out of order, doubled, of unknown type or trailing. Unknown map
 * keys above the known ones are refused in version 1 types.
 *
 * *_encode append a payload to out; -1 when the struct holds something that *_decode would refuse
 * (what we write, we can read) or out's cap is too small, and out is then unchanged.
 * *_decode return 0, -1 and a sentence, or RECORD_UNKNOWN and a sentence when the payload is of a
 * type or version that this program does not know: log it and ignore it. After a failure the struct
 * is all zero. They do not look at a clock: see record_life_ok and record_seq_ok. */
#ifndef RESTANTE_PROTO_RECORDS_H
#define RESTANTE_PROTO_RECORDS_H

#include "base/buf.h"
#include "base/error.h"
#include "proto/address.h"
#include "proto/endpoint.h"
#include "proto/entry.h"
#include "proto/limits.h"
#include "proto/span.h"

#define FPR_LEN 20
#define MESSAGE_ID_LEN 16
#define INSTANCE_LEN 16

#define RECORD_UNKNOWN (-2)
#define RECORD_TYPE_MAX 39 /* octets of a type string */

#define TYPE_IDENTITY "restante/identity/1"
#define TYPE_DESCRIPTOR "restante/descriptor/1"
#define TYPE_NOTIFICATION "restante/ns/1"
#define TYPE_CANCELLATION "restante/cancel/1"
#define TYPE_REVOCATION "restante/revocation/1"

/* What every payload begins with; checked by *_decode against what the caller expects. The key must
 * also be the one that belongs to the address inside (P-4.3). */
struct record_place {
    uint32_t network;
    const char *key; /* DHT key text, e.g. "ns:bob@demo" */
};

/* Is the record alive at `now` and does it live at most max seconds more (NS_LIFE_MAX,
 * IDENTITY_LIFE_MAX, DESCRIPTOR_LIFE_MAX)? All in seconds since 1970; LIFE_SLACK is allowed for
 * differing clocks at the far end only. (P-4.4) */
bool record_life_ok(int64_t expiry, int64_t now, int64_t max);
/* Is the sequence number at most SEQ_AHEAD_MS ahead of this wall time in milliseconds? (P-4.5) */
bool record_seq_ok(uint64_t seq, int64_t now_ms);

/* payload and signature -> the signed record, and back; at most RECORD_MAX in all. (P-4.1) */
int record_wrap(const struct span *payload, const struct span *signature, struct buf *out);
int record_unwrap(const uint8_t *p, size_t n, struct span *payload_r, struct span *signature_r,
                  struct error *e);

/* The same with another limit than RECORD_MAX: for what does not stand in the DHT. */
int record_wrap_max(const struct span *payload, const struct span *signature, size_t max,
                    struct buf *out);
int record_unwrap_max(const uint8_t *p, size_t n, size_t max, struct span *payload_r,
                      struct span *signature_r, struct error *e);

/* identity: "restante/identity/1" at key:<address>, lives 90 days, signed by the key inside */
struct identity {
    char address[ADDRESS_MAX + 1];
    struct span pubkey;
    bool has_master;             /* a group with a master is named */
    uint8_t master_fpr[FPR_LEN]; /* group master's fingerprint */
    uint32_t shards;             /* 1.. 4096 */
    bool ocb;                    /* this peer opens OCB */
    uint64_t seq;                /* milliseconds or more, see design */
    int64_t expiry;              /* seconds since 1970 */
};
int identity_encode(const struct identity *r, const struct record_place *at, struct buf *out);
int identity_decode(const uint8_t *payload, size_t n, const struct record_place *at,
                    struct identity *r, struct error *e);

/* peer descriptor: "restante/descriptor/1" at <address>, lives a day */
struct descriptor {
    char address[ADDRESS_MAX + 1];
    uint8_t fpr[FPR_LEN];
    struct endpoint endpoints[ENDPOINTS_MAX];
    size_t endpoint_count; /* 0: cleanly stopped */
    uint8_t instance[INSTANCE_LEN];
    uint64_t seq;
    int64_t expiry;
};
int descriptor_encode(const struct descriptor *r, const struct record_place *at, struct buf *out);
int descriptor_decode(const uint8_t *payload, size_t n, const struct record_place *at,
                      struct descriptor *r, struct error *e);

/* notification: "restante/ns/1" at ns:<receiver>; signed, then encrypted to the receiver */
struct blob_ref {
    uint8_t hash[HASH_LEN]; /* h */
    uint64_t size;
    uint8_t chunks_hash[HASH_LEN]; /* SHA-256 of its chunk hashes in a row */
};
struct notification {
    uint8_t message_id[MESSAGE_ID_LEN];
    char sender[ADDRESS_MAX + 1];
    char receiver[ADDRESS_MAX + 1];
    struct span pubkey; /* sender's minimal key */
    bool has_master;
    uint8_t master_fpr[FPR_LEN];
    struct blob_ref blobs[BLOBS_MAX];
    size_t blob_count;        /* 1 in version 1 */
    struct span pkesk;        /* the receiver's session-key packet */
    uint8_t m_hash[HASH_LEN]; /* SHA-256 of m */
    uint64_t m_size;
    uint8_t p[SECRET_LEN];
    int64_t expiry;
    /* either: header and skeleton inside, deflated */
    bool has_head_blob;
    struct span head; /* head_pack()ed */
    /* or: a head blob, fetched and opened like the body, whose plaintext is head_pack()ed */
    struct blob_ref head_blob;
    struct span head_pkesk;
    struct span from, to, date, subject, msgid, references; /* at most SUMMARY_MAX each */
};
int notification_encode(const struct notification *r, const struct record_place *at,
                        struct buf *out);
/* The spans point into payload. */
int notification_decode(const uint8_t *payload, size_t n, const struct record_place *at,
                        struct notification *r, struct error *e);
/* Notification id = SHA-256(sender's fingerprint ‖ message id ‖ receiver). */
void notification_id(const uint8_t sender_fpr[FPR_LEN], const uint8_t message_id[MESSAGE_ID_LEN],
                     const char *receiver, uint8_t out[HASH_LEN]);

/* In which of the receiver's shards (1 or more) this sender's notifications stand: the first 8
 * octets of SHA-256(sender's fingerprint ‖ receiver), big-endian, modulo the number of shards
 * (P-10.22). */
uint32_t notification_shard(const uint8_t sender_fpr[FPR_LEN], const char *receiver,
                            uint32_t shards);

/* header + skeleton -> zlib stream, and back with caps HEADER_MAX and SKELETON_MAX (P-4.9). The
 * header must be without NUL. head_unpack appends to both buffers and leaves them as they were on
 * -1 (the octets are bad) and HEAD_NO_MEMORY (says nothing about them). */
#define HEAD_NO_MEMORY (-2)
int head_pack(const struct span *header, const struct span *skeleton, struct buf *out);
int head_unpack(const uint8_t *p, size_t n, struct buf *header_r, struct buf *skeleton_r,
                struct error *e);

/* cancellation: "restante/cancel/1" at ns:<receiver>; signed, then encrypted to the receiver */
struct cancellation {
    char sender[ADDRESS_MAX + 1];
    struct span pubkey;
    uint8_t notification_id[HASH_LEN];
    int64_t expiry;
};
int cancellation_encode(const struct cancellation *r, const struct record_place *at,
                        struct buf *out);
int cancellation_decode(const uint8_t *payload, size_t n, const struct record_place *at,
                        struct cancellation *r, struct error *e);

/* revocation: "restante/revocation/1" at key:<address>, signed by the key inside, which counts no
 * more from then on; for ever */
struct revocation {
    char address[ADDRESS_MAX + 1];
    struct span pubkey;
    int64_t made; /* seconds since 1970; decides nothing */
};
int revocation_encode(const struct revocation *r, const struct record_place *at, struct buf *out);
int revocation_decode(const uint8_t *payload, size_t n, const struct record_place *at,
                      struct revocation *r, struct error *e);
/* The lock under which everybody puts this signed record (P-3.12). */
void revocation_lock(const uint8_t *record, size_t n, uint8_t lock_r[HASH_LEN]);

/* The type string of a payload, without checking the rest; "" when it has none. Only characters of
 * [a-z0-9/.-] are let through. */
void record_type(const uint8_t *payload, size_t n, char out[RECORD_TYPE_MAX + 1]);
/* The DHT key that a payload names, for one that was not found there but given by the user: nothing
 * of it is checked but its form. -1: it has none. */
int record_key(const uint8_t *payload, size_t n, char out[DHT_KEY_MAX + 1]);

#endif
