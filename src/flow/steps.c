/* SPDX-License-Identifier: GPL-3.0-or-later */
/* steps.c - every step there is, in the order of a message's way; see steps.h. */
#include "flow/steps.h"

#define STEPS(X)                                                                                   \
    /* sender */                                                                                   \
    X(lookup)         /* a receiver's key */                                                       \
    X(seal)           /* sign, encrypt, hash; notifications made */                                \
    X(publish)        /* the blob becomes fetchable */                                             \
    X(announce)       /* ns into the DHT */                                                        \
    X(reput)          /* and again every hour */                                                   \
    X(local_delivery) /* mail to oneself, into the inbox */                                        \
    X(sent)           /* the copy in Sent */                                                       \
    X(outbox_line)    /* the message's line in the mailbox Outgoing */                             \
    X(blob_gc)        /* a blob nobody waits for */                                                \
    X(dht_gc)         /* ns and nr of an ended receiver leave the DHT */                           \
    X(spool_gc)       /* the spool file goes */                                                    \
    X(dsn)            /* the user hears of what failed */                                          \
    X(delay_notice)   /* and, where that is asked for, of what is not fetched for long */          \
    X(recall)         /* closes the blob of a message taken back */                                \
    X(cancel)         /* posts the cancellation, until it is answered */                           \
    X(blob_recovery)  /* a blob whose file is missing is taken back */                             \
    /* receiver (discover.c finds what is new) */                                                  \
    X(stub)            /* the stub's file in the Maildir */                                        \
    X(pull)            /* fetch, verify, decrypt, decide */                                        \
    X(deliver)         /* fills the stub */                                                        \
    X(answer)          /* receipt, then the notification goes */                                   \
    X(receipt_refresh) /* until the sender took the receipt */                                     \
    X(prefetch)        /* a contact's stub is pulled before its time is over */                    \
    X(recall_apply)    /* a stub whose sender took the message back */                             \
    X(expire)          /* a stub whose time is over */                                             \
    X(expiry_notice)   /* a notice takes its place */                                              \
    /* group */                                                                                    \
    X(replicate)    /* another member's blob is fetched */                                         \
    X(replica_drop) /* it may go, and goes */                                                      \
    X(member_ns)    /* another member's notification, into the DHT again */

#define DECLARE(name) extern const struct step step_##name;
#define POINT(name) &step_##name,
STEPS(DECLARE)

const struct step *const flow_steps[] = {STEPS(POINT) NULL};
