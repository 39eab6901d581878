/* SPDX-License-Identifier: GPL-3.0-or-later */
/* offline.h - why a look-up in the DHT did not come to an end: this peer's node, this computer's
 * connection, the others, or only some of them. */
#ifndef RESTANTE_FLOW_OFFLINE_H
#define RESTANTE_FLOW_OFFLINE_H

#include "flow/core/services.h"

enum offline_cause {
    OFFLINE_NODE,   /* this peer's DHT node does not run */
    OFFLINE_CABLE,  /* this computer has no address but its loopback's */
    OFFLINE_FIRST,  /* no other node is known: the configuration names none */
    OFFLINE_OTHERS, /* no other node answers */
    OFFLINE_SOME,   /* connected, but not enough of them answered */
};
enum offline_cause offline_why(const struct services *sv);
/* The beginning of a sentence: "No other node of the network answers". Static. */
const char *offline_words(enum offline_cause o);

#endif
