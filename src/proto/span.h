/* SPDX-License-Identifier: GPL-3.0-or-later */
/* span.h - some bytes that belong to somebody else. */
#ifndef RESTANTE_PROTO_SPAN_H
#define RESTANTE_PROTO_SPAN_H

#include <stddef.h>
#include <stdint.h>

struct span { /* bytes inside a decoded buffer, or lent for encoding; never owned */
    const uint8_t *p;
    size_t n;
};

#endif
