/* SPDX-License-Identifier: GPL-3.0-or-later */
/* group.h - the group descriptor: who belongs to a peer group (P-4.12), and its renewal by a deputy
 * (P-4.13). What records.h says about encoding and decoding holds here too. */
#ifndef RESTANTE_PROTO_GROUP_H
#define RESTANTE_PROTO_GROUP_H

#include "proto/records.h"

#define TYPE_GROUP "restante/group/1"
#define TYPE_GROUP_RENEWAL "restante/group-renewal/1"

enum group_role { ROLE_NONE, ROLE_MEMBER, ROLE_DEPUTY, ROLE_MASTER };
/* "member", "deputy", "master"; "none" otherwise. */
const char *group_role_name(enum group_role r);

struct group_member {
    char address[ADDRESS_MAX + 1]; /* name@gname of this group */
    uint8_t fpr[FPR_LEN];
    enum group_role role;
};

/* At group:<gname>, lives 30 days, signed by the master. Members ascend by address; exactly one of
 * them is the master. */
struct group_record {
    char name[HOST_MAX + 1]; /* gname */
    struct span master_key;  /* minimal public key */
    struct group_member members[GROUP_MEMBERS_MAX];
    size_t count; /* 1.. */
    uint64_t seq;
    int64_t expiry;
};
/* Sorts a copy of the members: the caller's order does not matter. */
int group_encode(const struct group_record *r, const struct record_place *at, struct buf *out);
int group_decode(const uint8_t *payload, size_t n, const struct record_place *at,
                 struct group_record *r, struct error *e);
/* The member with this address, or with this role; NULL: none. */
const struct group_member *group_find(const struct group_record *r, const char *address);
const struct group_member *group_find_role(const struct group_record *r, enum group_role role);

/* At group:<gname>: the master's own signed record once more, octet for octet, with a later expiry;
 * signed by a deputy whom that record names. */
struct group_renewal {
    char deputy[ADDRESS_MAX + 1];
    struct span deputy_key;
    struct span record; /* the signed record of the master */
    int64_t expiry;
};
int group_renewal_encode(const struct group_renewal *r, const struct record_place *at,
                         struct buf *out);
int group_renewal_decode(const uint8_t *payload, size_t n, const struct record_place *at,
                         struct group_renewal *r, struct error *e);

#endif
