/* SPDX-License-Identifier: GPL-3.0-or-later */
/* incoming.h - the receiver's side: what was announced to us and what became of it (P-10.2). */
#ifndef RESTANTE_STORE_INCOMING_H
#define RESTANTE_STORE_INCOMING_H

#include "base/crypt.h"
#include "proto/records.h"
#include "store/store.h"
#include <stdbool.h>

enum in_state {
    IN_NOTICED = 1,     /* notification verified; a head blob may have to come first */
    IN_STUB = 2,        /* the stub stands in the inbox */
    IN_PULLED = 3,      /* decided: all of it is here and durable in inbox/full */
    IN_ANSWER = 4,      /* the stub is filled, or gone: the sender is to be told */
    IN_ANSWERED = 5,    /* receipt put and read back, notification deleted */
    IN_SETTLED = 6,     /* the sender took the receipt, or 30 days passed */
    IN_EXPIRED = 7,     /* never opened in time */
    IN_QUARANTINED = 8, /* signed by a key that is not the pinned one */
};
enum in_place {
    PLACE_INBOX = 0,    /* or wherever the user put it from there */
    PLACE_REQUESTS = 1, /* its sender is no contact */
    PLACE_FOREIGN = 2,  /* in Requests too: its From is not its signer */
};
enum in_trust { TRUST_UNKNOWN = 0, TRUST_SEEN = 1, TRUST_VOUCHED = 2, TRUST_VERIFIED = 3 };
const char *in_state_name(enum in_state s);
const char *in_trust_name(enum in_trust t);

struct incoming {
    int64_t n;
    uint8_t nid[HASH_LEN];
    enum in_state state;
    char sender[ADDRESS_MAX + 1];
    uint8_t fpr[FPR_LEN];
    struct bytes pubkey;
    enum in_trust trust;
    enum in_place place;
    char ns_key[DHT_KEY_MAX + 1];
    uint8_t ns_hash[HASH_LEN]; /* of the entry as it stood in the DHT */
    uint8_t p[SECRET_LEN];
    struct bytes pkesk;
    struct blob_ref blob;
    uint8_t m_hash[HASH_LEN];
    uint64_t m_size;
    struct bytes head; /* packed header and skeleton; empty until a head blob came */
    struct bytes head_pkesk;
    struct blob_ref head_blob;
    struct bytes from, subject, date;
    struct bytes trace; /* the two trace fields, made with the stub */
    int64_t expiry_s, arrived_ms;
    bool has_master; /* its notification names a group */
    uint8_t master_fpr[FPR_LEN];
    char file[128];      /* base name in the Maildir */
    bool fresh;          /* its structure was announced wrongly: delivered under a new UID */
    bool expiry_noticed; /* expired, and the notice stands in its place */
    bool wanted;         /* somebody asked for it: pull, and keep trying */
    int outcome;         /* enum outcome, 0 = none yet */
    int64_t changed_ms, gone_ms, tries;
    struct bytes why;
};
void incoming_free(struct incoming *in);

/* Was this entry of the DHT looked at before, and is that to last? */
bool looked_has(struct db *db, const uint8_t id[ENTRY_ID_LEN]);
int looked_add(struct db *db, const uint8_t id[ENTRY_ID_LEN], int64_t until_s);

/* Adds a verified notification. 1 added, 0 known already (by notification id), -1 error. */
int in_add(struct db *db, const struct incoming *in);
/* A notification that is known came again. The same one: an ended message is answered again, at
 * most hourly. Another one for the same octets of m (a sender restored from a backup sealed it
 * again): its secrets and its blob take the place of the old ones, and what was decided is told
 * under the new p. 1: answered or replaced, 0: nothing, -1 error. */
int in_again(struct db *db, const struct incoming *in, int64_t now_ms);
int in_get(struct db *db, int64_t n, struct incoming *in_r);
/* Row number by notification id, 0 = unknown. */
int64_t in_find(struct db *db, const uint8_t nid[HASH_LEN]);
/* By a prefix of the id in hex: row number, 0 none, -1 several. */
int64_t in_find_prefix(struct db *db, const char *hex);

int in_set_head(struct db *db, int64_t n, const void *head, size_t len);
/* The stub stands in the Maildir under this base name, behind these trace fields. */
int in_set_stub(struct db *db, int64_t n, const char *file, const struct bytes *trace,
                enum in_place place);
int in_set_wanted(struct db *db, int64_t n, bool wanted);
/* Decides once and for ever: 1 when this call decided, 0 when it was decided before. Pulled goes to
 * IN_PULLED, anything else to IN_ANSWER. */
int in_decide(struct db *db, int64_t n, enum outcome o);
/* Together with in_decide: deliver it as a new message instead of filling the stub. */
int in_set_fresh(struct db *db, int64_t n);
int in_set_answer(struct db *db, int64_t n);
int in_set_answered(struct db *db, int64_t n, int64_t next_ms);
int in_set_settled(struct db *db, int64_t n);
/* The sender itself has taken the receipt made from p: settled at once. Its notification's entry,
 * ns_id, is looked at anew if it still stands after again_s (seconds). 1; 0 when the row has
 * another p by now, which is to be answered. */
int in_set_pushed(struct db *db, int64_t n, const uint8_t p[SECRET_LEN],
                  const uint8_t ns_id[ENTRY_ID_LEN], int64_t again_s);
/* Unless it is decided: 1 when this call ended it, 0 when not. */
int in_set_expired(struct db *db, int64_t n);
/* The notice stands where the stub was. */
int in_set_expiry_noticed(struct db *db, int64_t n);
/* It is to be pulled before it expires; asked once. */
int in_set_prefetch(struct db *db, int64_t n);
/* The stub's copies vanished at that time (0: they are back, and so nobody's word stands). */
int in_set_gone(struct db *db, int64_t n, int64_t gone_ms);
/* A person deleted this stub, by notification id. */
int in_set_person(struct db *db, const uint8_t nid[HASH_LEN]);
/* Stubs that vanished with many others (up to row n_max) and wait for a person's word. */
int64_t in_held(struct db *db, int64_t n_max);
/* A person confirms: every stub up to row n_max that vanished was deleted. How many, -1 error. */
int in_set_person_gone(struct db *db, int64_t n_max);

struct in_counts {
    int64_t stubs, wanted, receipts_pending, work;
};
void in_count(struct db *db, struct in_counts *c);
/* Calls fn for each row in state (0: all), newest first, until it returns false. Only id, state,
 * sender, texts, sizes and times are filled. */
void in_list(struct db *db, enum in_state state, bool (*fn)(void *ctx, const struct incoming *in),
             void *ctx);
/* Rows of stubs, for the expunge scan: numbers, ids, since when they are gone (ms, 0: they
 * stand), and whether by a person's word (person_r may be NULL). */
size_t in_stubs(struct db *db, int64_t after_n, int64_t *n_r, uint8_t (*nid_r)[HASH_LEN],
                int64_t *gone_r, bool *person_r, size_t max);
/* Forgets what ended and whose time is over by 30 days. */
int in_forget(struct db *db, int64_t now_ms);

#endif
