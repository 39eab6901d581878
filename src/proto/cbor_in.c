/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cbor_in.c - strict reading of deterministic CBOR. libcbor's stateless decoder splits off one item
 * head at a time; all that makes the input deterministic and bounded is checked here (P-1.5). */
#include "proto/cbor_in.h"

#include <cbor.h>
#include <string.h>

enum cbor_kind {
    KIND_NONE,
    KIND_UINT,
    KIND_BYTES,
    KIND_TEXT,
    KIND_ARRAY,
    KIND_MAP,
    KIND_BOOL,
    KIND_BAD
};

struct cbor_item {
    enum cbor_kind kind;
    uint64_t value; /* integer, count, or 0/1 */
    struct span s;
};

static void got(void *ctx, enum cbor_kind kind, uint64_t value)
{
    struct cbor_item *it = ctx;
    it->kind = kind;
    it->value = value;
}

static void on_uint8(void *ctx, uint8_t v)
{
    got(ctx, KIND_UINT, v);
}
static void on_uint16(void *ctx, uint16_t v)
{
    got(ctx, KIND_UINT, v);
}
static void on_uint32(void *ctx, uint32_t v)
{
    got(ctx, KIND_UINT, v);
}
static void on_uint64(void *ctx, uint64_t v)
{
    got(ctx, KIND_UINT, v);
}
static void on_bytes(void *ctx, cbor_data p, size_t n)
{
    got(ctx, KIND_BYTES, n);
    ((struct cbor_item *)ctx)->s = (struct span){p, n};
}
static void on_text(void *ctx, cbor_data p, size_t n)
{
    got(ctx, KIND_TEXT, n);
    ((struct cbor_item *)ctx)->s = (struct span){p, n};
}
static void on_array(void *ctx, size_t n)
{
    got(ctx, KIND_ARRAY, n);
}
static void on_map(void *ctx, size_t n)
{
    got(ctx, KIND_MAP, n);
}
static void on_bool(void *ctx, bool v)
{
    got(ctx, KIND_BOOL, v);
}
static void bad_int8(void *ctx, uint8_t v)
{
    (void)v;
    got(ctx, KIND_BAD, 0);
}
static void bad_int16(void *ctx, uint16_t v)
{
    (void)v;
    got(ctx, KIND_BAD, 0);
}
static void bad_int32(void *ctx, uint32_t v)
{
    (void)v;
    got(ctx, KIND_BAD, 0);
}
static void bad_int64(void *ctx, uint64_t v)
{
    (void)v;
    got(ctx, KIND_BAD, 0);
}
static void bad_simple(void *ctx)
{
    got(ctx, KIND_BAD, 0);
}
static void bad_float(void *ctx, float v)
{
    (void)v;
    got(ctx, KIND_BAD, 0);
}
static void bad_double(void *ctx, double v)
{
    (void)v;
    got(ctx, KIND_BAD, 0);
}

static const struct cbor_callbacks callbacks = {
    .uint8 = on_uint8,
    .uint16 = on_uint16,
    .uint32 = on_uint32,
    .uint64 = on_uint64,
    .negint8 = bad_int8,
    .negint16 = bad_int16,
    .negint32 = bad_int32,
    .negint64 = bad_int64,
    .byte_string = on_bytes,
    .byte_string_start = bad_simple,
    .string = on_text,
    .string_start = bad_simple,
    .array_start = on_array,
    .indef_array_start = bad_simple,
    .map_start = on_map,
    .indef_map_start = bad_simple,
    .tag = bad_int64,
    .float2 = bad_float,
    .float4 = bad_float,
    .float8 = bad_double,
    .undefined = bad_simple,
    .null = bad_simple,
    .boolean = on_bool,
    .indef_break = bad_simple,
};

void cbor_in_init(struct cbor_in *in, const uint8_t *p, size_t n)
{
    static const uint8_t none;
    memset(in, 0, sizeof *in);
    in->p = p ? p : &none;
    in->end = in->p + (p ? n : 0);
    in->level[0].left = 1;
}

int cbor_in_fail(struct cbor_in *in, const char *why)
{
    if (!in->failed)
        in->failed = why;
    return -1;
}

