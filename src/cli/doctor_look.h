/* SPDX-License-Identifier: GPL-3.0-or-later */
/* doctor_look.h - what `restante doctor` looks at itself, whether a daemon runs or not: each line
 * goes into h. */
#ifndef RESTANTE_CLI_DOCTOR_LOOK_H
#define RESTANTE_CLI_DOCTOR_LOOK_H

#include "daemon/checks.h"
#include "daemon/config.h"

/* The secret key: can it be read, is it valid and until when, was it made before now? */
void doctor_key(struct checks *h, const char *home);
/* The host names of the bootstrap nodes and of the own endpoints, each asked for at most 5 s. */
void doctor_names(struct checks *h, const struct config *c);
/* restanted, restante-dht and restante-mime are started for real. */
void doctor_programs(struct checks *h);
/* Dovecot's version, and its configuration of this home as doveconf reads it. */
void doctor_dovecot(struct checks *h, const char *home);

#endif
