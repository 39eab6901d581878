# SPDX-License-Identifier: GPL-3.0-or-later
"""Receipts that go to the sender itself (P-6.8, P-6.9, P-3.11, P-10.6): who took them has committed and
proves it, who did not is told through the DHT, and a stranger's change nothing."""

import hashlib
import hmac
import http.client
import os
import shutil
import signal
import sqlite3

import cbor2

from env import Network, wait_for
from env.dhtclient import ABSENT, DELETED, LOOK, PRESENT, DhtClient
from env.mail import check_arrived, compose, picture
from test_entries import announce, id_of, lock_of, sha, token_of
from test_restore import keep, restore
from test_vectors import hkdf

ITSELF = "has taken the receipt itself"


class Sent:
    """What its sender knows of a message to one receiver, and what follows from it."""

    def __init__(self, sender, data):
        self.sender, self.receiver = sender.address, None
        with sqlite3.connect(f"file:{sender.home}/state.db?mode=ro", uri=True) as db:
            self.receiver, self.p, h, ns = db.execute(
                "SELECT r.address,r.p,b.hash,r.ns FROM receiver r JOIN message m ON m.n=r.message JOIN"
                " blob b ON b.n=r.blob WHERE m.id=?",
                (bytes.fromhex(sender.outbox_of(data)["id"]),)).fetchone()
        key = "nr:" + self.sender
        self.value = {o: hmac.new(hkdf(self.p, b"receipt"), bytes([o]) + h, hashlib.sha256).digest()
                      for o in (1, 2, 3)}
        self.nr = {o: id_of(key, lock_of(token_of(self.p, key, v)), v)
                   for o, v in self.value.items()}
        key = "ns:" + self.receiver
        self.ns = id_of(key, lock_of(token_of(self.p, key, ns)), ns)

    def proof(self, outcome):
        return hmac.new(hkdf(self.p, b"taken"), self.value[outcome], hashlib.sha256).digest()

    def presence(self, net, outcome):
        """(notification, receipt) in the DHT."""
        with DhtClient(net.nodes[0].socket) as dht:
            ask = [("ns:" + self.receiver, self.ns), ("nr:" + self.sender, self.nr[outcome])]
            return tuple(dht.answer(dht.ask(LOOK, *a))[3] for a in ask)


def post(peer, body, path="/receipt", method="POST"):
    """(status, octets of the answer)"""
    link = http.client.HTTPConnection("127.0.0.1", peer.http_port, timeout=20)
    try:
        link.request(method, path, body)
        answer = link.getresponse()
        return answer.status, answer.read()
    finally:
        link.close()


def read(receiver, data):
    uid = receiver.wait_message(data)
    with receiver.imap() as box:
        check_arrived(data, box.open(uid))


def state(sender, data):
    return sender.outbox_of(data)["receivers"][0]["state"]


def test_the_sender_takes_it(net, alice, bob):
    """No receipt is ever put into the DHT, and the sender deletes the notification; what is declined
    soon after a pull from the same peer goes the same way."""
    mail = [announce(alice, bob, f"Taken {i}") for i in range(4)]
    sent = [Sent(alice, data) for data in mail]
    for data in mail[:3]:
        read(bob, data)
    wait_for(lambda: bob.log_text().count(ITSELF) == 3, 10, "three receipts", bob.logs)
    assert [state(alice, data) for data in mail[:3]] == ["pulled"] * 3
    uid, = bob.find(mail[3])
    with bob.imap() as box:
        box.expunge(uid)
    wait_for(lambda: state(alice, mail[3]) == "declined", 20, "the decline", bob.logs)
    alice.wait_idle()
    bob.wait_idle()
    assert bob.log_text().count(ITSELF) == 4
    for s, outcome in zip(sent, (1, 1, 1, 2)):
        assert s.presence(net, outcome) == (DELETED, ABSENT)


def test_the_sender_goes_right_after_the_pull(net, alice, bob):
    """The receipt follows through the DHT at once, and is collected when the sender is back."""
    data = announce(alice, bob, "And then it was gone")
    sent = Sent(alice, data)
    alice.stop()
    alice.start({"RESTANTE_CRASH_AT": "collect.before"})
    alice.wait_ready()
    read(bob, data)
    assert alice.process.wait(20) == -signal.SIGKILL
    alice.process = None
    wait_for(lambda: sent.presence(net, 1) == (DELETED, PRESENT), 20, "the receipt", bob.logs)
    assert "receipts are not taken by " + alice.address in bob.log_text()
    alice.start()
    alice.wait_ready()
    alice.wait_idle()
    bob.wait_idle()
    assert state(alice, data) == "pulled"


