/* SPDX-License-Identifier: GPL-3.0-or-later */
/* launcher_wire.h - what the daemon and its launcher say to each other: one packet each of a
 * SOCK_SEQPACKET pair. Both ends are the same program. */
#ifndef RESTANTE_DAEMON_LAUNCHER_WIRE_H
#define RESTANTE_DAEMON_LAUNCHER_WIRE_H

#include <stdint.h>

#define LAUNCH_STRINGS_MAX 4096 /* octets of arguments and environment, with their ends */
#define LAUNCH_WORDS_MAX 32     /* of each */

struct launch_order {
    enum { LAUNCH_START, LAUNCH_SIGNAL } op;
    int signal;
    /* Of a start: so many arguments and, behind them, variables, each with its NUL; descriptor 2
     * comes with the packet. */
    uint32_t args, env, strings_len;
    char strings[LAUNCH_STRINGS_MAX];
};

struct launch_event {
    enum { LAUNCH_STARTED, LAUNCH_ENDED } what;
    int pid;            /* of a start */
    int status, signal; /* of an end */
};

/* The forked process: never returns. */
_Noreturn void launcher_serve(int sock);

#endif
