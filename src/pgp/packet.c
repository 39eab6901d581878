/* SPDX-License-Identifier: GPL-3.0-or-later */
/* packet.c - packet headers, the shape of blobs, session-key packets, signatures and public keys.
 */
#include "pgp/packet.h"

#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>

static uint32_t be(const uint8_t *p, size_t n)
{
    uint32_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static int header_old(const uint8_t *p, size_t n, struct packet_header *h)
{
    unsigned type = p[0] & 3u;
    size_t octets = (size_t)1 << type;
    if (type == 3)
        return -1; /* length up to the end of the input */
    h->tag = p[0] >> 2 & 15u;
    h->header_len = 1 + octets;
    if (n < h->header_len)
        return 0;
    h->body_len = be(p + 1, octets);
    return 1;
}

static int header_new(const uint8_t *p, size_t n, struct packet_header *h)
{
    h->tag = p[0] & 63u;
    if (n < 2)
        return 0;
    if (p[1] < 192) {
        h->header_len = 2;
        h->body_len = p[1];
    } else if (p[1] < 224) {
        h->header_len = 3;
        if (n < 3)
            return 0;
        h->body_len = ((uint32_t)(p[1] - 192) << 8) + p[2] + 192;
    } else if (p[1] < 255) {
        h->header_len = 2;
        h->partial = true;
        h->body_len = (uint32_t)1 << (p[1] & 31u);
    } else {
        h->header_len = 6;
        if (n < 6)
            return 0;
        h->body_len = be(p + 2, 4);
    }
    return 1;
}

int packet_header_parse(const uint8_t *p, size_t n, struct packet_header *h)
{
    *h = (struct packet_header){0};
    if (n == 0)
        return 0;
    if (!(p[0] & 0x80))
        return -1;
    int r = p[0] & 0x40 ? header_new(p, n, h) : header_old(p, n, h);
    return r == 1 && h->tag == 0 ? -1 : r;
}

int packet_whole(const uint8_t *p, size_t n, struct packet_header *h)
{
    if (packet_header_parse(p, n, h) != 1 || h->partial)
        return -1;
    return h->body_len <= n - h->header_len ? 0 : -1;
}

/* Takes one octet of a header: the packet's first, or the length of its next part. For the latter,
 * head[0] is a stand-in for a new-format tag octet. */
static int stream_head(struct packet_stream *s, uint8_t octet, struct error *e)
{
    struct packet_header h;
    if (s->started && s->head_len == 0)
        s->head[s->head_len++] = 0xc0 | TAG_ENCRYPTED_MDC;
    s->head[s->head_len++] = octet;
    int r = packet_header_parse(s->head, s->head_len, &h);
    if (r < 0)
        return error_set(e, "The sealed message is not an OpenPGP packet.");
    if (r == 0)
        return 0;
    if (h.tag != TAG_ENCRYPTED_MDC && h.tag != TAG_ENCRYPTED_AEAD)
        return error_set(e,
                         "The sealed message begins with a packet of kind %u, not with encrypted "
                         "data that protects its integrity.",
                         h.tag);
    if (!s->started && h.partial && h.body_len < 512)
        return error_set(e, "The sealed message's first part is shorter than the standard allows.");
    s->started = true;
    s->head_len = 0;
    s->left = h.body_len;
    s->more = h.partial;
    return 0;
}

int packet_stream_feed(struct packet_stream *s, const uint8_t *p, size_t n, struct error *e)
{
    while (n > 0) {
        size_t take = s->left < n ? (size_t)s->left : n;
        if (take > 0) {
            s->left -= take;
            p += take;
            n -= take;
            continue;
        }
        if (s->started && !s->more)
            return error_set(e, "Something follows the end of the sealed message.");
        if (stream_head(s, *p, e) < 0)
            return -1;
        p++;
        n--;
    }
    return 0;
}

int packet_stream_end(const struct packet_stream *s, struct error *e)
{
    if (!s->started || s->more || s->left > 0 || s->head_len > 0)
        return error_set(e, "The sealed message is cut off.");
    return 0;
}

int packet_session_key(const uint8_t *p, size_t n, uint8_t keyid_r[KEYID_LEN], struct error *e)
{
    struct packet_header h;
    if (packet_whole(p, n, &h) < 0 || h.header_len + h.body_len != n || h.tag != TAG_SESSION_KEY)
        return error_set(e, "The session key is not exactly one OpenPGP session-key packet.");
    if (h.body_len < 1 + KEYID_LEN + 2 || p[h.header_len] != 3)
        return error_set(e, "The session-key packet is of a version this program does not know.");
    memcpy(keyid_r, p + h.header_len + 1, KEYID_LEN);
    return 0;
}

int packet_signature(const uint8_t *p, size_t n, struct error *e)
{
    struct packet_header h;
    if (packet_whole(p, n, &h) < 0 || h.header_len + h.body_len != n || h.tag != TAG_SIGNATURE)
        return error_set(e, "The signature is not exactly one OpenPGP signature packet.");
    if (h.body_len < 6 || p[h.header_len] != 4 || p[h.header_len + 1] != 0)
        return error_set(e, "The signature is not a version 4 signature of binary data.");
    return 0;
}

/* RFC 4880 section 12.2: SHA-1 of 0x99, two octets of length, and the packet's body. */
static int fingerprint(const uint8_t *body, size_t n, uint8_t fpr[PGP_FPR_LEN])
{
    uint8_t head[3] = {0x99, (uint8_t)(n >> 8), (uint8_t)n};
    gnutls_hash_hd_t sha1;
    if (gnutls_hash_init(&sha1, GNUTLS_DIG_SHA1) < 0)
        return -1;
    if (gnutls_hash(sha1, head, sizeof head) < 0 || gnutls_hash(sha1, body, n) < 0) {
        gnutls_hash_deinit(sha1, NULL);
        return -1;
    }
    gnutls_hash_deinit(sha1, fpr);
    return 0;
}

static int scan_packet(struct key_scan *k, const struct packet_header *h, const uint8_t *body,
                       bool first, struct error *e)
{
    bool key = h->tag == TAG_PRIMARY || h->tag == TAG_SUBKEY;
    if (first != (h->tag == TAG_PRIMARY))
        return error_set(e, "The key is not exactly one OpenPGP public key.");
    if (!key && h->tag != TAG_USER_ID && h->tag != TAG_SIGNATURE)
        return error_set(
            e, "The public key holds a packet of kind %u, which does not belong there.", h->tag);
    if (!key)
        return 0;
    if (h->body_len < 6 || body[0] != 4)
        return error_set(e, "The public key is not of OpenPGP version 4.");
    if (k->count == KEY_PARTS_MAX)
        return error_set(e, "The public key has more than %d subkeys.", KEY_PARTS_MAX - 1);
    k->body[k->count] = body;
    k->body_len[k->count++] = h->body_len;
    return 0;
}

int key_scan(const struct pgp_pub *pub, struct key_scan *k, struct error *e)
{
    const uint8_t *p = pub->data;
    size_t n = pub->len;
    *k = (struct key_scan){0};
    if (n == 0 || n > PUBKEY_MAX)
        return error_set(e, "The public key is empty or larger than %d octets.", PUBKEY_MAX);
    while (n > 0) {
        struct packet_header h;
        if (packet_whole(p, n, &h) < 0)
            return error_set(e, "The public key is not made of whole OpenPGP packets.");
        if (scan_packet(k, &h, p + h.header_len, p == pub->data, e) < 0)
            return -1;
        p += h.header_len + h.body_len;
        n -= h.header_len + h.body_len;
    }
    if (fingerprint(k->body[0], k->body_len[0], k->fpr) < 0)
        return error_set(e, "This system cannot compute OpenPGP fingerprints (SHA-1).");
    return 0;
}

bool key_scan_overlap(const struct key_scan *a, const struct key_scan *b)
{
    for (size_t i = 0; i < a->count; i++)
        for (size_t j = 0; j < b->count; j++)
            if (a->body_len[i] == b->body_len[j] &&
                memcmp(a->body[i], b->body[j], a->body_len[i]) == 0)
                return true;
    return false;
}
