/* SPDX-License-Identifier: GPL-3.0-or-later */
/* steps.h - every step there is, in the order of a message's way. */
#ifndef RESTANTE_FLOW_STEPS_H
#define RESTANTE_FLOW_STEPS_H

#include "flow/core/scheduler.h"

/* sender/ */
void step_lookup(struct work *w);         /* lookup.c: a receiver's key */
void step_seal(struct work *w);           /* seal.c: sign, encrypt, hash; notifications made */
void step_publish(struct work *w);        /* publish.c: the blob becomes fetchable */
void step_announce(struct work *w);       /* announce.c: ns into the DHT, again every hour */
void step_local_delivery(struct work *w); /* own.c: mail to oneself, into the inbox */
void step_sent(struct work *w);           /* sent.c: the copy in Sent */
void step_outbox_line(struct work *w);    /* lines.c: the message's line in the mailbox Outgoing */
void step_blob_gc(struct work *w);        /* tidy.c: a blob nobody waits for */
void step_dht_gc(struct work *w);         /* tidy.c: ns and nr of an ended receiver leave the DHT */
void step_spool_gc(struct work *w);       /* tidy.c: the spool file goes */
void step_recall(struct work *w);         /* withdraw.c: closes the blob of a message taken back */
void step_cancel(struct work *w); /* withdraw.c: posts the cancellation, until it is answered */
void step_blob_recovery(
    struct work *w);           /* mend/regain.c: a blob whose file is missing is taken back */
void step_dsn(struct work *w); /* tell.c: the user hears of what failed */
/* receiver/ (discover.c finds what is new) */
void step_stub(struct work *w);            /* stub.c */
void step_pull(struct work *w);            /* pull.c: fetch, verify, decrypt, decide */
void step_deliver(struct work *w);         /* deliver.c: fills the stub */
void step_answer(struct work *w);          /* answer.c: receipt, then the notification goes */
void step_receipt_refresh(struct work *w); /* answer.c: until the sender took the receipt */
void step_prefetch(
    struct work *w);              /* expire.c: a contact's stub is pulled before its time is over */
void step_expire(struct work *w); /* expire.c: a stub whose time is over */
void step_expiry_notice(struct work *w); /* expire.c: a notice takes its place */
void step_recall_apply(struct work *w);  /* vanish.c: a stub whose sender took the message back */
/* group/: replicate.c */
void step_replicate(struct work *w); /* another member's blob is fetched */
void step_drop(struct work *w);      /* it may go, and goes */
void step_fellow_ns(struct work *w); /* another member's notification, into the DHT again */

#endif
