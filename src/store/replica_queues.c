/* SPDX-License-Identifier: GPL-3.0-or-later */
/* replica_queues.c - what is due on what this peer keeps for others; see queue.h. The states are
 * those of enum replica_state. */
#include "store/queue.h"

#define REPLICA_DELAY "UPDATE replica SET due_ms=?1,tries=tries+1 WHERE n=?2"
#define REPLICA_TRIES "SELECT tries FROM replica WHERE n=?"

/* Blobs to be fetched. */
const struct queue queue_replicate = {
    .name = "replicate",
    .about = ABOUT_REPLICA,
    .due =
        "SELECT n FROM replica WHERE state=1/*REPLICA_WANTED*/ AND due_ms<=?1 AND expiry_s>?1/1000"
        " ORDER BY due_ms,n LIMIT ?2",
    .next = "SELECT min(due_ms) FROM replica WHERE state=1/*REPLICA_WANTED*/ AND due_ms>?",
    .delay = REPLICA_DELAY,
    .tries = REPLICA_TRIES,
};

/* Blobs that were removed, or have expired for the grace. */
const struct queue queue_replica_drop = {
    .name = "replica_drop",
    .about = ABOUT_REPLICA,
    .due = "SELECT n FROM replica WHERE due_ms<=?1 AND (state IN "
           "(4/*REPLICA_DROP*/,6/*REPLICA_LET_GO*/) OR expiry_s<=(?6-?3)/1000)"
           " LIMIT ?2",
    .next = "SELECT min(due_ms) FROM replica WHERE state IN "
            "(4/*REPLICA_DROP*/,6/*REPLICA_LET_GO*/) AND due_ms>?",
    .delay = REPLICA_DELAY,
    .tries = REPLICA_TRIES,
};

/* Notifications of other members; their expiry is a due time too (replicas.c). */
const struct queue queue_member_ns = {
    .name = "member_ns",
    .about = ABOUT_REPLICA_NS,
    .due = "SELECT n FROM replica_ns WHERE due_ms<=?1 LIMIT ?2",
    .next = "SELECT min(due_ms) FROM replica_ns WHERE due_ms>?",
    .delay = "UPDATE replica_ns SET due_ms=?1,tries=tries+1 WHERE n=?2",
    .tries = "SELECT tries FROM replica_ns WHERE n=?",
};
