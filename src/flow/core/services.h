/* SPDX-License-Identifier: GPL-3.0-or-later */
/* services.h - what the steps of a message's way share. Each step is a file of its own; a step
 * never calls another: it commits the next state, and the loop in work.c finds what is due. */
#ifndef RESTANTE_FLOW_SERVICES_H
#define RESTANTE_FLOW_SERVICES_H

#include "base/error.h"
#include "base/file.h"
#include "base/jobs.h"
#include "dht/dht.h"
#include "mime/mime.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/smtp_server.h"
#include "pgp/pgp.h"
#include "proto/records.h"
#include "store/store.h"

enum strangers { STRANGERS_INBOX, STRANGERS_REQUESTS, STRANGERS_NOWHERE };

struct flow_config { /* durations in milliseconds */
    const char *home, *address;
    uint32_t network;
    enum strangers strangers; /* where mail of senders who are no contacts goes */
    bool allow_foreign_from;
    bool private_addresses;
    bool has_bootstrap; /* the configuration names other nodes, or an own node is shared */
    bool (*is_relay)(void *ctx, const char *address); /* its foreign From is accepted */
    void *relay_ctx;
    const struct endpoint *endpoints; /* announced by the descriptor */
    size_t endpoint_count;
    uint32_t shard_at; /* more live notifications than this in a shard: more shards */
    int64_t validity, sent_wait, open_wait, poll, retry, descriptor, reput, sweep, decline_grace,
        trash_grace, expiry_grace, give_up, group_life, pull_before, cancel_grace;
    uint64_t quota;          /* octets replicated for each other member */
    int64_t pull_before_max; /* octets */
};

struct rival {
    bool stands;
    uint8_t fpr[FPR_LEN];
    int64_t until_s; /* its identity's expiry; seconds since 1970 */
};

struct services {
    uv_loop_t *loop;
    struct flow_config c;
    struct store *store;
    struct jobs *pgp;           /* thread_ctx: struct pgp with the own secret key */
    struct jobs *files;         /* file work that syncs */
    struct jobs *stream_worker; /* as pgp; one thread, see follower.h */
    struct dht *dht;
    struct mime *mime;
    struct http_client *http;
    struct http_server *server;
    uint8_t fpr[FPR_LEN]; /* own fingerprint */
    struct bytes pubkey;  /* own minimal public key */
    uint8_t stub_key[HASH_LEN];
    uint8_t instance[INSTANCE_LEN];
    struct endpoint_policy policy; /* towards strangers */
    bool stopping;
    bool identity_posted, descriptor_posted;
    char stop_reason[320]; /* a sentence, when the peer must not go on (a twin) */
    uint32_t shards;       /* of the own ns: key; only ever more */
    bool revoked;          /* the own key is: nothing is sent or posted any more */
    struct rival rival;    /* another key that stands at the own address */
    bool looked;           /* the DHT was asked for a twin since the start */
    int64_t started_ms;    /* what was committed earlier may have been answered meanwhile */

    struct scheduler *work;
    struct growing *followed;
    struct seal_stream *seal_stream;
    struct discovery *discovery;
    struct collection *collection;
    uv_async_t *receipt_endpoint; /* wakes the loop for receipts that are handed over */
    struct courier *couriers;     /* receipts on their way to senders */
    struct openings *openings;
    struct expunge_scan *expunge_scan;
    struct presence *presence;
    struct groups *groups;
    struct invites *invites;
    struct replication *replication;
    struct upkeep *upkeep;
    struct revocations *revocations;
    struct outbox_mailbox *outbox_mailbox;
    struct sender_feedback *sender_feedback;
    struct maildir *maildir;
    struct trusted_clock *trusted_clock;
};

/* Starts the steps: everything that is due is taken up where it was left. The fields above `work`
 * are the caller's to fill. */
int flow_start(struct services *sv, struct error *e);
/* May steps go on that touch the network? Not while another peer posts under this address, nor
 * before that was looked at. */
bool may_go(const struct services *sv);
/* No new work; what is under way ends or is dropped (it is taken up after the next start). */
void flow_stop(struct services *sv);
/* After the loop has run out. */
void flow_free(struct services *sv);
/* Something new is due. */
void kick(struct services *sv);
/* The DHT's link changed. */
void flow_link(struct services *sv, enum dht_link link);

/* now + retry * 2^tries, at most 64 times retry, with some chance in it. */
int64_t retry_at(const struct services *sv, int64_t tries);
/* HOME/dir/hex(id)suffix. */
void home_path(const struct services *sv, char out[PATH_CAP], const char *dir, const uint8_t *id,
               size_t id_len, const char *suffix);
/* entry_bind_hash of an own entry that needs no notification's p: only this home can make it. */
void own_bind(const struct services *sv, const char *key, const uint8_t value_hash[HASH_LEN],
              struct entry_binding *b_r);
/* The fingerprint of the master of the accepted group; false: this peer is in none. */
bool own_master(const struct services *sv, uint8_t master_fpr_r[FPR_LEN]);
/* Signs with the own key: [payload, signature] into out. Worker thread. */
int sign_record(struct pgp *pgp, const struct buf *payload, struct buf *out, struct error *e);
/* A job of one's own: allocates nothing, run on `where`. */
void job_run(struct jobs *where, struct job *job, void (*run)(struct job *, void *),
             void (*done)(struct job *), bool small);

#endif