def test_strangers_receipts(net, alice, bob):
    """P-6.8, P-6.9: rubbish, guesses and forgeries end nothing and are answered alike; the true one is
    answered with the proof, as often as it comes, and makes work once."""
    bob.stop()
    data = announce(alice, bob, "Who says so?")
    sent = Sent(alice, data)
    true = [sent.nr[2], sent.value[2]]
    for body, expected in ((b"", (413, 411, 400)), (b"\x80", (400,)), (b"x", (400,)),
                           (cbor2.dumps([true])[:-1], (400,)), (cbor2.dumps([true]) + b"\0", (400,)),
                           (cbor2.dumps([[sent.nr[2], b"short"]]), (400,)),
                           (cbor2.dumps([true] * 33), (413,)), (bytes(100_000), (413,))):
        try:
            assert post(alice, body)[0] in expected
        except (ConnectionError, http.client.RemoteDisconnected):
            pass  # closed while it was still being sent
    assert post(alice, None, method="GET")[0] == 405
    forged = [[os.urandom(8), sent.value[2]], [sent.nr[2], os.urandom(32)], [sent.nr[1], sent.value[2]],
              [sent.nr[2], sent.value[1]]]
    status, answer = post(alice, cbor2.dumps(forged))
    assert (status, cbor2.loads(answer)) == (200, [b""] * 4)
    assert state(alice, data) == "announced"
    for _ in range(20):
        status, answer = post(alice, cbor2.dumps([forged[0], true, true]))
        assert (status, cbor2.loads(answer)) == (200, [b"", sent.proof(2), sent.proof(2)])
        assert state(alice, data) == "declined"
    alice.wait_idle()
    assert alice.log_text().count("declined it, by its own receipt") <= 2 + 1
    assert sent.presence(net, 2) == (DELETED, ABSENT)
    bob.start()
    bob.wait_ready()
    assert not bob.find(data)


def test_a_late_receipt_in_the_dht_too(net, alice, bob):
    """The answer was lost: the receiver went on through the DHT, where the sender takes it away."""
    data = announce(alice, bob, "Said twice")
    sent = Sent(alice, data)
    read(bob, data)
    alice.wait_idle()
    assert sent.presence(net, 1) == (DELETED, ABSENT)
    key = "nr:" + alice.address
    with DhtClient(net.nodes[0].socket) as dht:
        assert dht.put(key, sent.value[1], lock=lock_of(token_of(sent.p, key, sent.value[1])))[0]
    wait_for(lambda: sent.presence(net, 1) == (DELETED, DELETED), 20, "it to go", alice.logs)
    assert state(alice, data) == "pulled"


def test_restored_before_it_deleted_the_notification():
    """P-10.7: the receiver settled, but the notification stands there still after an hour, for its
    sender lost what it had committed: it is answered again."""
    with Network(nodes=5) as net:
        alice, bob = net.peer("alice@demo"), net.peer("bob@demo")
        data = announce(alice, bob, "Committed and lost")
        sent = Sent(alice, data)
        alice.stop()
        copy = keep(alice, "backup")
        alice.start()
        alice.wait_ready()
        bob.wait_message(data)
        os.kill(alice.children()["restante-dht"], signal.SIGSTOP)  # so it cannot delete anything
        read(bob, data)
        wait_for(lambda: ITSELF in bob.log_text(), 10, "the sender to take it", bob.logs)
        child = alice.children()["restante-dht"]
        alice.kill9()
        os.kill(child, signal.SIGKILL)
        restore(alice, copy)
        shutil.rmtree(copy)
        assert sent.presence(net, 1) == (PRESENT, ABSENT)
        alice.start()
        alice.wait_ready()
        bob.stop()
        with sqlite3.connect(f"{bob.home}/state.db") as db:
            hours, = db.execute("SELECT until_s-strftime('%s','now') FROM looked WHERE id=?",
                                (sent.ns,)).fetchone()
            assert 3500 < hours <= 3700
            db.execute("UPDATE looked SET until_s=until_s-3700")
            db.execute("UPDATE incoming SET changed_ms=changed_ms-3700000")
        bob.start()
        bob.wait_ready()
        wait_for(lambda: state(alice, data) == "pulled", 20, "the receipt", bob.logs)
        alice.wait_idle()
        bob.wait_idle()
        assert len(bob.find(data)) == 1
