/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dht_frames.h - what a peer and its restante-dht say to each other on the local socket (P-8).
 * A frame is a 4-octet big-endian length and that many octets of deterministic CBOR: an array
 * [verb: uint, request: uint, ...]. Both sides refuse a frame that is not exact and drop the
 * connection. */
#ifndef RESTANTE_PROTO_DHT_FRAMES_H
#define RESTANTE_PROTO_DHT_FRAMES_H

#include "base/buf.h"
#include "base/crypt.h"
#include "base/error.h"
#include "proto/entry.h"

#define DHT_FRAME_MAX (128 * 1024)

/* The structs and the encode/decode functions are the DHT part's to define below this line. */

#endif
