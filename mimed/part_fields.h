/* SPDX-License-Identifier: GPL-3.0-or-later */
/* part_fields.h - one difference between Debian's updates of Dovecot 2.3.19 under the same version
 * and ABI string: deb12u7 counts fields and parameters over a message against limits, earlier ones
 * do not, and so their function has a parameter less. The library that is there decides, not the
 * one of the build. */
#ifndef MIMED_PART_FIELDS_H
#define MIMED_PART_FIELDS_H

#include <lib.h>
#include <message-part-data.h>

#ifdef HAVE_PART_DATA_LIMITS
typedef struct message_part_data_limits part_limits;
#define PART_LIMITS_INIT MESSAGE_PART_DATA_LIMITS_INIT
#else
typedef struct { /* as deb12u7 has them */
    unsigned addresses, language_tags, mime_params;
} part_limits;
#define PART_LIMITS_INIT                                                                           \
    {                                                                                              \
        100000, 100000, 200000                                                                     \
    }
#endif

struct message_header_line;

/* Takes one field of a part's header into the part's data; limits are the message's. */
void part_take_field(pool_t pool, struct message_part *part, part_limits *limits,
                     struct message_header_line *hdr);

#endif
