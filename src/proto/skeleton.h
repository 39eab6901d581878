/* SPDX-License-Identifier: GPL-3.0-or-later */
/* skeleton.h - a message's MIME structure without its contents: per part its header's octets, and how
 * many octets and lines header and body have (P-4.6). CBOR, deterministic. */
#ifndef RESTANTE_PROTO_SKELETON_H
#define RESTANTE_PROTO_SKELETON_H

#include "base/buf.h"
#include "base/error.h"
#include "proto/limits.h"

/* The structs and functions are the MIME part's to define below this line. */

#endif
