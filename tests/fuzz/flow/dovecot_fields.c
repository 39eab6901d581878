/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dovecot_fields.c - see dovecot_fields.h. */
#include "dovecot_fields.h"
#include <string.h>
#include <lib.h>
#include <istream.h>
#include <message-parser.h>

struct counting {
    const char *name;
    unsigned count;
};

static void take_field(struct message_header_line *hdr, struct counting *c)
{
    if (hdr != NULL && !hdr->continued && hdr->name_len == strlen(c->name) &&
        strcasecmp(hdr->name, c->name) == 0)
        c->count++;
}

unsigned dovecot_count(const uint8_t *header, size_t n, const char *name)
{
    static int started;
    struct counting c = {.name = name};
    struct message_size size;

    if (!started)
        lib_init();
    started = 1;
    struct istream *input = i_stream_create_from_data(n == 0 ? (const uint8_t *)"" : header, n);
    message_parse_header(input, &size, (enum message_header_parser_flags)0, take_field, &c);
    i_stream_unref(&input);
    return c.count;
}
