# SPDX-License-Identifier: GPL-3.0-or-later
"""What peers put into the DHT, computed a second time: locks, tokens, the receipts that count, and the
cipher that every receiver can open (P-3, P-5.6)."""

import base64
import hashlib
import hmac
import os
import sqlite3
import time

from env import crowd, wait_for
from env.dhtclient import DELETED, LOOK, DhtClient
from env.mail import compose, picture
from test_vectors import hkdf


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def token_of(p, key, value):
    return hmac.new(hkdf(p, b"delete"), b"restante-del" + key.encode() + b"\0" + sha(value),
                    hashlib.sha256).digest()


def lock_of(token):
    return sha(b"restante-lock", token)


def id_of(key, lock, value):
    return sha(b"restante-id", hashlib.sha1(key.encode()).digest(), lock, sha(value))[:8]


def fingerprint(peer):
    return bytes.fromhex(peer.cli("key", "fingerprint").split()[-1])


def announce(sender, receiver, subject):
    data = compose(sender.address, receiver.address, subject, attachment=picture(9_000))
    sender.send(data, [receiver.address])
    wait_for(lambda: sender.outbox_of(data)["receivers"][0]["state"] == "announced", 20,
             "the notification", sender.logs)
    return data


def test_locks_of_own_records_and_of_cancellations(net, alice, bob):
    """P-3.6"""
    with DhtClient(net.nodes[0].socket) as dht:
        (old, lock, _, record), = dht.get("key:" + alice.address)
        guessed = (alice.address.encode(), fingerprint(alice), record, bytes(32))
        assert lock not in [lock_of(token_of(g, "key:" + alice.address, record)) for g in guessed]
        alice.restart()
        (new, other, _, _), = dht.get("key:" + alice.address)
        assert new != old and other != lock
        assert dht.answer(dht.ask(LOOK, "key:" + alice.address, old))[2:] == [True, DELETED]

        bob.stop()
        data = announce(alice, bob, "Taken back unseen")
        alice.cli("cancel", alice.outbox_of(data)["id"])
        key = "ns:" + bob.address
        nid = sha(fingerprint(alice), bytes.fromhex(alice.outbox_of(data)["id"]),
                  bob.address.encode())

        def cancellation():
            found = dht.get(key)
            return found if len(found) == 1 and found[0][1] == lock_of(
                token_of(nid, key, found[0][3])) else None

        wait_for(cancellation, 20, "the cancellation alone", alice.logs)
        bob.start()
        bob.wait_ready()
        wait_for(lambda: dht.list(key) == [], 20, "bob to delete the cancellation", bob.logs)


def test_only_the_receipts_that_were_computed_count(net, alice, bob):
    """P-3.9"""
    bob.stop()
    data = announce(alice, bob, "Who says it was read?")
    with sqlite3.connect(f"file:{alice.home}/state.db?mode=ro", uri=True) as db:
        row, p, h = db.execute(
            "SELECT r.n,r.p,b.hash FROM receiver r JOIN message m ON m.n=r.message JOIN blob b ON"
            " b.n=r.blob WHERE m.id=?", (bytes.fromhex(alice.outbox_of(data)["id"]),)).fetchone()
        expected = {o: i for i, o in db.execute(
            "SELECT id,outcome FROM expected WHERE receiver=?", (row,))}
    key = "nr:" + alice.address
    receipt = {o: hmac.new(hkdf(p, b"receipt"), bytes([o]) + h, hashlib.sha256).digest()
               for o in (1, 2, 3, 4)}
    locks = {o: lock_of(token_of(p, key, v)) for o, v in receipt.items()}
    assert expected == {o: id_of(key, locks[o], receipt[o]) for o in (1, 2, 3)}
    with DhtClient(net.nodes[0].socket) as dht:
        for value, lock in ((receipt[1], os.urandom(32)), (receipt[1], locks[2]),
                            (os.urandom(32), locks[1]), (receipt[4], locks[4])):
            assert dht.put(key, value, lock=lock)[0]
        time.sleep(2)  # four looks
        assert alice.outbox_of(data)["receivers"][0]["state"] == "announced"
        assert os.path.exists(os.path.join(alice.home, "outbox", h.hex()))
        assert dht.put(key, receipt[2], lock=locks[2])[0]
        wait_for(lambda: alice.outbox_of(data)["receivers"][0]["state"] == "declined", 20,
                 "the receipt", alice.logs)
        wait_for(lambda: not os.path.exists(os.path.join(alice.home, "outbox", h.hex())), 20,
                 "the blob to go", alice.logs)
        # Its token is that of its own place and octets: alice deletes this one and no other.
        wait_for(lambda: expected[2] not in dht.list(key), 20, "the receipt to go", alice.logs)
        assert len(dht.list(key)) == 4
    bob.start()
    bob.wait_ready()


def test_a_head_that_fits_some_notifications_only(net, alice):
    """P-4.8: when one receiver's notification would be too large, all get the head as a blob."""
    with DhtClient(net.nodes[0].socket) as dht:
        # an address that stays long when it is compressed
        long = ".".join(sha(b"%d" % i).hex()[:24] for i in range(4))
        (short,), (long,) = (list(crowd.post(dht, net.id, group, 1)) for group in ("s", long))
    octets = 4000

    def send(to):
        trace = base64.b64encode(picture(octets)).decode()
        data = compose(alice.address, "all@demo", f"{len(to)} of them", X_Trace=" ".join(
            trace[i:i + 70] for i in range(0, len(trace), 70)))
        alice.send(data, to)
        wait_for(lambda: alice.outbox_of(data)["state"] == "published", 20, "the blob", alice.logs)
        with sqlite3.connect(f"file:{alice.home}/state.db?mode=ro", uri=True) as db:
            rows = db.execute(
                "SELECT length(r.ns),r.head FROM receiver r JOIN message m ON m.n=r.message WHERE"
                " m.id=?", (bytes.fromhex(alice.outbox_of(data)["id"]),)).fetchall()
        alice.cli("cancel", alice.outbox_of(data)["id"])
        return rows

    (size, head), = send([short])
    octets += 6144 - size - 50
    (size, head), = send([short])
    assert 6144 - 150 < size <= 6144 and head is None
    (size, head), = send([long])
    assert head
    for to in ([short, long], [long, short]):
        (one, head), (other, same) = send(to)
        assert head and head == same and max(one, other) < size + 200


def test_ocb_only_if_all_announce_it(net, alice):
    """P-5.6: the tag of the blob's packet is 20 or 18."""
    with DhtClient(net.nodes[0].socket) as dht:
        new, old = (list(crowd.post(dht, net.id, mode, 2, mode)) for mode in ("ocb", "cfb"))
    for to, tag in ((new, 20), (new[:1] + old[:1], 18), (old, 18)):
        data = compose(alice.address, to, f"In packet {tag}", attachment=picture(5_000))
        alice.send(data, to)
        wait_for(lambda: alice.outbox_of(data)["state"] == "published", 20, "the blob", alice.logs)
        with open(os.path.join(alice.home, "outbox", alice.outbox_of(data)["hash"]), "rb") as f:
            first, = f.read(1)
        assert first == 0xc0 | tag
        alice.cli("cancel", alice.outbox_of(data)["id"])
