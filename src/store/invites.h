/* SPDX-License-Identifier: GPL-3.0-or-later */
/* invites.h - invitations that this peer gave out and who used them, and those that its user
 * accepted (P-15.2, P-15.4). */
#ifndef RESTANTE_STORE_INVITES_H
#define RESTANTE_STORE_INVITES_H

#include "proto/invite.h"
#include "store/incoming.h"
#include "store/store.h"

/* ---- given out */

struct invite_row {
    uint8_t id[INVITE_ID_LEN];
    uint8_t secret[INVITE_SECRET_LEN];
    bool group;
    int64_t uses, uses_max;
    int64_t made_ms, expiry_s;
    bool revoked;
};
int invite_add(struct db *db, const struct invite_row *v);
/* 1 revoked, 0 nothing to revoke. */
int invite_revoke(struct db *db, const uint8_t id[INVITE_ID_LEN]);
/* By the beginning of the id in hex: 0, 1 none, 2 several. */
int invite_find(struct db *db, const char *hex, uint8_t id_r[INVITE_ID_LEN]);
/* Newest first, without secrets, until fn returns false. */
void invite_each(struct db *db, bool (*fn)(void *ctx, const struct invite_row *v), void *ctx);

enum invite_step {
    INVITE_DONE = 0,
    INVITE_TO_NAME = 1, /* the master is to name this one in the group's list */
    INVITE_REFUSED = 2, /* and above: it did not hold; INVITE_REFUSED + enum invite_verdict */
};
struct invite_user {
    uint8_t id[INVITE_ID_LEN];
    char address[ADDRESS_MAX + 1];
    int64_t at_ms;
    enum invite_step step;
};
/* Who used which, oldest first; id NULL: all. */
void invite_users(struct db *db, const uint8_t *id,
                  bool (*fn)(void *ctx, const struct invite_user *u), void *ctx);
int invite_set_step(struct db *db, const char *address, enum invite_step step);

enum invite_verdict {
    INVITE_ERROR = -1,
    INVITE_TAKEN,   /* its signer is pinned as verified, and the use is counted */
    INVITE_AGAIN,   /* the same signer used it before: nothing changes */
    INVITE_UNKNOWN, /* no such invitation was made here */
    INVITE_FORGED,  /* the proof is not this signer's */
    INVITE_REVOKED,
    INVITE_EXPIRED,
    INVITE_USED,        /* as often as it may be */
    INVITE_OTHER_GROUP, /* an invitation into the group, used by an address of another one */
    INVITE_OTHER_KEY,   /* another key is pinned for this address: it stays */
};
/* A sentence about a verdict that is not taken, for people; NULL when there is nothing to say. */
const char *invite_verdict_text(enum invite_verdict v);
/* Judges the proof of a verified notification, and does all that follows, in one transaction with
 * what the caller does. pubkey: the signer's minimal key; own: this peer's address. */
enum invite_verdict invite_use(struct db *db, const struct invite_claim *c,
                               const struct bytes *pubkey, const char *own, int64_t now_ms);

/* Somebody with the right proof of an invitation that did not hold, whom the user was not told of
 * yet. -1: none. */
struct invite_refusal {
    uint8_t id[INVITE_ID_LEN];
    char address[ADDRESS_MAX + 1];
    enum invite_verdict verdict;
    int64_t at_ms;
};
int invite_to_tell(struct db *db, struct invite_refusal *r_r);
int invite_set_told(struct db *db, const struct invite_refusal *r);
/* Forgets invitations, given out or accepted, that ended 60 days ago. */
int invite_forget(struct db *db, int64_t now_ms);

/* ---- accepted */

struct accepted_invite {
    char address[ADDRESS_MAX + 1];
    struct invite invite;
    int64_t at_ms;
    bool written;      /* the first mail is submitted */
    bool joined;       /* the group, or there is none to join */
    int mail;          /* enum rcv_state of the first mail; 0: not written, or long over */
    struct bytes text; /* what the user wants to say in it */
};
void accepted_invite_free(struct accepted_invite *a);
/* An invitation of the same address that was accepted before is replaced: its key may be another
 * one, its mail is written anew. nodes are remembered as bootstrap nodes. */
int accepted_add(struct db *db, const struct invite *v, const struct bytes *text, int64_t now_ms);
/* Its first mail is m's id, submitted in the same transaction. */
int accepted_set_written(struct db *db, const char *address, const void *message, size_t n);
int accepted_set_joined(struct db *db, const char *address);
/* Oldest first; a is valid during the call. */
void accepted_each(struct db *db, bool (*fn)(void *ctx, const struct accepted_invite *a),
                   void *ctx);
/* One whose first mail is to be written; -1: none. */
int accepted_to_write(struct db *db, struct accepted_invite *a_r);
/* One into a group that by now names this peer, with the key of the invitation, and that is not
 * accepted yet; -1: none. */
int accepted_to_join(struct db *db, struct accepted_invite *a_r);

/* What invitations brought: "host:port" each, newest first. Up to max, how many. */
size_t invite_nodes(struct db *db, char (*node_r)[INVITE_NODE_MAX + 1], size_t max);

/* Both directions, for `restante status`. */
struct invite_counts {
    int64_t open;    /* given out, may still be used */
    int64_t pending; /* accepted here, and the first mail was not fetched yet */
    int64_t to_name; /* members whom the master has yet to name */
};
void invite_count(struct db *db, int64_t now_ms, struct invite_counts *c);

#endif
