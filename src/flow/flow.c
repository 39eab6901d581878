/* SPDX-License-Identifier: GPL-3.0-or-later */
/* flow.c - the composition root: everything that runs, and what those parts that must not know each
 * other give one another; see flow.h. */
#include "flow/flow.h"
#include "base/clock.h"
#include "base/log.h"
#include "flow/core/scheduler.h"
#include "flow/core/stream_worker.h"
#include "flow/core/trusted_clock.h"
#include "flow/core/upkeep.h"
#include "flow/group/group.h"
#include "flow/group/replicas.h"
#include "flow/invite/invites.h"
#include "flow/mail/maildir.h"
#include "flow/peers/endpoint_lookup.h"
#include "flow/peers/presence.h"
#include "flow/peers/revocation.h"
#include "flow/peers/standing.h"
#include "flow/receiver/discover.h"
#include "flow/receiver/expunge_scan.h"
#include "flow/receiver/opening.h"
#include "flow/receiver/receipt_push.h"
#include "flow/receiver/sender_feedback.h"
#include "flow/recovery/fsck.h"
#include "flow/sender/collect.h"
#include "flow/sender/outbox_mailbox.h"
#include "flow/sender/receipt_endpoint.h"
#include "flow/sender/seal_stream.h"
#include "flow/steps.h"
#include "store/wake.h"
#include "flow/core/step.h"
#include "flow/core/events.h"
#include "flow/peers/witnesses.h"

#define LOG_AREA "flow"

/* In the order of starting: the home is put right before anything is due. */
static const struct module *const modules[] = {
    &stream_worker_module, &seal_stream_module,      &standing_module,
    &witnesses_module,     &endpoint_lookup_module,  &maildir_module,
    &receipt_push_module,  &trusted_clock_module,    &fsck_module,
    &scheduler_module,     &openings_module,         &discovery_module,
    &collection_module,    &receipt_endpoint_module, &feedback_module,
    &expunge_scan_module,  &outbox_mailbox_module,   &presence_module,
    &groups_module,        &invites_module,          &upkeep_module,
    &replication_module,   &revocation_module,       NULL};

int flow_start(struct services *sv, struct error *e)
{
    sv->started_ms = clock_wall_ms();
    sv->steps = flow_steps;
    sv->may_go = standing_may_go;
    sv->members = &group_members_service;
    return modules_start(sv, modules, e);
}

void flow_stop(struct services *sv)
{
    if (sv->stopping)
        return;
    sv->stopping = true;
    modules_stop(sv, modules);
}

void flow_free(struct services *sv)
{
    modules_free(sv, modules);
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
    static const char *const text[] = {"is down", "knows no other node", "is connected"};
    log_info("the DHT node %s", text[link]);
    if (link != DHT_CONNECTED || sv->stopping)
        return;
    event_raise(sv, EVENT_CONNECTED);
    store_do(sv->store, wake_run, wake_done, sv);
    kick(sv);
}
