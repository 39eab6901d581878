/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_vectors.c - the records of tests/vectors: fields -> octets -> fields, and what must be
 * refused. tests/peer/test_vectors.py made their octets with an independent encoder. */
#include "proto/group.h"
#include "vectors.h"

static bool master_to(const json_t *f, uint8_t fpr[FPR_LEN])
{
    if (!json_object_get(f, "master_fpr"))
        return false;
    hex_to(f, "master_fpr", fpr, FPR_LEN);
    return true;
}

static struct record_place place(const json_t *v)
{
    return (struct record_place){(uint32_t)number(v, "network"), text(v, "key")};
}

static bool span_equal(const struct span *a, const struct span *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->p, b->p, a->n) == 0);
}

/* What decoding gave must encode to the same octets again. */
static void same_octets(const struct buf *made, const struct span *want, const char *name)
{
    if (made->len != want->n || memcmp(made->data, want->p, want->n) != 0)
        fail_msg("%s: other octets than the vector's", name);
}

static void check_identity(const json_t *f, const struct record_place *at, const struct span *want,
                           struct buf *out, const char *name)
{
    struct identity r = {0}, got;
    text_to(f, "address", r.address);
    r.pubkey = hex_of(f, "pubkey");
    r.has_master = master_to(f, r.master_fpr);
    r.shards = (uint32_t)number(f, "shards");
    r.ocb = json_is_true(json_object_get(f, "ocb"));
    r.seq = (uint64_t)number(f, "seq");
    r.expiry = number(f, "expiry");
    assert_int_equal(identity_encode(&r, at, out), 0);
    same_octets(out, want, name);
    assert_int_equal(identity_decode(want->p, want->n, at, &got, NULL), 0);
    assert_string_equal(got.address, r.address);
    assert_true(span_equal(&got.pubkey, &r.pubkey));
    assert_int_equal(got.has_master, r.has_master);
    assert_memory_equal(got.master_fpr, r.master_fpr, FPR_LEN);
    assert_int_equal(got.shards, r.shards);
    assert_int_equal(got.ocb, r.ocb);
    assert_true(got.seq == r.seq && got.expiry == r.expiry);
}

static void check_descriptor(const json_t *f, const struct record_place *at,
                             const struct span *want, struct buf *out, const char *name)
{
    struct descriptor r = {0}, got;
    char ep[ENDPOINT_TEXT_MAX + 1];
    const json_t *list = json_object_get(f, "endpoints");
    text_to(f, "address", r.address);
    hex_to(f, "fpr", r.fpr, FPR_LEN);
    r.endpoint_count = json_array_size(list);
    for (size_t i = 0; i < r.endpoint_count; i++)
        assert_int_equal(
            endpoint_parse(json_string_value(json_array_get(list, i)), &r.endpoints[i]), 0);
    hex_to(f, "instance", r.instance, INSTANCE_LEN);
    r.seq = (uint64_t)number(f, "seq");
    r.expiry = number(f, "expiry");
    assert_int_equal(descriptor_encode(&r, at, out), 0);
    same_octets(out, want, name);
    assert_int_equal(descriptor_decode(want->p, want->n, at, &got, NULL), 0);
    assert_string_equal(got.address, r.address);
    assert_memory_equal(got.fpr, r.fpr, FPR_LEN);
    assert_int_equal(got.endpoint_count, r.endpoint_count);
    for (size_t i = 0; i < got.endpoint_count; i++) {
        endpoint_format(&got.endpoints[i], ep, sizeof ep);
        assert_string_equal(ep, json_string_value(json_array_get(list, i)));
    }
    assert_memory_equal(got.instance, r.instance, INSTANCE_LEN);
    assert_true(got.seq == r.seq && got.expiry == r.expiry);
}

static void blob_to(const json_t *o, struct blob_ref *b)
{
    hex_to(o, "hash", b->hash, HASH_LEN);
    b->size = (uint64_t)number(o, "size");
    hex_to(o, "chunks_hash", b->chunks_hash, HASH_LEN);
}

