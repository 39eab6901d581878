/* SPDX-License-Identifier: GPL-3.0-or-later */
/* msglist.h - the list by which the members of a peer group replicate each other's outboxes (P-12):
 * what its owner offers, what may go, what it holds for others, which notifications wait. What
 * records.h says about encoding and decoding holds here too; a list may be MSGLIST_MAX large and
 * never stands in the DHT. */
#ifndef RESTANTE_PROTO_MSGLIST_H
#define RESTANTE_PROTO_MSGLIST_H

#include "proto/records.h"

#define TYPE_MSGLIST "restante/msglist/1"
#define MSGLIST_KEY_MAX (8 + ADDRESS_MAX) /* "msglist:" and the owner's address */

enum removal_reason { REMOVAL_DONE = 1, REMOVAL_CANCELLED = 2, REMOVAL_EXPIRED = 3 };

struct msglist_blob { /* an own one */
    struct blob_ref ref;
    int64_t expiry; /* of its last notification */
};
struct msglist_removal { /* an own blob that nobody needs any more */
    uint8_t hash[HASH_LEN];
    enum removal_reason reason;
    int64_t until; /* the blob's expiry: then the removal leaves the list too */
};
struct msglist_held { /* somebody else's blob, whole, kept by the list's owner */
    char owner[ADDRESS_MAX + 1];
    struct blob_ref ref;
    int64_t expiry;
};
struct msglist_pending { /* an own notification that was not answered yet */
    uint8_t blob[HASH_LEN];
    char key[4 + ADDRESS_MAX + 64]; /* of the DHT */
    struct span entry;              /* its octets */
    uint8_t lock[HASH_LEN];
    int64_t expiry;
};

struct msglist {
    char owner[ADDRESS_MAX + 1], group[HOST_MAX + 1];
    uint64_t counter; /* ordered as sequence numbers are (P-4.5) */
    int64_t expiry;
    struct msglist_blob *blobs;
    struct msglist_removal *removals;
    struct msglist_held *held;
    struct msglist_pending *pending;
    size_t blob_count, removal_count, held_count, pending_count;
};
void msglist_free(struct msglist *l);

/* "msglist:" + owner: the key inside the payload. */
void msglist_key(char out[MSGLIST_KEY_MAX + 1], const char *owner);
int msglist_encode(const struct msglist *l, const struct record_place *at, struct buf *out);
/* The entries' spans point into payload; free l after 0 was returned. */
int msglist_decode(const uint8_t *payload, size_t n, const struct record_place *at,
                   struct msglist *l, struct error *e);

#endif
