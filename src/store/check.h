/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check.h - the rows whose files must be there, for the check of a home (P-10.24), and what becomes
 * of a row whose file is not. A row is listed while something still needs its file, not by its
 * state alone: a step that has removed a file and not yet committed it is no fault. Functions that
 * change something run inside store_do and change nothing when the row has moved on; the others
 * also on the reader. */
#ifndef RESTANTE_STORE_CHECK_H
#define RESTANTE_STORE_CHECK_H

#include "store/incoming.h"
#include "store/outgoing.h"
#include "store/replicas.h"

/* SQLite's own look. 0; -1 and e: damaged. */
int check_database(struct db *db, struct error *e);

/* Each calls fn until it returns false. */
/* Messages whose spool file is still to be sealed, or copied to Sent. */
void check_messages(struct db *db,
                    bool (*fn)(void *ctx, int64_t n, const uint8_t id[MESSAGE_ID_LEN]), void *ctx);
/* Blobs that somebody may still fetch. chunks: the row's, valid during the call. */
void check_blobs(struct db *db, bool (*fn)(void *ctx, const struct out_blob *b), void *ctx);
/* Replicas that are held, and not yet to be dropped. */
void check_replicas(struct db *db, int64_t after_expiry_s,
                    bool (*fn)(void *ctx, const struct replica *r), void *ctx);
/* Stubs and messages that are here but not delivered: n, nid, state, fresh. */
void check_incoming(struct db *db,
                    bool (*fn)(void *ctx, int64_t n, const uint8_t nid[HASH_LEN], enum in_state s,
                               bool fresh),
                    void *ctx);

/* Receivers whose notification is to stand in the DHT, or was to be deleted: announced, or ended
 * and cleaned, and not over. */
void check_posted(struct db *db, int64_t now_s, bool (*fn)(void *ctx, int64_t n), void *ctx);
/* What was answered: whose receipt is to stand in the DHT until its sender took it, and whose
 * notification was deleted. */
void check_answered(struct db *db, int64_t now_s, bool (*fn)(void *ctx, int64_t n), void *ctx);

/* Is there a message with this id? */
bool out_known(struct db *db, const uint8_t id[MESSAGE_ID_LEN]);

/* The spool file is gone: receivers whose part was not sealed yet fail, with why. */
int check_spool_lost(struct db *db, int64_t message, const char *why);
/* The blob is to be taken back (BLOB_MISSING). */
int check_blob_missing(struct db *db, int64_t blob);
/* Nobody can have it: its receivers fail, with why. */
int check_blob_lost(struct db *db, int64_t blob, const char *why);
/* The replica is fetched again. */
int check_replica_again(struct db *db, int64_t replica);
/* The stub is made again. */
int check_stub_again(struct db *db, int64_t incoming);
/* What was decided to be pulled, and told to nobody yet, is pulled again. stub: its stub stands. */
int check_pull_again(struct db *db, int64_t incoming, bool stub);

/* The receipt is put, and the notification deleted, once more. */
int check_answer_again(struct db *db, int64_t incoming);

/* A blob of our own that no row names any more is kept like a replica, of which we are the owner. 1
 * when the row is new. */
int adopt(struct db *db, const char *own, const struct blob_ref *ref, int64_t expiry_s,
          enum replica_state state);
/* The same for what members say they hold for us and no row names: the rows of a restored backup
 * are older. quota: octets of all that. How many. */
int adopt_held(struct db *db, const char *own, uint64_t quota);
/* Was this home restored from a backup since then? */
bool restored_since(struct db *db, int64_t ms);
/* Is something still to be taken back that was not tried yet? */
bool restored_untried(struct db *db, const char *own);

#endif