/* Octets of an item's head in its shortest form. */
static size_t head_len(uint64_t v)
{
    return v < 24 ? 1 : v <= UINT8_MAX ? 2 : v <= UINT16_MAX ? 3 : v <= UINT32_MAX ? 5 : 9;
}

/* Splits off the next item (a container's head only) without consuming it; its octets to len_r. */
static int cbor_look(struct cbor_in *in, struct cbor_item *it, size_t *len_r)
{
    memset(it, 0, sizeof *it);
    if (in->failed)
        return -1;
    if (in->level[in->depth].left == 0)
        return cbor_in_fail(in, "fewer items than expected");
    struct cbor_decoder_result res =
        cbor_stream_decode(in->p, (size_t)(in->end - in->p), &callbacks, it);
    if (res.status == CBOR_DECODER_NEDATA)
        return cbor_in_fail(in, "cut short");
    if (res.status != CBOR_DECODER_FINISHED || it->kind == KIND_NONE || it->kind == KIND_BAD)
        return cbor_in_fail(in, "an item that is not allowed");
    size_t head = it->kind == KIND_BOOL ? 1 : head_len(it->value);
    if (res.read != head + it->s.n)
        return cbor_in_fail(in, "a number not in its shortest form");
    *len_r = res.read;
    return 0;
}

static int cmp_keys(const struct span *a, const struct span *b)
{
    int c = memcmp(a->p, b->p, a->n < b->n ? a->n : b->n);
    return c ? c : (a->n > b->n) - (a->n < b->n);
}

/* Consumes what look() found, checking the order of a map's keys. */
static int cbor_take(struct cbor_in *in, const struct cbor_item *it, size_t len)
{
    struct cbor_level *l = &in->level[in->depth];
    if (l->map && l->left % 2 == 0) {
        struct span key = {in->p, len};
        if (it->kind != KIND_UINT && it->kind != KIND_TEXT && it->kind != KIND_BYTES)
            return cbor_in_fail(in, "a map key of a kind that is not allowed");
        if (l->key.p && cmp_keys(&l->key, &key) >= 0)
            return cbor_in_fail(in, "map keys doubled or out of order");
        l->key = key;
    }
    l->left--;
    in->p += len;
    return 0;
}

/* The next item, which must be of this kind. */
static int cbor_next(struct cbor_in *in, enum cbor_kind kind, struct cbor_item *it)
{
    size_t len;
    if (cbor_look(in, it, &len) != 0)
        return -1;
    if (it->kind != kind)
        return cbor_in_fail(in, "an item of another kind than expected");
    return cbor_take(in, it, len);
}

static int enter(struct cbor_in *in, enum cbor_kind kind, size_t max, size_t *count_r)
{
    struct cbor_item it;
    if (count_r)
        *count_r = 0;
    if (cbor_next(in, kind, &it) != 0)
        return -1;
    if (it.value > max)
        return cbor_in_fail(in, "more items than allowed");
    size_t each = kind == KIND_MAP ? 2 : 1;
    if (it.value > (size_t)(in->end - in->p) / each)
        return cbor_in_fail(in, "cut short");
    if (in->depth == CBOR_DEPTH_MAX)
        return cbor_in_fail(in, "nested too deep");
    in->depth++;
    in->level[in->depth] = (struct cbor_level){.left = it.value * each, .map = kind == KIND_MAP};
    if (count_r)
        *count_r = (size_t)it.value;
    return 0;
}

int cbor_in_array(struct cbor_in *in, size_t max, size_t *count_r)
{
    return enter(in, KIND_ARRAY, max, count_r);
}

int cbor_in_map(struct cbor_in *in, size_t max, size_t *count_r)
{
    return enter(in, KIND_MAP, max, count_r);
}

int cbor_in_array_of(struct cbor_in *in, size_t count)
{
    size_t n;
    if (enter(in, KIND_ARRAY, count, &n) != 0)
        return -1;
    return n == count ? 0 : cbor_in_fail(in, "fewer items than expected");
}

int cbor_in_leave(struct cbor_in *in)
{
    if (in->failed)
        return -1;
    if (in->depth == 0)
        return cbor_in_fail(in, "left more often than entered");
    if (in->level[in->depth].left != 0)
        return cbor_in_fail(in, in->level[in->depth].map ? "an unknown or misplaced field"
                                                         : "more items than expected");
    in->depth--;
    return 0;
}

