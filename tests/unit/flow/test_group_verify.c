/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_group_verify.c - which octets are a group descriptor, signed by its master, and which are a
 * renewal by one of its deputies (P-4.12, P-4.13). */
#include "flow/core/services.h"
#include "flow/peers/verify.h"
#include "flow/core/sign.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define NOW 1800000000LL
#define DAY 86400LL
#define NETWORK 77

static const struct record_place at = {NETWORK, "group:team"};
static struct error e;

struct somebody {
    const char *address;
    struct pgp *pgp;
    struct buf secret, pub;
    uint8_t fpr[FPR_LEN];
};
static struct somebody mia = {.address = "mia@team"}, ada = {.address = "ada@team"},
                       ben = {.address = "ben@team"};

static void make(struct somebody *s)
{
    s->secret = (struct buf)BUF_INIT(PUBKEY_MAX);
    s->pub = (struct buf)BUF_INIT(PUBKEY_MAX);
    assert_int_equal(pgp_generate(s->address, &s->secret, &s->pub, &e), 0);
    assert_int_equal(pgp_new(&s->pgp, &e), 0);
    assert_int_equal(pgp_load_secret(s->pgp, s->secret.data, s->secret.len, &e), 0);
    pgp_own_fpr(s->pgp, s->fpr);
}

static int make_all(void **state)
{
    make(&mia);
    make(&ada);
    make(&ben);
    return 0;
}

static int free_all(void **state)
{
    struct somebody *const all[] = {&mia, &ada, &ben};
    for (size_t i = 0; i < 3; i++) {
        pgp_free(&all[i]->pgp);
        buf_free(&all[i]->secret);
        buf_free(&all[i]->pub);
    }
    return 0;
}

static struct group_member member(const struct somebody *s, enum group_role role)
{
    struct group_member m = {.role = role};
    (void)strcpy(m.address, s->address);
    memcpy(m.fpr, s->fpr, FPR_LEN);
    return m;
}

/* mia is the master, ada a deputy, ben a member. */
static struct group_record team(int64_t expiry)
{
    struct group_record r = {.name = "team", .count = 3, .seq = 5, .expiry = expiry};
    r.master_key = (struct span){mia.pub.data, mia.pub.len};
    r.members[0] = member(&mia, ROLE_MASTER);
    r.members[1] = member(&ada, ROLE_DEPUTY);
    r.members[2] = member(&ben, ROLE_MEMBER);
    return r;
}

static struct buf sign(const struct group_record *r, const struct somebody *by)
{
    struct buf payload = BUF_INIT(RECORD_MAX), out = BUF_INIT(RECORD_MAX);
    assert_int_equal(group_encode(r, &at, &payload), 0);
    assert_int_equal(sign_record(by->pgp, &payload, &out, &e), 0);
    buf_free(&payload);
    return out;
}

/* named: whom the renewal calls its deputy; by: who signs, with his own key inside. */
static struct buf renew(const struct buf *record, const struct somebody *named,
                        const struct somebody *key, const struct somebody *by, int64_t expiry)
{
    struct group_renewal r = {.deputy_key = {key->pub.data, key->pub.len},
                              .record = {record->data, record->len},
                              .expiry = expiry};
    struct buf payload = BUF_INIT(RECORD_MAX), out = BUF_INIT(RECORD_MAX);
    (void)strcpy(r.deputy, named->address);
    assert_int_equal(group_renewal_encode(&r, &at, &payload), 0);
    assert_int_equal(sign_record(by->pgp, &payload, &out, &e), 0);
    buf_free(&payload);
    return out;
}

static struct verified_group v;

/* Verifies and frees. */
static int check(struct buf b)
{
    int rc = verify_group(b.data, b.len, NETWORK, "team", NOW, &v, &e);
    buf_free(&b);
    return rc;
}

