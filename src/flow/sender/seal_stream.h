/* SPDX-License-Identifier: GPL-3.0-or-later */
/* seal_stream.h - a large message is sealed while it is still submitted. The blob lies in the
 * outbox as <hash>.sealed, but nothing names it: only when m's row is committed and step two comes
 * to it is it taken up. Whatever goes wrong before, the step seals from the spool file as it always
 * did; a blob that nobody takes is removed, after a crash by fsck. One message at a time. */
#ifndef RESTANTE_FLOW_SEAL_STREAM_H
#define RESTANTE_FLOW_SEAL_STREAM_H

#include "flow/core/module.h"
#include "flow/sender/recipients.h"
#include "flow/sender/seal_file.h"

extern const struct module seal_stream_module;

/* spool/<id> holds STREAM_FROM octets or more of a message to these receivers. false: it is not
 * sealed while it comes; the other calls may be made all the same. */
bool seal_stream_start(struct services *sv, const uint8_t id[MESSAGE_ID_LEN],
                       const struct recipients *to, uint64_t octets);
/* It holds so many now. */
void seal_stream_more(struct services *sv, const uint8_t id[MESSAGE_ID_LEN], uint64_t octets);
/* It is complete. */
void seal_stream_end(struct services *sv, const uint8_t id[MESSAGE_ID_LEN]);
/* It was refused, or is another now: the blob goes. */
void seal_stream_drop(struct services *sv, const uint8_t id[MESSAGE_ID_LEN]);

/* body, keys: NULL when it failed. What is taken out of body (zeroed) is the callee's. */
typedef void seal_stream_fn(void *ctx, struct sealed_file *body, const struct seal_keys *keys);
/* For the sealing step: true: fn is called, at once or when the blob is durable. false: there is
 * none. */
bool seal_stream_claim(struct services *sv, const uint8_t id[MESSAGE_ID_LEN], seal_stream_fn *fn,
                       void *ctx);

#endif