bool cbor_in_field(struct cbor_in *in, uint64_t key)
{
    struct cbor_item it;
    size_t len;
    const struct cbor_level *l = &in->level[in->depth];
    if (in->failed || (l->map && l->left == 0))
        return false;
    if (!l->map || l->left % 2 != 0) {
        cbor_in_fail(in, "a key expected where a value stands");
        return false;
    }
    return cbor_look(in, &it, &len) == 0 && it.kind == KIND_UINT && it.value == key &&
           cbor_take(in, &it, len) == 0;
}

int cbor_in_need(struct cbor_in *in, uint64_t key)
{
    return cbor_in_field(in, key) ? 0 : cbor_in_fail(in, "a field is missing");
}

int cbor_in_uint(struct cbor_in *in, uint64_t max, uint64_t *v_r)
{
    struct cbor_item it;
    *v_r = 0;
    if (cbor_next(in, KIND_UINT, &it) != 0)
        return -1;
    if (it.value > max)
        return cbor_in_fail(in, "a number over its limit");
    *v_r = it.value;
    return 0;
}

int cbor_in_bytes(struct cbor_in *in, size_t max, struct span *s_r)
{
    struct cbor_item it;
    *s_r = (struct span){0};
    if (cbor_next(in, KIND_BYTES, &it) != 0)
        return -1;
    if (it.s.n > max)
        return cbor_in_fail(in, "a byte string over its limit");
    *s_r = it.s;
    return 0;
}

int cbor_in_bytes_of(struct cbor_in *in, uint8_t *out, size_t n)
{
    struct span s;
    memset(out, 0, n);
    if (cbor_in_bytes(in, n, &s) != 0)
        return -1;
    if (s.n != n)
        return cbor_in_fail(in, "a byte string of a wrong length");
    memcpy(out, s.p, n);
    return 0;
}

int cbor_in_text(struct cbor_in *in, size_t max, struct span *s_r)
{
    struct cbor_item it;
    *s_r = (struct span){0};
    if (cbor_next(in, KIND_TEXT, &it) != 0)
        return -1;
    if (it.s.n > max)
        return cbor_in_fail(in, "a text over its limit");
    if (memchr(it.s.p, 0, it.s.n) || !utf8_valid(it.s.p, it.s.n))
        return cbor_in_fail(in, "a text that is not UTF-8");
    *s_r = it.s;
    return 0;
}

int cbor_in_str(struct cbor_in *in, char *out, size_t size)
{
    struct span s;
    out[0] = 0;
    if (cbor_in_text(in, size - 1, &s) != 0)
        return -1;
    memcpy(out, s.p, s.n);
    out[s.n] = 0;
    return 0;
}

int cbor_in_bool(struct cbor_in *in, bool *v_r)
{
    struct cbor_item it;
    *v_r = false;
    if (cbor_next(in, KIND_BOOL, &it) != 0)
        return -1;
    *v_r = it.value != 0;
    return 0;
}

int cbor_in_end(struct cbor_in *in, struct error *e)
{
    if (!in->failed && (in->depth != 0 || in->level[0].left != 0))
        cbor_in_fail(in, "fewer items than expected");
    if (!in->failed && in->p != in->end)
        cbor_in_fail(in, "octets left over at the end");
    return in->failed ? error_set(e, "not valid: %s", in->failed) : 0;
}

/* Continuation octets that follow this first one, and the smallest code point they may make. */
static int utf8_follow(uint8_t c, uint32_t *min_r)
{
    *min_r = c < 0xe0 ? 0x80 : c < 0xf0 ? 0x800 : 0x10000;
    return c < 0x80 ? 0 : c < 0xc2 ? -1 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : c < 0xf5 ? 3 : -1;
}

bool utf8_valid(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t min, cp;
        int more = utf8_follow(p[i], &min);
        if (more < 0 || n - i <= (size_t)more)
            return false;
        if (more == 0)
            continue;
        cp = p[i] & (0x3fu >> more);
        while (more-- > 0) {
            if ((p[++i] & 0xc0) != 0x80)
                return false;
            cp = cp << 6 | (p[i] & 0x3f);
        }
        if (cp < min || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
            return false;
    }
    return true;
}
