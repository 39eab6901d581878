/* SPDX-License-Identifier: GPL-3.0-or-later */
/* flow.c - starting and stopping the steps, and the few things all of them use; see flow.h. */
#include "flow/flow.h"
#include "base/clock.h"
#include "base/log.h"
#include "flow/clockwatch.h"
#include "flow/follower.h"
#include "flow/sender/collect.h"
#include "flow/sender/early.h"
#include "flow/sender/handed.h"
#include "flow/receiver/discover.h"
#include "flow/receiver/hand.h"
#include "flow/mend/fsck.h"
#include "flow/group/group.h"
#include "flow/invite/invites.h"
#include "flow/sender/lines.h"
#include "flow/receiver/maildir.h"
#include "flow/receiver/moves.h"
#include "flow/receiver/opening.h"
#include "flow/peers/presence.h"
#include "flow/peers/revocation.h"
#include "flow/group/replicas.h"
#include "flow/receiver/sweep.h"
#include "flow/upkeep.h"
#include "flow/work.h"
#include "store/groups.h"
#include "store/wake.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "flow"

int flow_start(struct flow *f, struct error *e)
{
    f->started_ms = clock_wall_ms();
    if (maildir_start(f, e) < 0 || clockwatch_start(f, e) < 0 || fsck_start(f, e) < 0 ||
        work_start(f, e) < 0 || openings_start(f, e) < 0 || discovery_start(f, e) < 0 ||
        collection_start(f, e) < 0 || handed_start(f, e) < 0 || moves_start(f, e) < 0 ||
        sweep_start(f, e) < 0 || lines_start(f, e) < 0 || presence_start(f, e) < 0 ||
        groups_start(f, e) < 0 || invites_start(f, e) < 0 || upkeep_start(f, e) < 0 ||
        replication_start(f, e) < 0 || revocation_start(f, e) < 0)
        return -1;
    return 0;
}

void flow_stop(struct flow *f)
{
    if (f->stopping)
        return;
    f->stopping = true;
    follower_stop(f);
    work_stop(f);
    openings_stop(f);
    discovery_stop(f);
    collection_stop(f);
    handed_stop(f);
    sweep_stop(f);
    lines_stop(f);
    presence_stop(f);
    groups_stop(f);
    invites_stop(f);
    replication_stop(f);
    clockwatch_stop(f);
    upkeep_stop(f);
    revocation_stop(f);
}

bool flow_may_go(const struct flow *f)
{
    return f->stop_reason[0] == '\0' && (f->looked || dht_link_state(f->dht) != DHT_CONNECTED);
}

void flow_free(struct flow *f)
{
    early_free(f);
    follower_free(f);
    clockwatch_free(f);
    groups_free(f);
    invites_free(f);
    replication_free(f);
    upkeep_free(f);
    revocation_free(f);
    presence_free(f);
    lines_free(f);
    sweep_free(f);
    moves_free(f);
    collection_free(f);
    hand_free(f);
    discovery_free(f);
    openings_free(f);
    work_free(f);
    maildir_free(f);
    bytes_free(&f->pubkey);
    wipe(f->stub_key, sizeof f->stub_key);
}

static int wake_run(struct db *db, void *arg)
{
    return store_wake(db, clock_wall_ms()) < 0 ? -1 : 0;
}

static void wake_done(void *arg, int rc)
{
    flow_kick(arg);
}

void flow_link(struct flow *f, enum dht_link link)
{
    static const char *const name[] = {"down", "alone", "connected"};
    log_info("the DHT is %s", name[link]);
    if (link != DHT_CONNECTED || f->stopping)
        return;
    presence_link(f);
    discovery_poll(f);
    collection_poll(f);
    groups_poll(f);
    replication_poll(f);
    store_do(f->store, wake_run, wake_done, f);
    flow_kick(f);
}

int64_t flow_retry_at(const struct flow *f, int64_t tries)
{
    int64_t shift = tries < 0 ? 0 : tries > 6 ? 6 : tries;
    int64_t wait = f->c.retry << shift;
    uint16_t r;
    random_bytes(&r, sizeof r);
    return clock_wall_ms() + wait * 3 / 4 + wait * (r % 512) / 1024;
}

void flow_path(const struct flow *f, char out[PATH_CAP], const char *dir, const uint8_t *id,
               size_t id_len, const char *suffix)
{
    char hex[2 * HASH_LEN + 1];
    hex_encode(id, id_len > HASH_LEN ? HASH_LEN : id_len, hex);
    (void)snprintf(out, PATH_CAP, "%s/%s/%s%s", f->c.home, dir, hex, suffix);
}

void flow_own_token(const struct flow *f, const char *key, const uint8_t value_hash[HASH_LEN],
                    uint8_t token[HASH_LEN])
{
    uint8_t p[SECRET_LEN];
    hkdf_sha256(f->stub_key, "own records", p);
    entry_token(p, key, value_hash, token);
    wipe(p, sizeof p);
}

bool flow_master(const struct flow *f, uint8_t master_fpr[FPR_LEN])
{
    struct group_row g;
    memset(master_fpr, 0, FPR_LEN);
    if (group_get_accepted(store_reader(f->store), &g) < 0)
        return false;
    memcpy(master_fpr, g.master_fpr, FPR_LEN);
    group_row_free(&g);
    return true;
}

int flow_sign_record(struct pgp *pgp, const struct buf *payload, struct buf *out, struct error *e)
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

void flow_job(struct jobs *where, struct job *job, void (*run)(struct job *, void *),
              void (*done)(struct job *), bool small)
{
    *job = (struct job){.run = run, .done = done, .small = small};
    jobs_submit(where, job);
}
