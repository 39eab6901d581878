/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outgoing.h - the sender's side: messages, their sealed blobs, and one row per receiver (P-10.1).
 * Functions that change something run inside store_do; the others also on the reader. */
#ifndef RESTANTE_STORE_OUTGOING_H
#define RESTANTE_STORE_OUTGOING_H

#include "base/crypt.h"
#include "proto/address.h"
#include "proto/entry.h"
#include "proto/records.h"
#include "store/store.h"
#include <stdbool.h>

enum out_state {                    /* of a message */
                 OUT_SUBMITTED = 1, /* durable in spool/<id>; the client has its 250 */
                 OUT_DONE = 2,      /* everything sealed and Sent settled: the spool file is gone */
};
enum sent_state {                  /* of the copy in Sent */
                  SENT_WAIT = 1,   /* the client may still save its own */
                  SENT_OURS = 2,   /* ours was written; goes if the client's comes */
                  SENT_CLIENT = 3, /* the client's own stands there */
};
enum blob_state {
    BLOB_SEALED = 1,    /* in outbox/<hash>.sealed */
    BLOB_PUBLISHED = 2, /* in outbox/<hash> */
    BLOB_GONE = 3,      /* collected */
    BLOB_MISSING = 4,   /* its file is not there: to be taken back from the group's members */
};
enum rcv_state {
    RCV_WAITING = 1,   /* no key yet; why NULL: no look-up was complete yet */
    RCV_READY = 2,     /* key known, to be sealed */
    RCV_SEALED = 3,    /* blob and notification made */
    RCV_ANNOUNCED = 4, /* notification is in the DHT */
    RCV_PULLED = 5,    /* from here on: ended */
    RCV_DECLINED = 6,
    RCV_CANCELLED = 7,
    RCV_EXPIRED = 8,
    RCV_FAILED = 9,
    RCV_ANSWERED = 10,    /* the receiver was there; what it decided is not known */
    RCV_WITHDRAWING = 11, /* not ended: being taken back, the receiver's answer is waited for */
    RCV_UNCONFIRMED = 12, /* taken back, and its time passed without an answer */
};
enum clean_state { /* of an ended receiver's entries in the DHT */
                   CLEAN_NONE = 0,
                   CLEAN_DUE = 1, /* to be deleted */
                   CLEAN_DONE = 2,
};
enum told_state { /* is the user told of a receiver's end? */
                  TOLD_NOT = 0,
                  TOLD = 1,
                  TOLD_BEGUN = 2, /* it is named in the report that is being made */
};
const char *rcv_state_name(enum rcv_state s);

struct out_message {
    int64_t n;
    uint8_t id[MESSAGE_ID_LEN];
    enum out_state state;
    int64_t created_ms;
    uint64_t size;                                     /* of m */
    uint8_t hash[HASH_LEN];                            /* of m */
    struct bytes msgid, subject, date, from, refs, to; /* header fields, unfolded */
    struct bytes head;                                 /* head_pack()ed */
    struct bytes envid;                                /* for reports (RFC 3461), or empty */
    enum sent_state sent;
    int64_t tries;
    int64_t expires_s; /* asked for by its header, 0 = not */
};
void out_message_free(struct out_message *m);

struct out_rcpt { /* for out_add */
    char address[ADDRESS_MAX + 1];
    bool known;      /* its key is in the key cache */
    unsigned notify; /* of what the user wants to be told: NOTIFY_*, the bits of RFC 3461's NOTIFY
                        as net/smtp_server.h counts them */
    bool own;        /* it is this peer: delivered here */
    char *orcpt;     /* how the user's client calls it in reports (ORCPT), or NULL */
};
#define NOTIFY_SUCCESS 1u
#define NOTIFY_FAILURE 2u
#define NOTIFY_DELAY 4u
/* Adds the message and its receivers; sets m->n. */
int out_add(struct db *db, struct out_message *m, const struct out_rcpt *rcpts, size_t count,
            int64_t sent_due_ms);
int out_get(struct db *db, int64_t n, struct out_message *m_r);
/* Is the spool file of this message still to be sealed or copied to Sent? */
bool out_needs_spool(struct db *db, const uint8_t id[MESSAGE_ID_LEN]);
int out_set_done(struct db *db, int64_t n);
/* Its header goes, unless it is to be sealed or a report may have to repeat it. */
int out_drop_head(struct db *db, int64_t n);

struct out_receiver {
    int64_t n, message, blob, head; /* blob, head: 0 = none */
    char address[ADDRESS_MAX + 1];
    enum rcv_state state;
    uint8_t nid[HASH_LEN], p[SECRET_LEN], lock[HASH_LEN];
    struct bytes ns; /* the exact entry, committed before the first put */
    uint32_t shard;  /* of the receiver's ns: key */
    bool pushed;     /* its receipt came without the DHT */
    int64_t expiry_s, tries, changed_ms;
    struct bytes why, orcpt;
};
void out_receiver_free(struct out_receiver *r);
int rcv_get(struct db *db, int64_t n, struct out_receiver *r_r);
/* Row numbers of a message's other receivers in a state; up to max. Returns how many. */
size_t rcv_of_message(struct db *db, int64_t message, enum rcv_state state, int64_t *n_r,
                      size_t max);