static bool blob_equal(const struct blob_ref *a, const struct blob_ref *b)
{
    return a->size == b->size && memcmp(a->hash, b->hash, HASH_LEN) == 0 &&
           memcmp(a->chunks_hash, b->chunks_hash, HASH_LEN) == 0;
}

static void head_to(const json_t *f, struct notification *r)
{
    struct span *fields[] = {&r->from, &r->to, &r->date, &r->subject, &r->msgid, &r->references};
    r->has_head_blob = json_object_get(f, "head_blob") != NULL;
    if (!r->has_head_blob) {
        r->head = hex_of(f, "head");
        return;
    }
    blob_to(json_object_get(f, "head_blob"), &r->head_blob);
    r->head_pkesk = hex_of(f, "head_skp");
    for (size_t i = 0; i < 6; i++)
        *fields[i] = hex(json_array_get(json_object_get(f, "summary"), i));
}

static void check_notification(const json_t *f, const struct record_place *at,
                               const struct span *want, struct buf *out, const char *name)
{
    struct notification r = {.blob_count = 1}, got;
    hex_to(f, "message_id", r.message_id, MESSAGE_ID_LEN);
    text_to(f, "sender", r.sender);
    text_to(f, "receiver", r.receiver);
    r.pubkey = hex_of(f, "pubkey");
    r.has_master = master_to(f, r.master_fpr);
    blob_to(json_array_get(json_object_get(f, "blobs"), 0), &r.blobs[0]);
    r.pkesk = hex_of(f, "skp");
    hex_to(f, "m_hash", r.m_hash, HASH_LEN);
    r.m_size = (uint64_t)number(f, "m_size");
    hex_to(f, "p", r.p, SECRET_LEN);
    r.expiry = number(f, "expiry");
    head_to(f, &r);
    assert_int_equal(notification_encode(&r, at, out), 0);
    same_octets(out, want, name);
    assert_int_equal(notification_decode(want->p, want->n, at, &got, NULL), 0);
    assert_memory_equal(got.message_id, r.message_id, MESSAGE_ID_LEN);
    assert_string_equal(got.sender, r.sender);
    assert_string_equal(got.receiver, r.receiver);
    assert_true(span_equal(&got.pubkey, &r.pubkey) && span_equal(&got.pkesk, &r.pkesk));
    assert_int_equal(got.has_master, r.has_master);
    assert_memory_equal(got.master_fpr, r.master_fpr, FPR_LEN);
    assert_int_equal(got.blob_count, 1);
    assert_true(blob_equal(&got.blobs[0], &r.blobs[0]));
    assert_memory_equal(got.m_hash, r.m_hash, HASH_LEN);
    assert_memory_equal(got.p, r.p, SECRET_LEN);
    assert_true(got.m_size == r.m_size && got.expiry == r.expiry);
    assert_int_equal(got.has_head_blob, r.has_head_blob);
    assert_true(span_equal(&got.head, &r.head) && span_equal(&got.head_pkesk, &r.head_pkesk));
    assert_true(blob_equal(&got.head_blob, &r.head_blob));
    assert_true(span_equal(&got.from, &r.from) && span_equal(&got.to, &r.to));
    assert_true(span_equal(&got.date, &r.date) && span_equal(&got.subject, &r.subject));
    assert_true(span_equal(&got.msgid, &r.msgid) && span_equal(&got.references, &r.references));
}

static void check_cancellation(const json_t *f, const struct record_place *at,
                               const struct span *want, struct buf *out, const char *name)
{
    struct cancellation r = {0}, got;
    text_to(f, "sender", r.sender);
    r.pubkey = hex_of(f, "pubkey");
    hex_to(f, "notification_id", r.notification_id, HASH_LEN);
    r.expiry = number(f, "expiry");
    assert_int_equal(cancellation_encode(&r, at, out), 0);
    same_octets(out, want, name);
    assert_int_equal(cancellation_decode(want->p, want->n, at, &got, NULL), 0);
    assert_string_equal(got.sender, r.sender);
    assert_true(span_equal(&got.pubkey, &r.pubkey));
    assert_memory_equal(got.notification_id, r.notification_id, HASH_LEN);
    assert_true(got.expiry == r.expiry);
}

