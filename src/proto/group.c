/* SPDX-License-Identifier: GPL-3.0-or-later */
/* group.c - who belongs to a peer group (P-4.12), and the renewal by a deputy (P-4.13). */
#include "proto/group.h"
#include "proto/record.h"
#include <stdlib.h>
#include <string.h>

enum { F_NAME = 1, F_KEY, F_MEMBERS, F_SEQ, F_EXPIRY };
enum { R_DEPUTY = 1, R_KEY, R_RECORD, R_EXPIRY };

const char *group_role_name(enum group_role r)
{
    static const char *const name[] = {"none", "member", "deputy", "master"};
    return (size_t)r < sizeof name / sizeof *name ? name[r] : name[ROLE_NONE];
}

const struct group_member *group_find(const struct group_record *r, const char *address)
{
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->members[i].address, address) == 0)
            return &r->members[i];
    return NULL;
}

const struct group_member *group_find_role(const struct group_record *r, enum group_role role)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->members[i].role == role)
            return &r->members[i];
    return NULL;
}

static int by_address(const void *a, const void *b)
{
    return strcmp(((const struct group_member *)a)->address,
                  ((const struct group_member *)b)->address);
}

int group_encode(const struct group_record *r, const struct record_place *at, struct buf *out)
{
    struct cbor_out w;
    struct group_record again;
    struct group_member sorted[GROUP_MEMBERS_MAX];
    size_t before = out->len;
    if (r->count > GROUP_MEMBERS_MAX)
        return -1;
    memcpy(sorted, r->members, r->count * sizeof *sorted);
    qsort(sorted, r->count, sizeof *sorted, by_address);
    record_begin(&w, out, at, TYPE_GROUP, 5);
    out_field_text(&w, F_NAME, r->name);
    out_field_bytes(&w, F_KEY, r->master_key.p, r->master_key.n);
    cbor_out_uint(&w, F_MEMBERS);
    cbor_out_array(&w, r->count);
    for (size_t i = 0; i < r->count; i++) {
        cbor_out_array(&w, 3);
        cbor_out_text(&w, sorted[i].address);
        cbor_out_bytes(&w, sorted[i].fpr, FPR_LEN);
        cbor_out_uint(&w, (uint64_t)sorted[i].role);
    }
    out_field_uint(&w, F_SEQ, r->seq);
    out_field_time(&w, F_EXPIRY, r->expiry);
    if (!w.failed && group_decode(out->data + before, out->len - before, at, &again, NULL) != 0)
        cbor_out_fail(&w);
    return cbor_out_end(&w);
}

static void in_member(struct cbor_in *in, struct group_record *r, struct group_member *m)
{
    uint64_t role;
    cbor_in_array_of(in, 3);
    in_address(in, m->address);
    cbor_in_bytes_of(in, m->fpr, FPR_LEN);
    cbor_in_uint(in, ROLE_MASTER, &role);
    cbor_in_leave(in);
    m->role = (enum group_role)role;
    if (m->role == ROLE_NONE)
        cbor_in_fail(in, "a member without a role");
    if (strcmp(address_group(m->address), r->name) != 0)
        cbor_in_fail(in, "a member whose address is not of this group");
    if (m > r->members && strcmp(m[-1].address, m->address) >= 0)
        cbor_in_fail(in, "members out of order or twice");
    if (m->role == ROLE_MASTER && group_find_role(r, ROLE_MASTER) != NULL)
        cbor_in_fail(in, "two masters");
}

int group_decode(const uint8_t *payload, size_t n, const struct record_place *at,
                 struct group_record *r, struct error *e)
{
    struct cbor_in in;
    size_t count = 0;
    memset(r, 0, sizeof *r);
    int rc = record_open(&in, payload, n, at, TYPE_GROUP, e);
    if (rc != 0)
        return rc;
    cbor_in_need(&in, F_NAME);
    cbor_in_str(&in, r->name, sizeof r->name);
    cbor_in_need(&in, F_KEY);
    in_key(&in, &r->master_key);
    cbor_in_need(&in, F_MEMBERS);
    cbor_in_array(&in, GROUP_MEMBERS_MAX, &count);
    for (size_t i = 0; i < count && !in.failed; i++) {
        in_member(&in, r, &r->members[i]);
        r->count = i + 1;
    }
    cbor_in_leave(&in);
    cbor_in_need(&in, F_SEQ);
    cbor_in_uint(&in, INT64_MAX, &r->seq);
    cbor_in_need(&in, F_EXPIRY);
    in_expiry(&in, &r->expiry);
    if (!hostname_ok(r->name) || !key_is(at->key, "group:", r->name))
        cbor_in_fail(&in, "a name that does not belong to the key");
    if (group_find_role(r, ROLE_MASTER) == NULL)
        cbor_in_fail(&in, "a group without a master");
    rc = record_close(&in, "group descriptor", e);
    if (rc != 0)
        memset(r, 0, sizeof *r);
    return rc;
}

int group_renewal_encode(const struct group_renewal *r, const struct record_place *at,
                         struct buf *out)
{
    struct cbor_out w;
    struct group_renewal again;
    size_t before = out->len;
    record_begin(&w, out, at, TYPE_GROUP_RENEWAL, 4);
    out_field_text(&w, R_DEPUTY, r->deputy);
    out_field_bytes(&w, R_KEY, r->deputy_key.p, r->deputy_key.n);
    out_field_bytes(&w, R_RECORD, r->record.p, r->record.n);
    out_field_time(&w, R_EXPIRY, r->expiry);
    if (!w.failed &&
        group_renewal_decode(out->data + before, out->len - before, at, &again, NULL) != 0)
        cbor_out_fail(&w);
    return cbor_out_end(&w);
}

int group_renewal_decode(const uint8_t *payload, size_t n, const struct record_place *at,
                         struct group_renewal *r, struct error *e)
{
    struct cbor_in in;
    memset(r, 0, sizeof *r);
    int rc = record_open(&in, payload, n, at, TYPE_GROUP_RENEWAL, e);
    if (rc != 0)
        return rc;
    cbor_in_need(&in, R_DEPUTY);
    in_address(&in, r->deputy);
    cbor_in_need(&in, R_KEY);
    in_key(&in, &r->deputy_key);
    cbor_in_need(&in, R_RECORD);
    cbor_in_bytes(&in, RECORD_MAX, &r->record);
    cbor_in_need(&in, R_EXPIRY);
    in_expiry(&in, &r->expiry);
    if (r->record.n == 0)
        cbor_in_fail(&in, "an empty record to renew");
    if (!key_is(at->key, "group:", address_group(r->deputy)))
        cbor_in_fail(&in, "a deputy whose address is not of this group");
    rc = record_close(&in, "group renewal", e);
    if (rc != 0)
        memset(r, 0, sizeof *r);
    return rc;
}
