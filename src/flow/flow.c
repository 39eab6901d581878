/* SPDX-License-Identifier: GPL-3.0-or-later */
/* flow.c - starting and stopping the steps, and the few things all of them use; see flow.h. */
#include "flow/core/services.h"
#include "base/clock.h"
#include "base/log.h"
#include "flow/core/trusted_clock.h"
#include "flow/core/stream_worker.h"
#include "flow/sender/collect.h"
#include "flow/sender/seal_stream.h"
#include "flow/sender/receipt_endpoint.h"
#include "flow/receiver/discover.h"
#include "flow/receiver/receipt_push.h"
#include "flow/recovery/fsck.h"
#include "flow/group/group.h"
#include "flow/invite/invites.h"
#include "flow/sender/outbox_mailbox.h"
#include "flow/mail/maildir.h"
#include "flow/receiver/sender_feedback.h"
#include "flow/receiver/opening.h"
#include "flow/peers/presence.h"
#include "flow/peers/revocation.h"
#include "flow/group/replicas.h"
#include "flow/receiver/expunge_scan.h"
#include "flow/core/upkeep.h"
#include "flow/core/scheduler.h"
#include "store/groups.h"
#include "store/wake.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "flow"

int flow_start(struct services *sv, struct error *e)
{
    sv->started_ms = clock_wall_ms();
    if (maildir_start(sv, e) < 0 || trusted_clock_start(sv, e) < 0 || fsck_start(sv, e) < 0 ||
        scheduler_start(sv, e) < 0 || openings_start(sv, e) < 0 || discovery_start(sv, e) < 0 ||
        collection_start(sv, e) < 0 || receipt_endpoint_start(sv, e) < 0 ||
        feedback_start(sv, e) < 0 || expunge_scan_start(sv, e) < 0 ||
        outbox_mailbox_start(sv, e) < 0 || presence_start(sv, e) < 0 || groups_start(sv, e) < 0 ||
        invites_start(sv, e) < 0 || upkeep_start(sv, e) < 0 || replication_start(sv, e) < 0 ||
        revocation_start(sv, e) < 0)
        return -1;
    return 0;
}

void flow_stop(struct services *sv)
{
    if (sv->stopping)
        return;
    sv->stopping = true;
    stream_worker_stop(sv);
    scheduler_stop(sv);
    openings_stop(sv);
    discovery_stop(sv);
    collection_stop(sv);
    receipt_endpoint_stop(sv);
    expunge_scan_stop(sv);
    outbox_mailbox_stop(sv);
    presence_stop(sv);
    groups_stop(sv);
    invites_stop(sv);
    replication_stop(sv);
    trusted_clock_stop(sv);
    upkeep_stop(sv);
    revocation_stop(sv);
}

bool may_go(const struct services *sv)
{
    return sv->stop_reason[0] == '\0' && (sv->looked || dht_link_state(sv->dht) != DHT_CONNECTED);
}

void flow_free(struct services *sv)
{
    seal_stream_free(sv);
    stream_worker_free(sv);
    trusted_clock_free(sv);
    groups_free(sv);
    invites_free(sv);
    replication_free(sv);
    upkeep_free(sv);
    revocation_free(sv);
    presence_free(sv);
    outbox_mailbox_free(sv);
    expunge_scan_free(sv);
    feedback_free(sv);
    collection_free(sv);
    receipt_push_free(sv);
    discovery_free(sv);
    openings_free(sv);
    scheduler_free(sv);
    maildir_free(sv);
    bytes_free(&sv->pubkey);
    wipe(sv->stub_key, sizeof sv->stub_key);
}

static int wake_run(struct db *db, void *arg)
{
    return store_wake(db, clock_wall_ms()) < 0 ? -1 : 0;
}

static void wake_done(void *arg, int rc)
{
    kick(arg);
}

void flow_link(struct services *sv, enum dht_link link)
{
    static const char *const name[] = {"down", "alone", "connected"};
    log_info("the DHT is %s", name[link]);
    if (link != DHT_CONNECTED || sv->stopping)
        return;
    presence_link(sv);
    discovery_poll(sv);
    collection_poll(sv);
    groups_poll(sv);
    replication_poll(sv);
    store_do(sv->store, wake_run, wake_done, sv);
    kick(sv);
}

int64_t retry_at(const struct services *sv, int64_t tries)
{
    int64_t shift = tries < 0 ? 0 : tries > 6 ? 6 : tries;
    int64_t wait = sv->c.retry << shift;
    uint16_t r;
    random_bytes(&r, sizeof r);
    return clock_wall_ms() + wait * 3 / 4 + wait * (r % 512) / 1024;
}

void home_path(const struct services *sv, char out[PATH_CAP], const char *dir, const uint8_t *id,
               size_t id_len, const char *suffix)
{
    char hex[2 * HASH_LEN + 1];
    hex_encode(id, id_len > HASH_LEN ? HASH_LEN : id_len, hex);
    (void)snprintf(out, PATH_CAP, "%s/%s/%s%s", sv->c.home, dir, hex, suffix);
}

void own_bind(const struct services *sv, const char *key, const uint8_t value_hash[HASH_LEN],
              struct entry_binding *b)
{
    uint8_t p[SECRET_LEN];
    hkdf_sha256(sv->stub_key, "own records", p);
    entry_bind_hash(p, key, value_hash, b);
    wipe(p, sizeof p);
}

bool own_master(const struct services *sv, uint8_t master_fpr[FPR_LEN])
{
    struct group_row g;
    memset(master_fpr, 0, FPR_LEN);
    if (group_get_accepted(store_reader(sv->store), &g) < 0)
        return false;
    memcpy(master_fpr, g.master_fpr, FPR_LEN);
    group_row_free(&g);
    return true;
}

int sign_record(struct pgp *pgp, const struct buf *payload, struct buf *out, struct error *e)
{
    struct buf sig = BUF_INIT(SIGNATURE_MAX);
    int rc = pgp_sign(pgp, payload->data, payload->len, &sig, e);
    if (rc == 0) {
        struct span p = {payload->data, payload->len}, s = {sig.data, sig.len};
        rc = record_wrap(&p, &s, out);
        if (rc < 0)
            (void)error_set(e, "A record became larger than %zu bytes.", out->cap);
    }
    buf_free(&sig);
    return rc;
}

void job_run(struct jobs *where, struct job *job, void (*run)(struct job *, void *),
             void (*done)(struct job *), bool small)
{
    *job = (struct job){.run = run, .done = done, .small = small};
    jobs_submit(where, job);
}