static void check_revocation(const json_t *f, const struct record_place *at,
                             const struct span *want, struct buf *out, const char *name)
{
    struct revocation r = {0}, got;
    text_to(f, "address", r.address);
    r.pubkey = hex_of(f, "pubkey");
    r.made = number(f, "made");
    assert_int_equal(revocation_encode(&r, at, out), 0);
    same_octets(out, want, name);
    assert_int_equal(revocation_decode(want->p, want->n, at, &got, NULL), 0);
    assert_string_equal(got.address, r.address);
    assert_true(span_equal(&got.pubkey, &r.pubkey) && got.made == r.made);
}

static void check_group(const json_t *f, const struct record_place *at, const struct span *want,
                        struct buf *out, const char *name)
{
    static struct group_record r, got;
    const json_t *list = json_object_get(f, "members"), *v;
    size_t i;
    memset(&r, 0, sizeof r);
    (void)snprintf(r.name, sizeof r.name, "%s", text(f, "name"));
    r.master_key = hex_of(f, "pubkey");
    r.seq = (uint64_t)number(f, "seq");
    r.expiry = number(f, "expiry");
    r.count = json_array_size(list);
    json_array_foreach(list, i, v)
    {
        struct group_member *m = &r.members[r.count - 1 - i]; /* any order will do */
        struct span fpr = hex(json_array_get(v, 1));
        (void)strcpy(m->address, json_string_value(json_array_get(v, 0)));
        assert_int_equal(fpr.n, FPR_LEN);
        memcpy(m->fpr, fpr.p, FPR_LEN);
        m->role = (enum group_role)json_integer_value(json_array_get(v, 2));
    }
    assert_int_equal(group_encode(&r, at, out), 0);
    same_octets(out, want, name);
    assert_int_equal(group_decode(want->p, want->n, at, &got, NULL), 0);
    assert_string_equal(got.name, r.name);
    assert_true(span_equal(&got.master_key, &r.master_key));
    assert_true(got.count == r.count && got.seq == r.seq && got.expiry == r.expiry);
    for (i = 0; i < r.count; i++) {
        const struct group_member *m = group_find(&got, r.members[i].address);
        assert_non_null(m);
        assert_memory_equal(m->fpr, r.members[i].fpr, FPR_LEN);
        assert_int_equal(m->role, r.members[i].role);
    }
    assert_int_equal(group_find_role(&got, ROLE_MASTER)->role, ROLE_MASTER);
    assert_null(group_find(&got, "nobody@demo"));
}

static void check_renewal(const json_t *f, const struct record_place *at, const struct span *want,
                          struct buf *out, const char *name)
{
    struct group_renewal r = {0}, got;
    text_to(f, "deputy", r.deputy);
    r.deputy_key = hex_of(f, "pubkey");
    r.record = hex_of(f, "record");
    r.expiry = number(f, "expiry");
    assert_int_equal(group_renewal_encode(&r, at, out), 0);
    same_octets(out, want, name);
    assert_int_equal(group_renewal_decode(want->p, want->n, at, &got, NULL), 0);
    assert_string_equal(got.deputy, r.deputy);
    assert_true(span_equal(&got.deputy_key, &r.deputy_key) && span_equal(&got.record, &r.record));
    assert_true(got.expiry == r.expiry);
}

static void each_record(void **state) /* P-4.2, P-4.6, P-4.7, P-4.8, P-4.10, P-4.12, P-4.13 */
{
    json_t *list = load("records.json"), *v;
    size_t i;
    assert_true(json_array_size(list) >= 7);
    json_array_foreach(list, i, v)
    {
        struct buf out = BUF_INIT(RECORD_MAX);
        struct record_place at = place(v);
        const char *kind = text(v, "record"), *name = text(v, "name");
        const json_t *f = json_object_get(v, "fields");
        arena_used = 0;
        struct span want = hex_of(v, "payload");
        if (strcmp(kind, "identity") == 0)
            check_identity(f, &at, &want, &out, name);
        else if (strcmp(kind, "descriptor") == 0)
            check_descriptor(f, &at, &want, &out, name);
        else if (strcmp(kind, "notification") == 0)
            check_notification(f, &at, &want, &out, name);
        else if (strcmp(kind, "cancellation") == 0)
            check_cancellation(f, &at, &want, &out, name);
        else if (strcmp(kind, "revocation") == 0)
            check_revocation(f, &at, &want, &out, name);
        else if (strcmp(kind, "group") == 0)
            check_group(f, &at, &want, &out, name);
        else if (strcmp(kind, "renewal") == 0)
            check_renewal(f, &at, &want, &out, name);
        else
            fail_msg("a vector of an unknown record: %s", kind);
        buf_free(&out);
    }
    json_decref(list);
}

