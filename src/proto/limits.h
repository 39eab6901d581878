/* SPDX-License-Identifier: GPL-3.0-or-later */
/* limits.h - every cap on what a peer, a client or the DHT may hand us, in one place. */
#ifndef RESTANTE_PROTO_LIMITS_H
#define RESTANTE_PROTO_LIMITS_H

#define ADDRESS_MAX 254               /* octets of name@group, NUL not counted */
#define ENDPOINTS_MAX 8               /* in a descriptor */
#define HOST_MAX 253                  /* octets of an endpoint's host */
#define HEADER_MAX (256 * 1024)       /* m's header, inflated */
#define PARTS_MAX 1000                /* MIME parts of a message */
#define SKELETON_MAX (1024 * 1024)    /* encoded skeleton, inflated */
#define NOTIFICATION_MAX (6 * 1024)   /* ns as it stands in the DHT; above, a head blob is used */
#define HEAD_BLOB_MAX (1536 * 1024)   /* a head blob, sealed */
#define RECORD_MAX (12 * 1024)        /* any signed record as it stands in the DHT */
#define PUBKEY_MAX 8192               /* an OpenPGP public key, binary */
#define SIGNATURE_MAX 1024            /* a detached signature */
#define PKESK_MAX 512                 /* one session-key packet */
#define BLOBS_MAX 8                   /* blobs of a message; version 1 sends one */
#define CHUNK_LEN (4u * 1024 * 1024)  /* octets of a blob per chunk hash */
#define CHUNKS_MAX (4u * 1024 * 1024) /* chunk hashes of a blob: 16 TiB */
#define SUMMARY_MAX 512               /* octets of one summary field in a notification */
#define RCPTS_MAX 10000               /* receivers of one submission */
#define EXPIRY_MAX 253402300799LL     /* seconds since 1970: the last one of the year 9999 */
#define NS_LIFE_MAX (30LL * 86400)    /* seconds; longer lives are refused */
#define IDENTITY_LIFE_MAX (90LL * 86400)
#define GROUP_MEMBERS_MAX 64 /* of one group, its master counted */
#define GROUP_LIFE_MAX (30LL * 86400)
#define GROUP_RENEW_MAX                                                                            \
    (365LL * 86400)                   /* deputies renew no longer than this past the master's own */
#define MSGLIST_MAX (8 * 1024 * 1024) /* a message list, signed and encrypted */
#define MSGLIST_ENTRIES_MAX 20000     /* in each of its four parts */
#define MSGLIST_LIFE_MAX (7LL * 86400)
#define DESCRIPTOR_LIFE_MAX (7LL * 86400)
#define DHT_LIFE_MAX (7LL * 86400 - 3600) /* of one DHT entry */
#define LIFE_SLACK 3600                   /* seconds that two clocks may differ */
#define SEQ_AHEAD_MS (86400LL * 1000)     /* a sequence number further ahead is refused */
#define RECEIPTS_MAX 32                   /* in one POST /receipt */
#define INVITE_NODES_MAX 8                /* bootstrap nodes in an invitation */
#define INVITE_NODE_MAX 261               /* octets of one, [host]:port */
#define INVITE_RAW_MAX 1536               /* an invitation before it becomes text */
#define INVITE_LINE_MAX 2100              /* and the line, with its prefix */
/* octets of so many; the answer has no more */
#define RECEIPTS_BODY_MAX (2 + RECEIPTS_MAX * 44)

#endif
