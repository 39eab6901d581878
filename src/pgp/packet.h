/* SPDX-License-Identifier: GPL-3.0-or-later */
/* packet.h - the outside of OpenPGP packets (RFC 4880 section 4): headers, lengths and order. What
 * comes from the network passes here before RNP sees it. No cryptography but the fingerprint. */
#ifndef RESTANTE_PGP_PACKET_H
#define RESTANTE_PGP_PACKET_H

#include "base/error.h"
#include "pgp/pgp.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum packet_tag {
    TAG_SESSION_KEY = 1, /* public-key encrypted session key */
    TAG_SIGNATURE = 2,
    TAG_PRIMARY_SECRET = 5,
    TAG_PRIMARY = 6,
    TAG_SUBKEY_SECRET = 7,
    TAG_USER_ID = 13,
    TAG_SUBKEY = 14,
    TAG_ENCRYPTED_MDC = 18,
    TAG_ENCRYPTED_AEAD = 20
};

#define PACKET_HEADER_MAX 6
#define KEYID_LEN 8

struct packet_header {
    unsigned tag;
    size_t header_len; /* octets of tag and length */
    uint32_t body_len; /* of the whole body, or of its first part when partial */
    bool partial;      /* more parts follow, each with a length of its own */
};

/* Reads tag and length. 1: *h is filled; 0: more than n octets are needed (never more than
 * PACKET_HEADER_MAX); -1: not a packet header, or one of indeterminate length. */
int packet_header_parse(const uint8_t *p, size_t n, struct packet_header *h);

/* A packet that stands whole in memory: 0 and *h when [p, p+n) begins with one. */
int packet_whole(const uint8_t *p, size_t n, struct packet_header *h);

/* Checks, piece by piece, that a stream is exactly one encrypted-data packet with integrity (tag 18
 * or 20). Begin with a zeroed struct. */
struct packet_stream {
    uint8_t head[PACKET_HEADER_MAX];
    size_t head_len;
    uint64_t left; /* octets of the current part */
    bool started;  /* the first header was seen */
    bool more;     /* another part follows the current one */
};
/* -1 at the first octet that cannot stand in such a stream. */
int packet_stream_feed(struct packet_stream *s, const uint8_t *p, size_t n, struct error *e);
/* -1 when the packet is not complete. */
int packet_stream_end(const struct packet_stream *s, struct error *e);

/* p is exactly one version 3 session-key packet (partial lengths are refused). Its key id goes to
 * keyid_r; all zero means that it does not say for whom it is. */
int packet_session_key(const uint8_t *p, size_t n, uint8_t keyid_r[KEYID_LEN], struct error *e);
/* p is exactly one signature packet, version 4, binary document (type 0x00). */
int packet_signature(const uint8_t *p, size_t n, struct error *e);

/* The parts of a public key. Pointers go into the scanned octets. */
#define KEY_PARTS_MAX 8 /* primary key and subkeys */
struct key_scan {
    const uint8_t *body[KEY_PARTS_MAX];
    size_t body_len[KEY_PARTS_MAX];
    size_t count;
    uint8_t fpr[PGP_FPR_LEN]; /* of the primary key */
};
/* Checks that pub is one version 4 public key: primary key first, then user ids, subkeys and
 * signatures only, within PUBKEY_MAX. */
int key_scan(const struct pgp_pub *pub, struct key_scan *k, struct error *e);
/* Whether both hold one and the same primary key or subkey. */
bool key_scan_overlap(const struct key_scan *a, const struct key_scan *b);

#endif
