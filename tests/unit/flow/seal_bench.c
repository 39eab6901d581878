/* SPDX-License-Identifier: GPL-3.0-or-later */
/* seal_bench.c - see seal_bench.h. */
#include "seal_bench.h"
#include "base/clock.h"
#include "flow/core/trusted_clock.h"
#include "flow/core/scheduler.h"
#include "flow/core/stream_worker.h"
#include "flow/peers/verify.h"
#include "flow/sender/seal_stream.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

extern const struct step step_seal;
struct flow_peer alice, bob, carol;
static const struct step *const steps[] = {&step_seal, NULL};
static const struct module *const modules[] = {&stream_worker_module, &seal_stream_module,
                                               &trusted_clock_module, &scheduler_module, NULL};
const char *const to_bob[] = {"bob@demo", NULL};

int fresh(void **state)
{
    peer_make(&alice, "alice@demo");
    peer_start(&alice, modules, steps);
    peer_knows(&alice, &bob);
    peer_knows(&alice, &carol);
    return 0;
}

int clean(void **state)
{
    peer_remove(&alice);
    return 0;
}

int64_t receiver_of(int64_t message, const char *address)
{
    int64_t rows[8];
    struct out_receiver r;
    for (enum rcv_state s = RCV_WAITING; s <= RCV_UNCONFIRMED; s++) {
        size_t n = rcv_of_message(peer_db(&alice), message, s, rows, 8);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(rcv_get(peer_db(&alice), rows[i], &r), 0);
            bool same = strcmp(r.address, address) == 0;
            out_receiver_free(&r);
            if (same)
                return rows[i];
        }
    }
    fail_msg("no receiver %s", address);
    return 0;
}

enum rcv_state state_of(int64_t receiver)
{
    return (enum rcv_state)peer_int(&alice, "SELECT state FROM receiver WHERE n=?", receiver);
}

void until_sealed(int64_t message, int64_t receiver)
{
    until(state_of(receiver) == RCV_SEALED && !work_under_way(&alice.sv, &queue_seal, message));
}

static const struct step *const none[] = {NULL};

void again(bool seals)
{
    peer_stop(&alice);
    peer_start(&alice, modules, seals ? steps : none);
}

void nothing_was_made(void)
{
    assert_int_equal(peer_count(&alice, "outbox", ""), 0);
    assert_int_equal(peer_int(&alice, "SELECT count(*) FROM blob WHERE ?", 1), 0);
    assert_int_equal(peer_int(&alice, "SELECT count(*) FROM expected WHERE ?", 1), 0);
}

/* The blob, opened by this receiver, is p. */
static void opens_to(const struct flow_peer *to, const struct blob_ref *blob, const char *suffix,
                     const struct span *pkesk, const void *p, size_t n)
{
    char path[PATH_CAP], out_path[PATH_CAP];
    struct pgp *pgp = peer_pgp(to);
    struct error e = {""};
    struct buf plain = BUF_INIT(n + 1);
    home_path(&alice.sv, path, "outbox", blob->hash, HASH_LEN, suffix);
    (void)snprintf(out_path, sizeof out_path, "%s/opened", to->home);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int out = open(out_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct pgp_unseal u = {.pkesk = pkesk->p,
                           .pkesk_len = pkesk->n,
                           .blob_fd = fd,
                           .out_fd = out,
                           .max_size = n,
                           .from = {alice.sv.pubkey.p, alice.sv.pubkey.n}};
    assert_true(fd >= 0 && out >= 0);
    if (pgp_unseal(pgp, &u, &e) < 0)
        fail_msg("%s", e.text);
    pgp_free(&pgp);
    assert_int_equal(file_read(out_path, &plain, &e), 0);
    assert_int_equal(plain.len, n);
    assert_memory_equal(plain.data, p, n);
    buf_free(&plain);
    (void)close(fd);
    (void)close(out);
}

void announces(const struct flow_peer *to, int64_t receiver, const void *m, size_t n,
               const char *suffix, bool head_blob)
{
    struct out_receiver r;
    struct notification ns;
    struct pgp *pgp = peer_pgp(to);
    struct error e = {""};
    struct buf plain = BUF_INIT(2 * RECORD_MAX);
    struct entry_binding b;
    char key[DHT_KEY_MAX + 1];
    uint8_t fpr[FPR_LEN], hash[HASH_LEN], nid[HASH_LEN];
    assert_int_equal(rcv_get(peer_db(&alice), receiver, &r), 0);
    assert_int_equal(r.state, RCV_SEALED);
    assert_in_range(r.ns.n, 100, NOTIFICATION_MAX);
    dht_ns_key(key, to->address, r.shard);
    assert_int_equal(pgp_decrypt(pgp, r.ns.p, r.ns.n, &plain, &e), 0);
    pgp_free(&pgp);
    if (verify_notification(plain.data, plain.len, PEER_NETWORK, key, to->address,
                            clock_wall_ms() / 1000, &ns, fpr, &e) < 0)
        fail_msg("%s", e.text);
    assert_memory_equal(fpr, alice.sv.fpr, FPR_LEN);
    assert_int_equal(ns.m_size, n);
    sha256(m, n, hash);
    assert_memory_equal(ns.m_hash, hash, HASH_LEN);
    assert_int_equal(ns.expiry, r.expiry_s);
    assert_memory_equal(ns.p, r.p, SECRET_LEN);
    notification_id(fpr, ns.message_id, to->address, nid);
    assert_memory_equal(nid, r.nid, HASH_LEN);
    entry_bind(r.p, key, r.ns.p, r.ns.n, &b);
    assert_memory_equal(b.lock, r.lock, HASH_LEN);
    opens_to(to, &ns.blobs[0], suffix, &ns.pkesk, m, n);
    assert_int_equal(ns.has_head_blob, head_blob);
    struct out_message row;
    assert_int_equal(out_get(peer_db(&alice), r.message, &row), 0);
    if (head_blob) {
        opens_to(to, &ns.head_blob, "", &ns.head_pkesk, row.head.p, row.head.n);
    } else {
        assert_int_equal(ns.head.n, row.head.n);
        assert_memory_equal(ns.head.p, row.head.p, row.head.n);
    }
    out_message_free(&row);
    for (int o = OUTCOME_PULLED; o <= OUTCOME_CANCELLED; o++) { /* whatever it will answer */
        uint8_t value[HASH_LEN];
        enum outcome found;
        receipt_value(ns.p, (enum outcome)o, ns.blobs[0].hash, value);
        entry_bind(ns.p, "nr:alice@demo", value, sizeof value, &b);
        assert_int_equal(expected_find(peer_db(&alice), b.id, &found), receiver);
        assert_int_equal(found, o);
    }
    out_receiver_free(&r);
    buf_free(&plain);
}

int seal_open(void **state)
{
    (void)signal(SIGXFSZ, SIG_IGN);
    if (peers_open(state) < 0)
        return -1;
    peer_make(&bob, "bob@demo");
    peer_make(&carol, "carol@demo");
    return 0;
}

int seal_shut(void **state)
{
    peer_remove(&bob);
    peer_remove(&carol);
    return peers_shut(state);
}
