/* SPDX-License-Identifier: GPL-3.0-or-later */
/* seal_bench.h - Alice, whose peer seals and does nothing else, and two receivers whose keys it
 * knows. */
#ifndef RESTANTE_TEST_SEAL_BENCH_H
#define RESTANTE_TEST_SEAL_BENCH_H

#include "flow_peer.h"
#include "flow/core/step.h"

QUEUE(seal);

extern struct flow_peer alice, bob, carol;
extern const char *const to_bob[];
/* cmocka's setup and teardown, of a group and of a test: Alice is new for each. */
int seal_open(void **state);
int seal_shut(void **state);
int fresh(void **state);
int clean(void **state);

/* Alice's peer anew, as after a restart, sealing or not. */
void again(bool seals);
int64_t receiver_of(int64_t message, const char *address);
enum rcv_state state_of(int64_t receiver);
#define TRIES(message) peer_int(&alice, "SELECT tries FROM message WHERE n=?", message)
/* And published, if it is small. */
void until_sealed(int64_t message, int64_t receiver);
/* Nothing stands in the outbox or the tables. */
void nothing_was_made(void);
/* What is to be put into the DHT opens for this receiver to a notification of this message that
 * holds all that is announced; the row's secrets are those inside, and the blob, whose file has
 * this suffix, opens to m. */
void announces(const struct flow_peer *to, int64_t receiver, const void *m, size_t n,
               const char *suffix, bool head_blob);

#endif
