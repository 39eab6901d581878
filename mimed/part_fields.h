/* SPDX-License-Identifier: GPL-3.0-or-later */
/* part_fields.h - one difference between Debian's updates of Dovecot 2.3.19 under the same version:
 * deb12u7 counts fields and parameters over a message against limits, earlier ones do not. */
#ifndef MIMED_PART_FIELDS_H
#define MIMED_PART_FIELDS_H

#include <lib.h>
#include <message-part-data.h>

#ifdef HAVE_PART_DATA_LIMITS
typedef struct message_part_data_limits part_limits;
#define PART_LIMITS_INIT MESSAGE_PART_DATA_LIMITS_INIT
#define part_take_field(pool, part, limits, hdr)                                                   \
    message_part_data_parse_from_header(pool, part, limits, hdr)
#else
typedef int part_limits;
#define PART_LIMITS_INIT 0
#define part_take_field(pool, part, limits, hdr)                                                   \
    ((void)(limits), message_part_data_parse_from_header(pool, part, hdr))
#endif

#endif
