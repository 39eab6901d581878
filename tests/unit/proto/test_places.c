/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_places.c - the vectors of tests/vectors for addresses, endpoints, ids, locks, tokens and
 * receipts. */
#include "vectors.h"

static void each_text(void **state) /* P-2.1, P-2.6 */
{
    json_t *all = load("texts.json"), *v;
    size_t i;
    json_array_foreach(json_object_get(all, "addresses"), i, v)
    {
        char out[ADDRESS_MAX + 1];
        const json_t *want = json_object_get(v, "out");
        int rc = address_parse(text(v, "in"), out);
        if (rc != (json_is_null(want) ? -1 : 0))
            fail_msg("address \"%s\": %d", text(v, "in"), rc);
        assert_string_equal(out, json_is_null(want) ? "" : json_string_value(want));
    }
    json_array_foreach(json_object_get(all, "endpoints"), i, v)
    {
        struct endpoint ep;
        char out[ENDPOINT_TEXT_MAX + 1];
        const json_t *want = json_object_get(v, "out");
        int rc = endpoint_parse(text(v, "in"), &ep);
        if (rc != (json_is_null(want) ? -1 : 0))
            fail_msg("endpoint \"%s\": %d", text(v, "in"), rc);
        if (rc != 0)
            continue;
        endpoint_format(&ep, out, sizeof out);
        assert_string_equal(out, json_string_value(want));
    }
    json_decref(all);
}

static void ids(void **state) /* P-3.7 */
{
    json_t *v = load("entries.json");
    uint8_t fpr[FPR_LEN], mid[MESSAGE_ID_LEN], id[HASH_LEN], want[HASH_LEN];
    arena_used = 0;
    hex_to(v, "sender_fpr", fpr, sizeof fpr);
    hex_to(v, "message_id", mid, sizeof mid);
    hex_to(v, "notification_id", want, sizeof want);
    notification_id(fpr, mid, text(v, "receiver"), id);
    assert_memory_equal(id, want, sizeof id);
    json_decref(v);
}

static void entries(void **state) /* P-2.5, P-3.2, P-3.3, P-3.4, P-3.5, P-3.8 */
{
    json_t *v = load("entries.json");
    uint8_t p[SECRET_LEN], h[HASH_LEN], want[HASH_LEN], got[HASH_LEN], vh[HASH_LEN];
    uint8_t infohash[INFOHASH_LEN], id[ENTRY_ID_LEN], lock[HASH_LEN];
    arena_used = 0;
    hex_to(v, "p", p, sizeof p);
    hex_to(v, "h", h, sizeof h);
    struct span value = hex_of(v, "value");
    sha256(value.p, value.n, vh);
    entry_infohash(text(v, "key"), infohash);
    hex_to(v, "infohash", want, INFOHASH_LEN);
    assert_memory_equal(infohash, want, INFOHASH_LEN);
    entry_token(p, text(v, "key"), vh, got);
    hex_to(v, "token", want, HASH_LEN);
    assert_memory_equal(got, want, HASH_LEN);
    entry_lock(got, lock);
    hex_to(v, "lock", want, HASH_LEN);
    assert_memory_equal(lock, want, HASH_LEN);
    entry_id(infohash, lock, vh, id);
    hex_to(v, "id", want, ENTRY_ID_LEN);
    assert_memory_equal(id, want, ENTRY_ID_LEN);
    for (int o = OUTCOME_PULLED; o <= OUTCOME_CANCELLED; o++) {
        struct span nr = hex(json_array_get(json_object_get(v, "receipts"), (size_t)o - 1));
        receipt_value(p, (enum outcome)o, h, got);
        assert_int_equal(nr.n, HASH_LEN);
        assert_memory_equal(got, nr.p, HASH_LEN);
    }
    json_decref(v);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_text),
        cmocka_unit_test(ids),
        cmocka_unit_test(entries),
    };
    if (argc != 2)
        return 2;
    vectors = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
