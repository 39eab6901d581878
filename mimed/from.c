/* SPDX-License-Identifier: GPL-3.0-or-later */
/* from.c - whose address will a mail program show? Read with Dovecot's parsers, but Dovecot is
 * lenient: of "alice@a <bob@b>" it takes alice@a and drops the rest, where mail programs show
 * bob@b. So that one address counts as one only where there is nothing to be read in two ways. */
#include "mimed.h"
#include <stdio.h>
#include <lib.h>
#include <istream.h>
#include <str.h>
#include <message-address.h>
#include <message-parser.h>

#define COUNT_MAX 1000 /* addresses looked at in one field, and fields looked at after as many */
#define HEADER_FLAGS                                                                               \
    (MESSAGE_HEADER_PARSER_FLAG_SKIP_INITIAL_LWSP | MESSAGE_HEADER_PARSER_FLAG_DROP_CR)
/* an address of our own, to see whether the parser comes so far */
#define BEHIND_NAME "behind"
#define BEHIND_DOMAIN "it"
#define BEHIND "," BEHIND_NAME "@" BEHIND_DOMAIN

struct fields {
    pool_t pool;
    struct from *from;
    unsigned fields;
};

static bool is_mailbox(const struct message_address *a)
{
    return a->mailbox != NULL && a->mailbox[0] != '\0' && a->domain != NULL && a->domain[0] != '\0';
}

static const struct message_address *addresses(pool_t pool, const void *p, size_t n)
{
    return message_address_parse(pool, p, n, COUNT_MAX, (enum message_address_parse_flags)0);
}

static bool has_control(const char *s)
{
    for (; *s != '\0'; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            return TRUE;
    return FALSE;
}

/* a came of the field's value alone. Is it all there is in it, and can it be read in no other way?
 */
static bool is_plain(pool_t pool, const struct message_address *a, const uint8_t *value, size_t n)
{
    const char *text = p_strconcat(pool, a->mailbox, "@", a->domain, NULL);
    string_t *longer = str_new(pool, n + sizeof BEHIND);
    if (a->next != NULL || a->invalid_syntax || a->route != NULL || has_control(text) ||
        strchr(a->mailbox, '@') != NULL || strchr(a->domain, '@') != NULL)
        return FALSE;
    if (strlen(text) > MIME_FROM_MAX || memmem(value, n, text, strlen(text)) == NULL)
        return FALSE;
    str_append_data(longer, value, n);
    str_append(longer, BEHIND);
    const struct message_address *again = addresses(pool, str_data(longer), str_len(longer));
    return again != NULL && again->next != NULL && again->next->next == NULL &&
           !again->next->invalid_syntax && is_mailbox(again->next) &&
           strcmp(again->next->mailbox, BEHIND_NAME) == 0 &&
           strcmp(again->next->domain, BEHIND_DOMAIN) == 0;
}

static void take_field(struct message_header_line *hdr, struct fields *f)
{
    if (hdr == NULL || hdr->name_len != 4 || strcasecmp(hdr->name, "From") != 0)
        return;
    if (hdr->continues) {
        hdr->use_full_value = TRUE;
        return;
    }
    f->fields++;
    if (f->from->count > COUNT_MAX)
        return;
    const struct message_address *a = addresses(f->pool, hdr->full_value, hdr->full_value_len);
    f->from->address[0] = '\0';
    for (const struct message_address *at = a; at != NULL; at = at->next)
        f->from->count += is_mailbox(at);
    if (f->from->count == 1 && a != NULL && is_mailbox(a) &&
        is_plain(f->pool, a, hdr->full_value, hdr->full_value_len))
        (void)snprintf(f->from->address, sizeof f->from->address, "%s@%s", a->mailbox, a->domain);
    p_clear(f->pool);
}

/* What ends a line for some programs and not for others, or a text. */
static bool is_odd(const uint8_t *header, size_t n)
{
    if (n > 0 && IS_LWSP(header[0]))
        return TRUE;
    for (size_t i = 0; i < n; i++)
        if (header[i] == '\0' || (header[i] == '\r' && (i + 1 == n || header[i + 1] != '\n')))
            return TRUE;
    return FALSE;
}

void from_of(const uint8_t *header, size_t n, struct from *from)
{
    struct fields f = {.pool = pool_alloconly_create("from", 1024), .from = from};
    struct istream *input = i_stream_create_from_data(n == 0 ? (const uint8_t *)"" : header, n);
    struct message_size size;
    *from = (struct from){0};
    message_parse_header(input, &size, HEADER_FLAGS, take_field, &f);
    i_stream_unref(&input);
    pool_unref(&f.pool);
    if (f.fields != 1 || from->address[0] == '\0' || is_odd(header, n)) {
        from->address[0] = '\0';
        if (from->count == 1)
            from->count = 0;
    }
}