static void signed_by_its_master(void **state) /* P-4.12 */
{
    struct group_record r = team(NOW + 30 * DAY);
    struct buf b = sign(&r, &mia);
    assert_int_equal(verify_group(b.data, b.len, NETWORK, "team", NOW, &v, &e), 0);
    assert_memory_equal(v.master_fpr, mia.fpr, FPR_LEN);
    assert_true(v.r.count == 3 && v.r.seq == 5 && v.expiry == r.expiry && !v.renewed);
    assert_true(v.signed_.p == b.data && v.signed_.n == b.len);
    assert_int_equal(verify_group(b.data, b.len, NETWORK, "tea", NOW, &v, &e), -1);
    assert_int_equal(verify_group(b.data, b.len, NETWORK + 1, "team", NOW, &v, &e), -1);
    assert_int_equal(verify_group(b.data, b.len, NETWORK, "team", NOW + 30 * DAY, &v, &e), -1);
    b.data[b.len / 2] ^= 1;
    assert_int_equal(check(b), -1);
    assert_int_equal(check(sign(&r, &ada)), -1); /* the master's key inside, another's signature */
    r.master_key = (struct span){ada.pub.data, ada.pub.len};
    assert_int_equal(check(sign(&r, &ada)), -1); /* a key that is not the master's */
    r = team(NOW + 31 * DAY);
    assert_int_equal(check(sign(&r, &mia)), -1); /* too long a life */
    r = team(NOW + DAY);
    r.seq = (uint64_t)(NOW + 2 * DAY) * 1000;
    assert_int_equal(check(sign(&r, &mia)), -1); /* a number from the future */
    r = team(NOW + DAY);
    memcpy(r.members[0].fpr, ada.fpr, FPR_LEN);
    assert_int_equal(check(sign(&r, &mia)), -1); /* the list states another fingerprint */
}

static void renewed_by_a_deputy(void **state) /* P-4.13 */
{
    struct group_record r = team(NOW - 100 * DAY);
    struct buf old = sign(&r, &mia);
    assert_int_equal(verify_group(old.data, old.len, NETWORK, "team", NOW, &v, &e), -1);
    struct buf b = renew(&old, &ada, &ada, &ada, NOW + 30 * DAY);
    assert_int_equal(verify_group(b.data, b.len, NETWORK, "team", NOW, &v, &e), 0);
    assert_true(v.renewed && v.expiry == NOW + 30 * DAY && v.r.seq == 5 && v.r.count == 3);
    assert_memory_equal(v.master_fpr, mia.fpr, FPR_LEN);
    assert_int_equal(v.signed_.n, old.len);
    assert_memory_equal(v.signed_.p, old.data, old.len);
    buf_free(&b);
    assert_int_equal(check(renew(&old, &ben, &ben, &ben, NOW + DAY)), -1); /* no deputy */
    assert_int_equal(check(renew(&old, &mia, &mia, &mia, NOW + DAY)),
                     -1); /* the master signs anew */
    assert_int_equal(check(renew(&old, &ada, &ben, &ben, NOW + DAY)), -1); /* another's key */
    assert_int_equal(check(renew(&old, &ada, &ada, &ben, NOW + DAY)), -1); /* another's signature */
    assert_int_equal(check(renew(&old, &ada, &ada, &ada, NOW + 31 * DAY)), -1);
    assert_int_equal(check(renew(&old, &ada, &ada, &ada, NOW - 1)), -1);
    old.data[old.len - 3] ^= 1; /* the master's signature */
    assert_int_equal(check(renew(&old, &ada, &ada, &ada, NOW + DAY)), -1);
    buf_free(&old);
    r = team(NOW - 360 * DAY); /* the master may be silent for a year, not longer */
    old = sign(&r, &mia);
    assert_int_equal(check(renew(&old, &ada, &ada, &ada, NOW + 5 * DAY)), 0);
    assert_int_equal(check(renew(&old, &ada, &ada, &ada, NOW + 6 * DAY)), -1);
    buf_free(&old);
    r = team(NOW + DAY); /* a list that a deputy signed himself, inside his renewal */
    old = sign(&r, &ada);
    assert_int_equal(check(renew(&old, &ada, &ada, &ada, NOW + 2 * DAY)), -1);
    buf_free(&old);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signed_by_its_master),
        cmocka_unit_test(renewed_by_a_deputy),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
