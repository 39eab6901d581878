/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_parse.c - any octets as a message (each LF made CRLF first). What is rendered from header
 * and skeleton must be what Dovecot's functions say when they read the message at once. */
#include "mimed.h"
#include "mime/wire.h"
#include "proto/limits.h"

#include <lib.h>
#include <istream.h>
#include <str.h>
#include <message-parser.h>
#include "part_fields.h"
#include <imap-bodystructure.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static part_limits limits;

static void take_field(struct message_part *part, struct message_header_line *hdr, pool_t pool)
{
    part_take_field(pool, part, &limits, hdr);
}

/* As Dovecot's index does it. NULL: it cannot say. */
static string_t *read_at_once(const struct buf *m, pool_t pool)
{
    static const struct message_parser_settings set = {
        .hdr_flags =
            MESSAGE_HEADER_PARSER_FLAG_SKIP_INITIAL_LWSP | MESSAGE_HEADER_PARSER_FLAG_DROP_CR,
        .flags = MESSAGE_PARSER_FLAG_SKIP_BODY_BLOCK,
    };
    struct istream *input = i_stream_create_from_data(m->data, m->len);
    struct message_parser_ctx *parser = message_parser_init(pool, input, &set);
    struct message_size header;
    struct message_part *parts;
    string_t *text = str_new(pool, 1024);
    const char *why;

    limits = (part_limits)PART_LIMITS_INIT;
    message_parser_parse_header(parser, &header, take_field, pool);
    message_parser_parse_body(parser, take_field, pool);
    message_parser_deinit(&parser, &parts);
    i_stream_unref(&input);
    return imap_bodystructure_write(parts, text, TRUE, &why) < 0 ? NULL : text;
}

static void compare(const struct buf *m)
{
    struct buf skeleton = BUF_INIT(SKELETON_MAX), ours = BUF_INIT(MIME_STRUCTURE_MAX);
    struct parsed parsed;
    struct error e;
    int fd = memfd_create("message", MFD_CLOEXEC);

    if (fd < 0 || write(fd, m->data, m->len) != (ssize_t)m->len)
        abort();
    if (parse_message(fd, &skeleton, &parsed, &e) == 0) {
        pool_t pool = pool_alloconly_create("at once", 4096);
        string_t *theirs = read_at_once(m, pool);

        if (parsed.octets != m->len || parsed.header_octets > m->len)
            abort();
        if (render_structure(m->data, (size_t)parsed.header_octets, skeleton.data, skeleton.len,
                             &ours, &e) != 0) {
            if (theirs != NULL)
                i_panic("not rendered: %s", e.text);
        } else if (theirs == NULL || str_len(theirs) != ours.len ||
                   memcmp(str_data(theirs), ours.data, ours.len) != 0) {
            i_panic("rendered %.*s instead of %s", (int)ours.len, (const char *)ours.data,
                    theirs == NULL ? "nothing" : str_c(theirs));
        }
        pool_unref(&pool);
    }
    (void)close(fd);
    buf_free(&skeleton);
    buf_free(&ours);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int started;
    struct buf m = BUF_INIT(2 * 1024 * 1024);

    if (!started)
        lib_init();
    started = 1;
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '\n' && (i == 0 || data[i - 1] != '\r') && buf_append(&m, "\r", 1) < 0)
            break;
        if (buf_append(&m, data + i, 1) < 0)
            break;
    }
    if (m.len > 0) {
        T_BEGIN
        {
            compare(&m);
        }
        T_END;
    }
    buf_free(&m);
    return 0;
}
