/* SPDX-License-Identifier: GPL-3.0-or-later */
/* services.h - what every part of a message's way may use: who this peer is, the configuration, the
 * store, the workers, the DHT, the HTTP client and server. No step's state stands here: each module
 * owns its own (module.h), a step calls no other (step.h), and who wants to tell others what
 * happened raises an event (events.h). */
#ifndef RESTANTE_FLOW_SERVICES_H
#define RESTANTE_FLOW_SERVICES_H

#include "base/crypt.h"
#include "base/error.h"
#include "net/endpoint.h"
#include "proto/address.h"
#include "proto/records.h"
#include "store/store.h"
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct dht;
struct http_client;
struct http_server;
struct jobs;
struct mime;
struct module;
struct step;

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
    int64_t validity, sent_wait, open_wait, poll, retry, descriptor, reput, expunge_scan,
        decline_grace, trash_grace, expiry_grace, give_up, group_life, pull_before, cancel_grace;
    uint64_t quota;          /* octets replicated for each other member */
    int64_t pull_before_max; /* octets */
};

#define MODULES_MAX 32

struct services {
    /* the caller's to fill, before flow_start */
    uv_loop_t *loop;
    struct flow_config c;
    struct store *store;
    struct jobs *pgp;           /* thread_ctx: struct pgp with the own secret key */
    struct jobs *files;         /* file work that syncs */
    struct jobs *stream_worker; /* as pgp; one thread, see stream_worker.h */
    struct dht *dht;
    struct mime *mime;
    struct http_client *http;
    struct http_server *server;
    uint8_t fpr[FPR_LEN]; /* own fingerprint */
    struct bytes pubkey;  /* own minimal public key */
    uint8_t stub_key[HASH_LEN];
    uint8_t instance[INSTANCE_LEN];
    struct endpoint_policy policy; /* towards strangers */

    /* flow_start's and flow_stop's */
    bool stopping;
    int64_t started_ms; /* what was committed earlier may have been answered meanwhile */
    struct {            /* see module.h */
        const struct module *of;
        void *state;
    } modules[MODULES_MAX];

    /* what a part gives to those that must not know it (flow.c puts them in) */
    const struct step *const *steps; /* all, in the order of a message's way; ends with NULL */
    /* May steps go on that touch the network? Not while another peer posts under this address, nor
     * before that was looked at. NULL: yes. */
    bool (*may_go)(const struct services *sv);
    const struct members_service *members; /* peers/members.h: who else may hold a blob */
};

#endif