struct sealed_blob {
    uint8_t hash[HASH_LEN];
    uint64_t size;
    const uint8_t *chunks;
    size_t chunks_len;
    bool published; /* one chunk: it needs no list, and gets its name after this commit */
};
struct sealed_receiver { /* what sealing made for one receiver */
    int64_t n;
    uint8_t nid[HASH_LEN], p[SECRET_LEN], lock[HASH_LEN];
    struct buf ns;
    uint32_t shard;
    int64_t expiry_s;
    uint8_t expected[3][ENTRY_ID_LEN]; /* ids of the receipts for outcomes 1, 2, 3 */
};
/* One transaction: the blob (and head blob, or NULL) and all its receivers become sealed. */
int out_set_sealed(struct db *db, int64_t message, const struct sealed_blob *blob,
                   const struct sealed_blob *head, const struct sealed_receiver *r, size_t count);

struct out_blob {
    int64_t n, message, tries;
    uint8_t hash[HASH_LEN];
    uint64_t size;
    struct bytes chunks;
    enum blob_state state;
};
int blob_get(struct db *db, int64_t n, struct out_blob *b_r);
/* By hash; -1 when unknown. */
int blob_find(struct db *db, const uint8_t hash[HASH_LEN], struct out_blob *b_r);
int blob_set_state(struct db *db, int64_t n, enum blob_state state);
/* A blob that says it is published and has not got its name: step_publish is to give it one. */
int blob_unpublish(struct db *db, const uint8_t hash[HASH_LEN]);

/* The key is known now. */
int rcv_set_ready(struct db *db, int64_t n);
/* Why it still waits, for lists; it goes with the waiting. */
int rcv_set_why(struct db *db, int64_t n, const char *why);
int rcv_set_announced(struct db *db, int64_t n, int64_t reput_ms);
/* Ends it. clean: its entries in the DHT are to be deleted. Pulled wins over every other end;
 * otherwise the first end stays. why may be NULL. Returns 1 when the state changed, 0 when not. */
int rcv_end(struct db *db, int64_t n, enum rcv_state state, bool clean, const char *why);
int rcv_set_dht_gone(struct db *db, int64_t n);
/* An ended receiver's receipt came again: clean once more, unless that was done after since_ms. */
int rcv_again(struct db *db, int64_t n, int64_t since_ms);
/* Would this receipt change nothing at all: its end is known, and cleaned after since_ms? */
bool rcv_knows(struct db *db, int64_t n, enum outcome o, int64_t since_ms);
/* What was announced is looked at now, not at its next time. */
int rcv_look_again(struct db *db);
/* The receiver a receipt's id belongs to: its row number, or 0. */
int64_t expected_find(struct db *db, const uint8_t id[ENTRY_ID_LEN], enum outcome *o_r);

/* One report tells the user of all receivers of a message that failed or expired meanwhile. begin:
 * fixes who they are (unless some were fixed before); rcpts: their row numbers, in order; done: the
 * report is durable. */
int dsn_begin(struct db *db, int64_t message);
size_t dsn_rcpts(struct db *db, int64_t message, int64_t *n_r, size_t max);
int dsn_told(struct db *db, int64_t message);

/* NOTIFY=DELAY (RFC 3461): a message that some receivers have not fetched this long after it was
 * submitted. delayed: the receivers for whom that is asked and who have not ended; done: it is
 * told. Until then a row "delay:<message>" in meta holds the time. */
#define DELAY_NOTICE_MS 86400000 /* a day */
size_t dsn_delayed(struct db *db, int64_t message, int64_t *n_r, size_t max);
int dsn_delayed_done(struct db *db, int64_t message);

/* 1 changed; 0: the client's own copy came first, which stays; -1 error. */
int sent_set(struct db *db, int64_t message, enum sent_state state);
/* Messages with this Message-ID whose copy in Sent is not the client's. */
size_t sent_find(struct db *db, const char *msgid, int64_t *n_r, size_t max);

struct out_counts {
    int64_t messages, bytes, receivers_pending, work;
};
void out_count(struct db *db, struct out_counts *c);

/* For lists: messages newest first, with receivers in this state, 0: in any; stops when fn returns
 * false. */
struct out_line {
    uint8_t id[MESSAGE_ID_LEN], hash[HASH_LEN];
    bool has_hash;
    enum out_state state;
    enum blob_state blob;
    int64_t created_ms, changed_ms;
    uint64_t size;
    unsigned copies;                     /* members of the group that hold the blob */
    const char *subject, *address, *why; /* subject, why: NULL when missing */
    enum rcv_state rcv;
};
void out_list(struct db *db, enum rcv_state only, bool (*fn)(void *ctx, const struct out_line *l),
              void *ctx);
/* Ended more than 60 days ago: forgotten. */
int out_forget(struct db *db, int64_t before_ms);

#endif
