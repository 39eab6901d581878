/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vectors.h - reading the vectors of tests/vectors. Included once by each test that reads them; its
 * argument is the folder. */
#ifndef RESTANTE_TESTS_VECTORS_H
#define RESTANTE_TESTS_VECTORS_H

#include "base/crypt.h"
#include "proto/records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

static const char *vectors;
static uint8_t arena[1 << 16]; /* what the spans of one vector point to */
static size_t arena_used;

static inline json_t *load(const char *name)
{
    char path[1024];
    json_error_t why;
    snprintf(path, sizeof path, "%s/%s", vectors, name);
    json_t *v = json_load_file(path, 0, &why);
    if (!v)
        fail_msg("%s: %s", path, why.text);
    return v;
}

static inline struct span hex(const json_t *v)
{
    const char *s = json_string_value(v);
    assert_non_null(s);
    struct span out = {arena + arena_used, strlen(s) / 2};
    assert_true(out.n <= sizeof arena - arena_used);
    assert_int_equal(hex_decode(s, arena + arena_used, out.n), 0);
    arena_used += out.n;
    return out;
}

static inline struct span hex_of(const json_t *o, const char *name)
{
    return hex(json_object_get(o, name));
}

static inline void hex_to(const json_t *o, const char *name, void *out, size_t n)
{
    struct span s = hex_of(o, name);
    assert_int_equal(s.n, n);
    memcpy(out, s.p, n);
}

static inline const char *text(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));
    assert_non_null(s);
    return s;
}

static inline void text_to(const json_t *o, const char *name, char out[ADDRESS_MAX + 1])
{
    snprintf(out, ADDRESS_MAX + 1, "%s", text(o, name));
}

static inline int64_t number(const json_t *o, const char *name)
{
    assert_true(json_is_integer(json_object_get(o, name)));
    return json_integer_value(json_object_get(o, name));
}

#endif
