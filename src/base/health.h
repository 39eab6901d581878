/* SPDX-License-Identifier: GPL-3.0-or-later */
/* health.h - how one part of a running peer is doing, as `restante status` tells it: each part
 * fills one of these when it is asked (src/daemon/parts.c has the list). */
#ifndef RESTANTE_BASE_HEALTH_H
#define RESTANTE_BASE_HEALTH_H

enum health_state {
    HEALTH_OK,
    HEALTH_STARTING, /* not there yet, and nothing says that it will not be */
    HEALTH_WRONG     /* cause and todo say why, and what to do */
};

struct health {
    enum health_state state;
    char cause[640]; /* what is wrong, one sentence; "" when nothing is */
    char todo[320];  /* what its user can do, one sentence; "" likewise */
};

#endif
