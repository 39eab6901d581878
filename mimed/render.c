/* SPDX-License-Identifier: GPL-3.0-or-later */
/* render.c - a skeleton back into the tree that Dovecot's writer of BODYSTRUCTURE takes. The
 * skeleton has been checked by its decoder: the writer asserts what that guarantees (a message has
 * exactly one child), and it calls itself once per level. */
#include "mimed.h"
#include "mime/wire.h"
#include "proto/skeleton.h"
#include <lib.h>
#include <istream.h>
#include <str.h>
#include <message-parser.h>
#include "part_fields.h"
#include <imap-bodystructure.h>

#define HEADER_FLAGS                                                                               \
    (MESSAGE_HEADER_PARSER_FLAG_SKIP_INITIAL_LWSP | MESSAGE_HEADER_PARSER_FLAG_DROP_CR)

struct fields { /* of one part, on their way into its data */
    pool_t pool;
    struct message_part *part;
    part_limits *limits; /* Dovecot counts them over the whole message */
};

static enum message_part_flags flags_of(unsigned kind)
{
    unsigned flags = 0;
    if (kind & SKELETON_MIME)
        flags |= MESSAGE_PART_FLAG_IS_MIME;
    if (kind & SKELETON_TEXT)
        flags |= MESSAGE_PART_FLAG_TEXT;
    if (kind & SKELETON_MULTIPART)
        flags |= MESSAGE_PART_FLAG_MULTIPART;
    if (kind & SKELETON_DIGEST)
        flags |= MESSAGE_PART_FLAG_MULTIPART_DIGEST;
    if (kind & SKELETON_MESSAGE)
        flags |= MESSAGE_PART_FLAG_MESSAGE_RFC822;
    return (enum message_part_flags)flags;
}

/* Links the parts, which stand depth first, into a tree. left[i]: children of i not yet seen. */
static void link_parts(const struct skeleton *s, struct message_part *part)
{
    unsigned left[PARTS_MAX];
    struct message_part *last_child[PARTS_MAX];
    size_t parent = 0;
    for (size_t i = 0; i < s->count; i++) {
        part[i].flags = flags_of(s->part[i].kind);
        part[i].header_size.physical_size = part[i].header_size.virtual_size =
            s->part[i].header_len;
        part[i].body_size.physical_size = part[i].body_size.virtual_size = s->part[i].octets;
        part[i].body_size.lines = s->part[i].lines;
        left[i] = s->part[i].children;
        last_child[i] = NULL;
        if (i == 0)
            continue;
        while (left[parent] == 0)
            parent = (size_t)(part[parent].parent - part);
        part[i].parent = &part[parent];
        if (last_child[parent] == NULL)
            part[parent].children = &part[i];
        else
            last_child[parent]->next = &part[i];
        last_child[parent] = &part[i];
        left[parent]--;
        parent = i;
    }
}

static void take_field(struct message_header_line *hdr, struct fields *f)
{
    part_take_field(f->pool, f->part, f->limits, hdr);
}

static void read_fields(const uint8_t *header, size_t n, struct fields *f)
{
    struct istream *input = i_stream_create_from_data(n == 0 ? (const uint8_t *)"" : header, n);
    struct message_size size;
    message_parse_header(input, &size, HEADER_FLAGS, take_field, f);
    i_stream_unref(&input);
}

/* Dovecot's writer asserts that a multipart's own header calls it one; its parser sees to that, a
 * stranger need not. The other way round the writer copes, and it compares what is text by itself.
 */
static int check_multiparts(const struct message_part *part, size_t count, struct error *e)
{
    for (size_t i = 0; i < count; i++) {
        const struct message_part_data *data = part[i].data;
        if ((part[i].flags & MESSAGE_PART_FLAG_MULTIPART) != 0 &&
            (data->content_type == NULL || strcasecmp(data->content_type, "multipart") != 0))
            return error_set(e, "The structure contradicts its headers: a multipart mismatch.");
    }
    return 0;
}

static int render_parts(pool_t pool, const uint8_t *header, size_t header_len,
                        const struct skeleton *s, string_t *text, struct error *e)
{
    part_limits limits = PART_LIMITS_INIT;
    struct message_part *part = p_new(pool, struct message_part, s->count);
    const char *why;
    link_parts(s, part);
    for (size_t i = 0; i < s->count; i++) {
        struct fields f = {.pool = pool, .part = &part[i], .limits = &limits};
        if (i == 0)
            read_fields(header, header_len, &f);
        else
            read_fields(s->part[i].header, s->part[i].header_len, &f);
    }
    if (check_multiparts(part, s->count, e) < 0)
        return -1;
    if (imap_bodystructure_write(part, text, TRUE, &why) < 0)
        return error_set(e, "The structure contradicts its headers: %s.", why);
    return 0;
}

int render_structure(const uint8_t *header, size_t header_len, const uint8_t *skeleton,
                     size_t skeleton_len, struct buf *out, struct error *e)
{
    struct skeleton s;
    if (skeleton_decode(skeleton, skeleton_len, &s, e) < 0)
        return -1;
    pool_t pool = pool_alloconly_create("rendered parts", 4096);
    string_t *text = str_new(default_pool, 1024);
    int ret = render_parts(pool, header, header_len, &s, text, e);
    if (ret == 0 &&
        (str_len(text) > MIME_STRUCTURE_MAX || buf_append(out, str_data(text), str_len(text)) < 0))
        ret = error_set(e, "The structure is too large when written out.");
    str_free(&text);
    pool_unref(&pool);
    skeleton_free(&s);
    return ret;
}
