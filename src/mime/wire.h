/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wire.h - what daemon and restante-mime say to each other over their socket pair.
 *
 *   frame    = length (4 octets, big-endian, of what follows), verb (1 octet), payload
 *   'S'      parse the message whose descriptor comes with the frame's first octet (SCM_RIGHTS)
 *   'R'      render: length of the header (4 octets), header, skeleton
 *   answers:
 *   'H'      hello: it runs and has confined itself; once, before the first request is sent
 *   'P'      parsed: from, octets of the header (8), octets of the message (8), skeleton
 *   'B'      rendered: from, the text of BODYSTRUCTURE
 *   'N'      refused: a sentence
 *   from     = addresses in the From fields (4), the address when that is 1, NULs up to 321 octets
 *
 * One request, one answer, in turn, after the hello. Anything else ends the connection. */
#ifndef RESTANTE_MIME_WIRE_H
#define RESTANTE_MIME_WIRE_H

#include "proto/limits.h"
#include <stdint.h>

enum mime_verb {
    MIME_HELLO = 'H',
    MIME_PARSE = 'S',
    MIME_RENDER = 'R',
    MIME_PARSED = 'P',
    MIME_RENDERED = 'B',
    MIME_NO = 'N'
};

#define MIME_HEAD 5 /* length and verb */
#define MIME_STRUCTURE_MAX (4 * 1024 * 1024)
#define MIME_REQUEST_MAX (MIME_HEAD + 4 + HEADER_MAX + SKELETON_MAX)
#define MIME_FROM_MAX 320                     /* octets of the address in From */
#define MIME_FROM_LEN (4 + MIME_FROM_MAX + 1) /* of "from" in an answer */
#define MIME_ANSWER_MAX (MIME_HEAD + MIME_FROM_LEN + MIME_STRUCTURE_MAX)

static inline void mime_put32(uint8_t *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static inline uint32_t mime_get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void mime_put64(uint8_t *p, uint64_t v)
{
    mime_put32(p, (uint32_t)(v >> 32));
    mime_put32(p + 4, (uint32_t)v);
}

static inline uint64_t mime_get64(const uint8_t *p)
{
    return (uint64_t)mime_get32(p) << 32 | mime_get32(p + 4);
}

#endif
