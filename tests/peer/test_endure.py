# SPDX-License-Identifier: GPL-3.0-or-later
"""What a network goes through over time: large headers, IPv6, one restante-dht for two peers, nodes that
leave."""

import hashlib
import os
import time

import cbor2

from env import Network, wait_for
from env.dhtclient import DEL, DhtClient
from env.mail import check_arrived, compose, picture


def large_header(sender, receiver, subject):
    """Random tokens: they do not fit into a notification, however well it is packed."""
    trace = b"\r\n ".join(os.urandom(30).hex().encode() for _ in range(300))
    return b"X-Trace: " + trace + b"\r\n" + compose(sender.address, receiver.address, subject,
                                                 "Below.\n", picture(20_000))


def open_and_compare(sender, receiver, data, seconds=30):
    uid = receiver.wait_message(data, seconds)
    with receiver.imap() as box:
        before = box.metadata(uid)[uid]
        assert receiver.stub_of(data)["state"] == "stub"
        got = box.open(uid)
        assert got.startswith(before["BODY[HEADER]"])
        assert len(got) == int(before["RFC822.SIZE"])
    check_arrived(data, got)
    sender.wait_idle()
    receiver.wait_idle()


def test_header_too_large_for_a_notification(alice, bob):
    data = large_header(alice, bob, "A long way behind it")
    alice.send(data, [bob.address])
    open_and_compare(alice, bob, data)
    assert os.listdir(os.path.join(alice.home, "outbox")) == []


def test_head_blob_of_a_sender_that_was_away():
    """The stub waits for the header; it comes when the sender runs again."""
    with Network(nodes=5) as net:
        alice, bob = net.peer("alice@demo"), net.peer("bob@demo")
        bob.stop()
        data = large_header(alice, bob, "Sent before a restart")
        alice.send(data, [bob.address])
        wait_for(lambda: alice.outbox_of(data)["receivers"][0]["state"] == "announced", 20,
                 "the notification to be in the DHT", alice.logs)
        alice.kill9()
        bob.start()
        bob.wait_ready()
        wait_for(lambda: bob.stub_of(data), 20, "the notification to be read", bob.logs)
        assert not bob.find(data)
        alice.start()
        alice.wait_ready()
        open_and_compare(alice, bob, data)


def test_ipv6_alone():
    with Network(nodes=4, host="::1") as net:
        settings = {"network.dht_bind": "127.0.0.2"}  # where no node is
        alice, bob = net.peer("alice@demo", settings), net.peer("bob@demo", settings)
        data = compose(alice.address, bob.address, "Over IPv6", attachment=picture(200_000))
        alice.send(data, [bob.address])
        open_and_compare(alice, bob, data)


def test_two_peers_share_one_restante_dht():
    with Network(nodes=5) as net:
        shared = {"network.dht_socket": net.nodes[4].socket}
        alice, bob = net.peer("alice@demo", shared), net.peer("bob@demo", shared)
        carol = net.peer("carol@demo")
        for p in (alice, bob):
            assert "restante-dht" not in p.children()
        for sender, receiver in ((alice, bob), (carol, alice)):
            data = compose(sender.address, receiver.address, f"For {receiver.address}",
                           attachment=picture(30_000))
            sender.send(data, [receiver.address])
            open_and_compare(sender, receiver, data)
        # The node goes and comes: what was announced meanwhile arrives all the same.
        net.nodes[4].kill9()
        data = compose(carol.address, bob.address, "While the node was away")
        carol.send(data, [bob.address])
        net.nodes[4].start()
        open_and_compare(carol, bob, data)


def shard_of(sender, receiver, shards):
    fingerprint = bytes.fromhex(sender.cli("key", "fingerprint"))
    digest = hashlib.sha256(fingerprint + receiver.encode()).digest()
    return int.from_bytes(digest[:8], "big") % shards


def posted_shards(net, peer):
    """How many the peer's identity states in the DHT."""
    with DhtClient(net.nodes[0].socket) as c:
        return max(cbor2.loads(cbor2.loads(v[3])[0])[3][4] for v in c.get("key:" + peer.address))


def test_more_notifications_than_one_key_takes():
    """P-10.22: bob's key is split; what was there before and what comes after arrive both, also when
    senders still know the old number."""
    with Network(nodes=5) as net:
        bob = net.peer("bob@demo", {"network.shard_at": "2"})
        alice = net.peer("alice@demo")
        mail = [compose(alice.address, bob.address, f"Number {i}") for i in range(4)]
        for data in mail:
            alice.send(data, [bob.address])
        wait_for(lambda: "spread over 4 shards" in bob.log_text(), 20, "the key to be split", bob.logs)
        senders = 0
        while True:  # a sender for another shard than the first
            dave = net.peer(f"dave{senders}@demo", start=False)
            senders += 1
            shard = shard_of(dave, bob.address, 4)
            if shard != 0:
                break
            net.peers.remove(dave)
        dave.start()
        dave.wait_ready()
        key = f"ns:{bob.address}/{shard}"

        wait_for(lambda: posted_shards(net, bob) == 4, 10, "bob's identity", bob.logs)
        data = compose(dave.address, bob.address, "To a shard", attachment=picture(20_000))
        dave.send(data, [bob.address])
        wait_for(lambda: dave.outbox_of(data)["receivers"][0]["state"] == "announced", 20,
                 "the notification", dave.logs)
        with DhtClient(net.nodes[0].socket) as c:
            assert len(c.list(key)) == 1
        for one in [data, *mail]:
            uid = bob.wait_message(one)
            with bob.imap() as box:
                check_arrived(one, box.open(uid))
        for p in (alice, bob, dave):
            p.wait_idle()
        with DhtClient(net.nodes[0].socket) as c:
            assert c.list(key) == []
        bob.restart()  # the number stays
        late = compose(dave.address, bob.address, "After a restart")
        dave.send(late, [bob.address])
        bob.wait_message(late)


def test_heard_without_polling():
    """P-8.9: more nodes than hold one entry; who waits for its poll waits ten minutes here."""
    with Network(nodes=10, settings={"timing.poll": "600"}) as net:
        alice, bob = net.peer("alice@demo"), net.peer("bob@demo")
        for n in range(3):
            data = compose(alice.address, bob.address, f"Heard {n}")
            alice.send(data, [bob.address])
            bob.wait_message(data)


def test_a_crowded_key_has_64_shards_at_most_and_never_fewer(net, bob):
    """P-10.22: whatever stands under the key counts, also what is no notification."""
    key, token = "ns:crowded@demo", os.urandom(32)
    lock = hashlib.sha256(b"restante-lock" + token).digest()
    crowded = net.peer("crowded@demo", {"network.shard_at": "1"})
    with DhtClient(net.nodes[0].socket) as dht:
        junk = [os.urandom(200) for _ in range(70)]
        dht.put_all((key, v, int(time.time()) + 600, lock) for v in junk)
        wait_for(lambda: posted_shards(net, crowded) == 64, 20, "64 shards", crowded.logs)
        time.sleep(2)  # four looks
        assert posted_shards(net, crowded) == 64
        for (f,) in dht.many((DEL, key, hashlib.sha256(v).digest(), token) for v in junk):
            assert f[2]
    crowded.restart()
    time.sleep(2)
    assert posted_shards(net, crowded) == 64
    data = compose(bob.address, crowded.address, "Found in one of many", attachment=picture(9_000))
    bob.send(data, [crowded.address])
    open_and_compare(bob, crowded, data, 90)  # each look takes one of the 63 others in turn
    crowded.stop()
