/* SPDX-License-Identifier: GPL-3.0-or-later */
/* skeleton.c - see skeleton.h. Encoder and decoder share one check of the tree, so that what a peer
 * writes is what a peer reads. */
#include "proto/skeleton.h"
#include "proto/cbor_in.h"
#include "proto/cbor_out.h"
#include <stdbool.h>
#include <stdlib.h>

#define PART_FIELDS 5
#define KIND_ALL                                                                                   \
    (SKELETON_MIME | SKELETON_TEXT | SKELETON_MULTIPART | SKELETON_DIGEST | SKELETON_MESSAGE)

struct level { /* a part whose children are being walked */
    unsigned children;
    uint64_t octets; /* of its body, not yet accounted for by children */
};

/* What one part may say of itself; NULL when all is well, else a sentence. */
static const char *check_part(const struct skeleton_part *p, bool root)
{
    unsigned kinds = (p->kind & SKELETON_TEXT ? 1 : 0) + (p->kind & SKELETON_MULTIPART ? 1 : 0) +
                     (p->kind & SKELETON_MESSAGE ? 1 : 0);

    if ((p->kind & ~(unsigned)KIND_ALL) != 0)
        return "A part of the structure has an unknown kind.";
    if (kinds > 1 || ((p->kind & SKELETON_DIGEST) && !(p->kind & SKELETON_MULTIPART)))
        return "A part of the structure is of two kinds at once.";
    if (!(p->kind & SKELETON_MIME) && p->kind != SKELETON_TEXT)
        return "A part of the structure without MIME fields is not text.";
    if ((p->kind & SKELETON_MESSAGE) && p->children != 1)
        return "A message inside the message does not have exactly one child.";
    if (!(p->kind & (SKELETON_MESSAGE | SKELETON_MULTIPART)) && p->children != 0)
        return "A part of the structure that cannot have children has some.";
    if (root && p->header_len != 0)
        return "The structure repeats the message's own header.";
    if (p->header_len > SKELETON_MAX || p->octets > SKELETON_OCTETS_MAX || p->lines > p->octets)
        return "A part of the structure has impossible sizes.";
    return NULL;
}

static const char *check_tree(const struct skeleton *s)
{
    struct level stack[SKELETON_DEPTH_MAX];
    size_t depth = 0;

    if (s->count == 0 || s->count > PARTS_MAX)
        return "The structure has no parts, or too many.";
    for (size_t i = 0; i < s->count; i++) {
        const struct skeleton_part *p = &s->part[i];
        const char *why = check_part(p, i == 0);

        if (why != NULL)
            return why;
        while (depth > 0 && stack[depth - 1].children == 0)
            depth--;
        if (i > 0) {
            if (depth == 0)
                return "The structure has parts outside its tree.";
            struct level *parent = &stack[depth - 1];
            if (p->header_len + p->octets > parent->octets)
                return "The structure's parts are larger than what holds them.";
            parent->octets -= p->header_len + p->octets;
            parent->children--;
        }
        if (p->children > s->count - 1 - i)
            return "The structure lacks parts that it announces.";
        if (depth == SKELETON_DEPTH_MAX)
            return "The structure's parts are nested too deeply.";
        stack[depth++] = (struct level){.children = p->children, .octets = p->octets};
    }
    while (depth > 0)
        if (stack[--depth].children != 0)
            return "The structure lacks parts that it announces.";
    return NULL;
}

int skeleton_encode(const struct skeleton *s, struct buf *out, struct error *e)
{
    struct cbor_out cbor;
    size_t start = out->len;
    const char *why = check_tree(s);

    if (why != NULL)
        return error_set(e, "%s", why);
    cbor_out_init(&cbor, out);
    cbor_out_array(&cbor, s->count);
    for (size_t i = 0; i < s->count; i++) {
        const struct skeleton_part *p = &s->part[i];

        cbor_out_array(&cbor, PART_FIELDS);
        cbor_out_bytes(&cbor, p->header, p->header_len);
        cbor_out_uint(&cbor, p->octets);
        cbor_out_uint(&cbor, p->lines);
        cbor_out_uint(&cbor, p->kind);
        cbor_out_uint(&cbor, p->children);
        if (out->len - start > SKELETON_MAX)
            cbor_out_fail(&cbor);
    }
    if (cbor_out_end(&cbor) < 0)
        return error_set(e, "The headers of the message's parts are too large (over %d octets).",
                         SKELETON_MAX);
    return 0;
}

static void decode_part(struct cbor_in *in, struct skeleton_part *p)
{
    struct span header = {NULL, 0};
    uint64_t lines = 0, kind = 0, children = 0;

    (void)cbor_in_array_of(in, PART_FIELDS);
    (void)cbor_in_bytes(in, SKELETON_MAX, &header);
    (void)cbor_in_uint(in, SKELETON_OCTETS_MAX, &p->octets);
    (void)cbor_in_uint(in, UINT32_MAX, &lines);
    (void)cbor_in_uint(in, KIND_ALL, &kind);
    (void)cbor_in_uint(in, PARTS_MAX - 1, &children);
    (void)cbor_in_leave(in);
    p->header = header.p;
    p->header_len = header.n;
    p->lines = (uint32_t)lines;
    p->kind = (unsigned)kind;
    p->children = (unsigned)children;
}

int skeleton_decode(const uint8_t *p, size_t n, struct skeleton *s, struct error *e)
{
    struct cbor_in in;
    size_t count = 0;
    const char *why;

    *s = (struct skeleton){NULL, 0};
    if (n > SKELETON_MAX)
        return error_set(e, "The structure is too large.");
    cbor_in_init(&in, p, n);
    if (cbor_in_array(&in, PARTS_MAX, &count) == 0 && count > 0) {
        s->part = calloc(count, sizeof *s->part);
        if (s->part == NULL)
            return error_set(e, "Out of memory.");
        s->count = count;
        for (size_t i = 0; i < count && in.failed == NULL; i++)
            decode_part(&in, &s->part[i]);
    }
    (void)cbor_in_leave(&in);
    if (cbor_in_end(&in, e) < 0) {
        skeleton_free(s);
        return -1;
    }
    why = check_tree(s);
    if (why != NULL) {
        skeleton_free(s);
        return error_set(e, "%s", why);
    }
    return 0;
}

void skeleton_free(struct skeleton *s)
{
    free(s->part);
    *s = (struct skeleton){NULL, 0};
}
