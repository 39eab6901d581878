/* SPDX-License-Identifier: GPL-3.0-or-later */
/* incoming_queues.c - what is due on the receiver's side; see queue.h. The states are those of enum
 * in_state. */
#include "store/queue.h"

/* Each of these runs at every look of the loop, and stubs can be very many: none may read through
 * them. */

/* A contact's stub of at most ?5 octets that stands where the user would see it, and when it is to
 * be pulled at the latest, ?4 being the time before the expiry. Those of which that time has begun
 * are found by the index. */
#define STANDS " state=2/*IN_STUB*/ AND wanted=0 AND hastened=0 AND gone_ms IS NULL AND m_size<=?5"
#define TO_PREFETCH                                                                                \
    " FROM incoming i INDEXED BY incoming_hasten WHERE" STANDS                                     \
    " AND expiry_s<=(?1+?4)/1000 AND EXISTS(SELECT 1 FROM contact c WHERE c.address=i.sender AND"  \
    " c.fpr=i.fpr)"
#define PREFETCH_AT " max(expiry_s*1000-?4,(arrived_ms+expiry_s*1000)/2)"

#define INCOMING_DELAY "UPDATE incoming SET due_ms=?1,tries=tries+1,why=?3 WHERE n=?2"
#define INCOMING_TRIES "SELECT tries FROM incoming WHERE n=?"

/* Noticed messages. */
const struct queue queue_stub = {
    .name = "stub",
    .about = ABOUT_INCOMING,
    .due = "SELECT n FROM incoming WHERE state=1/*IN_NOTICED*/ AND due_ms<=?1 ORDER BY due_ms,n "
           "LIMIT ?2",
    .next = "SELECT min(due_ms) FROM incoming WHERE state=1/*IN_NOTICED*/ AND due_ms>?",
    .delay = INCOMING_DELAY,
    .tries = INCOMING_TRIES,
};

/* Stubs that are wanted. */
const struct queue queue_pull = {
    .name = "pull",
    .about = ABOUT_INCOMING,
    .due = "SELECT n FROM incoming INDEXED BY incoming_wanted WHERE wanted=1 AND state=2/*IN_STUB*/"
           " AND due_ms<=?1 ORDER BY due_ms,n LIMIT ?2",
    .next = "SELECT min(due_ms) FROM incoming INDEXED BY incoming_wanted WHERE wanted=1 AND"
            " state=2/*IN_STUB*/ AND due_ms>?",
    .delay = INCOMING_DELAY,
    .tries = INCOMING_TRIES,
};

/* Messages that are here, and not in the stub. */
const struct queue queue_deliver = {
    .name = "deliver",
    .about = ABOUT_INCOMING,
    .due = "SELECT n FROM incoming WHERE state=3/*IN_PULLED*/ AND due_ms<=?1 ORDER BY due_ms,n"
           " LIMIT ?2",
    .next = "SELECT min(due_ms) FROM incoming WHERE state=3/*IN_PULLED*/ AND due_ms>?",
    .delay = INCOMING_DELAY,
    .tries = INCOMING_TRIES,
};

/* Decided messages, of which the sender is to be told. */
const struct queue queue_answer = {
    .name = "answer",
    .about = ABOUT_INCOMING,
    .due = "SELECT n FROM incoming WHERE state=4/*IN_ANSWER*/ AND due_ms<=?1 ORDER BY due_ms,n"
           " LIMIT ?2",
    .next = "SELECT min(due_ms) FROM incoming WHERE state=4/*IN_ANSWER*/ AND due_ms>?",
    .delay = INCOMING_DELAY,
    .tries = INCOMING_TRIES,
};

/* Those until it took the receipt. */
const struct queue queue_receipt_refresh = {
    .name = "receipt_refresh",
    .about = ABOUT_INCOMING,
    .due = "SELECT n FROM incoming WHERE state=5/*IN_ANSWERED*/ AND due_ms<=?1 ORDER BY due_ms,n"
           " LIMIT ?2",
    .next = "SELECT min(due_ms) FROM incoming WHERE state=5/*IN_ANSWERED*/ AND due_ms>?",
    .delay = INCOMING_DELAY,
    .tries = INCOMING_TRIES,
};

/* Stubs of contacts that are about to expire. */
const struct queue queue_prefetch = {
    .name = "prefetch",
    .about = ABOUT_INCOMING,
    .due = "SELECT n" TO_PREFETCH " AND" PREFETCH_AT "<=?1 AND ?4>0 LIMIT ?2",
    .next = "SELECT min(t) FROM (SELECT min(" PREFETCH_AT ") AS t" TO_PREFETCH " AND" PREFETCH_AT
            ">?1 AND ?4>0"
            " UNION ALL SELECT min(expiry_s)*1000-?4 FROM incoming INDEXED BY incoming_hasten "
            "WHERE" STANDS " AND expiry_s>(?1+?4)/1000 AND ?4>0)",
    .delay = INCOMING_DELAY,
    .tries = INCOMING_TRIES,
};

/* Stubs past their time and the grace. */
const struct queue queue_expire = {
    .name = "expire",
    .about = ABOUT_INCOMING,
    .due = "SELECT n FROM incoming INDEXED BY incoming_expiry WHERE state<3/*IN_PULLED*/ AND"
           " expiry_s<=(?6-?3)/1000 LIMIT ?2",
    .next = "SELECT min(expiry_s)*1000+?3 FROM incoming INDEXED BY incoming_expiry WHERE"
            " state<3/*IN_PULLED*/ AND expiry_s>(?6-?3)/1000",
    .delay = INCOMING_DELAY,
    .tries = INCOMING_TRIES,
};

/* Expired messages whose stub stands there still. */
const struct queue queue_expiry_notice = {
    .name = "expiry_notice",
    .about = ABOUT_INCOMING,
    .due =
        "SELECT n FROM incoming INDEXED BY incoming_lapse WHERE state=7/*IN_EXPIRED*/ AND lapsed=0 "
        "AND due_ms<=?1 LIMIT ?2",
    .next = "SELECT min(due_ms) FROM incoming INDEXED BY incoming_lapse WHERE "
            "state=7/*IN_EXPIRED*/ AND "
            "lapsed=0 AND due_ms>?",
    .delay = INCOMING_DELAY,
    .tries = INCOMING_TRIES,
};

/* Stubs whose sender took the message back. */
const struct queue queue_recall_apply = {
    .name = "recall_apply",
    .about = ABOUT_INCOMING,
    .due = "SELECT i.n FROM cancelled c CROSS JOIN incoming i ON i.nid=c.nid AND"
           " i.fpr=c.fpr WHERE i.state=2/*IN_STUB*/ AND i.due_ms<=?1 LIMIT ?2",
    .next = "SELECT min(i.due_ms) FROM cancelled c CROSS JOIN incoming i ON i.nid=c.nid"
            " WHERE i.state=2/*IN_STUB*/ AND i.due_ms>?",
    .delay = INCOMING_DELAY,
    .tries = INCOMING_TRIES,
};
