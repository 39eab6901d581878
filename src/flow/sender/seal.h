/* SPDX-License-Identifier: GPL-3.0-or-later */
/* seal.h - what one sealing takes and makes: used by seal.c (the step) and seal_ns.c (the
 * notifications). */
#ifndef RESTANTE_FLOW_SEAL_H
#define RESTANTE_FLOW_SEAL_H

#include "flow/sender/seal_file.h"
#include "flow/core/scheduler.h"
#include "store/outgoing.h"
#include "pgp/pgp.h"
#include "base/jobs.h"
#include "flow/core/step.h"

struct sealing {
    struct job job;
    struct work *w;
    struct services *services;
    struct out_message m;
    struct seal_keys keys;
    int64_t *rows;   /* of these receivers */
    bool has_master; /* in an accepted group */
    uint8_t master_fpr[FPR_LEN];
    struct sealed_file body, head;
    bool has_body, has_head;
    struct sealed_receiver *made;
    int rc;
    struct error why;
};

/* Signs and encrypts the notification of receiver i into made[i]. 1: it is larger than
 * NOTIFICATION_MAX, a head blob is needed first (only while !has_head). Worker thread. */
int seal_notification(struct sealing *s, struct pgp *pgp, size_t i, struct error *e);

#endif
