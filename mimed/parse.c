/* SPDX-License-Identifier: GPL-3.0-or-later */
/* parse.c - a message's skeleton, taken with the settings that Dovecot's index uses for
 * BODYSTRUCTURE (lib-storage/index/index-mail-headers.c). The message is streamed; what is
 * kept are the parts' headers, and those are capped. */
#include "mimed.h"
#include "base/texts.h"
#include "proto/skeleton.h"
#include <lib.h>
#include <istream.h>
#include <message-parser.h>
#include <stdlib.h>
#include <unistd.h>

static const struct message_parser_settings parser_settings = {
    .hdr_flags = MESSAGE_HEADER_PARSER_FLAG_SKIP_INITIAL_LWSP | MESSAGE_HEADER_PARSER_FLAG_DROP_CR,
    .flags = MESSAGE_PARSER_FLAG_SKIP_BODY_BLOCK,
};

/* Watches the limits while the parser runs, so that a hostile message ends early. */
static int check_block(const struct message_block *block, unsigned *parts, struct error *e)
{
    const struct message_part *part = block->part;
    if (block->size > 0)
        return 0;
    if (part->header_size.physical_size > (part->parent == NULL ? HEADER_MAX : SKELETON_MAX))
        return error_set(e, TEXT_MIME_HEADER,
                         (part->parent == NULL ? HEADER_MAX : SKELETON_MAX) / 1024);
    if (block->hdr == NULL && ++*parts > PARTS_MAX)
        return error_set(e, TEXT_MIME_PARTS, PARTS_MAX);
    return 0;
}

/* Runs the parser over the file; *parts_r is in pool. */
static int run_parser(int fd, pool_t pool, struct message_part **parts_r, struct error *e)
{
    struct istream *input = i_stream_create_fd(fd, IO_BLOCK_SIZE);
    struct message_parser_ctx *parser = message_parser_init(pool, input, &parser_settings);
    struct message_block block;
    unsigned parts = 0;
    const char *broken;
    int ret = 0;
    while (ret == 0 && message_parser_parse_next_block(parser, &block) > 0)
        ret = check_block(&block, &parts, e);
    if (message_parser_deinit_from_parts(&parser, parts_r, &broken) < 0 && ret == 0)
        ret = error_set(e, TEXT_MIME_BROKEN, broken);
    if (ret == 0 && input->stream_errno != 0)
        ret = error_set(e, TEXT_MIME_READ, i_stream_get_error(input));
    i_stream_unref(&input);
    return ret;
}

static unsigned kind_of(const struct message_part *part)
{
    unsigned kind = 0;
    if ((part->flags & MESSAGE_PART_FLAG_IS_MIME) != 0)
        kind |= SKELETON_MIME;
    if ((part->flags & MESSAGE_PART_FLAG_TEXT) != 0)
        kind |= SKELETON_TEXT;
    if ((part->flags & MESSAGE_PART_FLAG_MESSAGE_RFC822) != 0)
        kind |= SKELETON_MESSAGE;
    if ((part->flags & MESSAGE_PART_FLAG_MULTIPART) != 0) {
        kind |= SKELETON_MULTIPART;
        if ((part->flags & MESSAGE_PART_FLAG_MULTIPART_DIGEST) != 0)
            kind |= SKELETON_DIGEST;
    }
    return kind;
}

struct walk {
    int fd;
    struct skeleton_part part[PARTS_MAX];
    size_t count;
    struct buf headers; /* one behind the other; their addresses are set when it is complete */
};

/* Appends the part's header to b; -1 when it is beyond b's cap. */
static int read_header(int fd, const struct message_part *part, struct buf *b, struct error *e)
{
    size_t n = (size_t)part->header_size.physical_size;
    uint8_t *to = buf_reserve(b, n);
    if (to == NULL)
        return error_set(e, TEXT_MIME_HEADERS, b->cap);
    for (size_t have = 0; have < n;) {
        ssize_t got = pread(fd, to + have, n - have, (off_t)(part->physical_pos + have));
        if (got <= 0)
            return error_set(e, TEXT_MIME_CHANGED);
        have += (size_t)got;
    }
    b->len += n;
    return 0;
}

/* Adds part, its siblings and all below them. The parser ends nesting at 100 levels. */
static int walk_parts(struct walk *w, const struct message_part *part, struct error *e)
{
    for (; part != NULL; part = part->next) {
        if (w->count == PARTS_MAX)
            return error_set(e, TEXT_MIME_PARTS, PARTS_MAX);
        if ((part->flags & MESSAGE_PART_FLAG_HAS_NULS) != 0)
            return error_set(e, TEXT_MIME_NUL);
        struct skeleton_part *p = &w->part[w->count++];
        *p = (struct skeleton_part){.octets = part->body_size.physical_size,
                                    .lines = part->body_size.lines,
                                    .kind = kind_of(part)};
        for (const struct message_part *c = part->children; c != NULL; c = c->next)
            p->children++;
        if (part->parent != NULL) {
            p->header_len = (size_t)part->header_size.physical_size;
            if (read_header(w->fd, part, &w->headers, e) < 0)
                return -1;
        }
        if (walk_parts(w, part->children, e) < 0)
            return -1;
    }
    return 0;
}

static int write_skeleton(int fd, const struct message_part *root, struct buf *out, struct error *e)
{
    struct walk *w = calloc(1, sizeof *w);
    size_t at = 0;
    if (w == NULL)
        return error_set(e, "Out of memory.");
    w->fd = fd;
    w->headers.cap = SKELETON_MAX;
    int ret = walk_parts(w, root, e);
    for (size_t i = 0; ret == 0 && i < w->count; i++) {
        w->part[i].header = w->headers.data == NULL ? NULL : w->headers.data + at;
        at += w->part[i].header_len;
    }
    if (ret == 0)
        ret = skeleton_encode(&(struct skeleton){w->part, w->count}, out, e);
    buf_free(&w->headers);
    free(w);
    return ret;
}

static int read_from(int fd, const struct message_part *root, struct from *from, struct error *e)
{
    struct buf header = BUF_INIT(HEADER_MAX);
    int ret = read_header(fd, root, &header, e);
    if (ret == 0)
        from_of(header.data, header.len, from);
    buf_free(&header);
    return ret;
}

int parse_message(int fd, struct buf *skeleton, struct parsed *parsed, struct error *e)
{
    pool_t pool = pool_alloconly_create("message parts", 4096);
    struct message_part *root = NULL;
    int ret = run_parser(fd, pool, &root, e);
    if (ret == 0 && (root->header_size.physical_size != root->header_size.virtual_size ||
                     root->body_size.physical_size != root->body_size.virtual_size))
        ret = error_set(e, TEXT_MIME_CR);
    if (ret == 0) {
        parsed->header_octets = root->header_size.physical_size;
        parsed->octets = parsed->header_octets + root->body_size.physical_size;
        ret = read_from(fd, root, &parsed->from, e);
    }
    if (ret == 0)
        ret = write_skeleton(fd, root, skeleton, e);
    pool_unref(&pool);
    return ret;
}
