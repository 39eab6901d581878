/* SPDX-License-Identifier: GPL-3.0-or-later */
/* part_fields.c - see part_fields.h. */
#include "part_fields.h"
#include <message-header-parser.h>
#include <message-part.h>

typedef void with_limits(pool_t pool, struct message_part *part, void *limits,
                         struct message_header_line *hdr);
typedef void without_limits(pool_t pool, struct message_part *part,
                            struct message_header_line *hdr);

/* Volatile: the compiler knows one declaration, and would take a call by the other for a mistake.
 */
static void (*volatile const parse)(void) = (void (*)(void))message_part_data_parse_from_header;

static struct message_header_line line(const char *name, const char *value)
{
    return (struct message_header_line){.name = name,
                                        .name_len = strlen(name),
                                        .value = (const unsigned char *)value,
                                        .value_len = strlen(value),
                                        .full_value = (const unsigned char *)value,
                                        .full_value_len = strlen(value)};
}

/* Both kinds can be called with four arguments. Where the third is the field, it is one that means
 * nothing; where the fourth is, it is one that leaves a trace; the limits are not looked at. */
static bool takes_limits(void)
{
    struct message_header_line nothing = line("X-Nothing", "x");
    struct message_header_line type = line("Content-Type", "text/plain");
    pool_t pool = pool_alloconly_create("part fields", 1024);
    struct message_part *part = p_new(pool, struct message_part, 1);
    bool took;

    ((with_limits *)parse)(pool, part, &nothing, &type);
    took = part->data != NULL && part->data->content_type != NULL;
    pool_unref(&pool);
    return took;
}

void part_take_field(pool_t pool, struct message_part *part, part_limits *limits,
                     struct message_header_line *hdr)
{
    static int kind = -1;

    if (kind < 0)
        kind = takes_limits() ? 1 : 0;
    if (kind == 1)
        ((with_limits *)parse)(pool, part, limits, hdr);
    else
        ((without_limits *)parse)(pool, part, hdr);
}