/* Decodes as this kind; the struct must be all zero after a failure. */
static int decode(const char *kind, const struct span *s, const struct record_place *at,
                  struct error *e)
{
    union {
        struct identity identity;
        struct descriptor descriptor;
        struct notification notification;
        struct cancellation cancellation;
        struct revocation revocation;
        struct group_record group;
        struct group_renewal renewal;
    } r;
    int rc = 0;
    memset(&r, 0, sizeof r);
    if (strcmp(kind, "identity") == 0)
        rc = identity_decode(s->p, s->n, at, &r.identity, e);
    else if (strcmp(kind, "descriptor") == 0)
        rc = descriptor_decode(s->p, s->n, at, &r.descriptor, e);
    else if (strcmp(kind, "notification") == 0)
        rc = notification_decode(s->p, s->n, at, &r.notification, e);
    else if (strcmp(kind, "cancellation") == 0)
        rc = cancellation_decode(s->p, s->n, at, &r.cancellation, e);
    else if (strcmp(kind, "revocation") == 0)
        rc = revocation_decode(s->p, s->n, at, &r.revocation, e);
    else if (strcmp(kind, "group") == 0)
        rc = group_decode(s->p, s->n, at, &r.group, e);
    else if (strcmp(kind, "renewal") == 0)
        rc = group_renewal_decode(s->p, s->n, at, &r.renewal, e);
    for (size_t i = 0; rc != 0 && i < sizeof r; i++)
        assert_int_equal(((const uint8_t *)&r)[i], 0);
    return rc;
}

static void each_refused(void **state) /* P-1.5, P-1.6, P-4.3 */
{
    json_t *list = load("refused.json"), *v;
    size_t i;
    assert_true(json_array_size(list) >= 50);
    json_array_foreach(list, i, v)
    {
        struct record_place at = place(v);
        struct error e = {""};
        arena_used = 0;
        struct span s = hex_of(v, "payload");
        int want = strcmp(text(v, "error"), "unknown") == 0 ? RECORD_UNKNOWN : -1;
        int rc = decode(text(v, "record"), &s, &at, &e);
        if (rc != want)
            fail_msg("%s: %d instead of %d", text(v, "why"), rc, want);
        assert_true(strlen(e.text) > 10);
    }
    json_decref(list);
}

/* Every prefix and every single changed octet of a good payload: decoded or refused, and when it is
 * decoded it is not the record it was. */
static void damaged(void **state)
{
    json_t *list = load("records.json");
    json_t *v = json_array_get(list, 3);
    struct record_place at = place(v);
    arena_used = 0;
    struct span s = hex_of(v, "payload");
    uint8_t copy[1024];
    struct descriptor r, got;
    assert_true(s.n <= sizeof copy);
    assert_int_equal(descriptor_decode(s.p, s.n, &at, &r, NULL), 0);
    for (size_t n = 0; n < s.n; n++)
        assert_int_equal(descriptor_decode(s.p, n, &at, &got, NULL), -1);
    for (size_t i = 0; i < s.n * 8; i++) {
        memcpy(copy, s.p, s.n);
        copy[i / 8] ^= (uint8_t)(1 << i % 8);
        if (descriptor_decode(copy, s.n, &at, &got, NULL) == 0)
            assert_memory_not_equal(&got, &r, sizeof r);
    }
    json_decref(list);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_record),
        cmocka_unit_test(each_refused),
        cmocka_unit_test(damaged),
    };
    if (argc != 2)
        return 2;
    vectors = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
