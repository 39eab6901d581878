# SPDX-License-Identifier: GPL-3.0-or-later
"""Without a connection nobody is refused: the message waits, and goes or fails later (P-10.10)."""

import os

import pytest

from env import Network, wait_for
from env.mail import check_arrived, compose, picture
from test_kill import crash_and_restart


@pytest.fixture
def alone():
    """(network, a node of it that is not started yet, alice whose only bootstrap it is)"""
    with Network(nodes=0) as net:
        node = net.node(start=False)
        alice = net.peer("alice@demo", start=False).start()
        alice.wait_up()
        yield net, node, alice


def test_accepted_while_alone_and_sent_once_connected(alone):
    net, node, alice = alone
    assert alice.status()["dht"]["link"] != "connected"
    data = compose(alice.address, "bob@demo", "Written on a train", attachment=picture(9_000))
    bob = net.peer("bob@demo", start=False)
    node.start()
    bob.start()
    bob.wait_ready(60)
    bob.stop()
    node.stop()
    alice.kill9()
    alice.start()
    alice.wait_up()
    alice.send(data, [bob.address])
    assert alice.outbox_of(data)["receivers"][0]["state"] == "waiting"
    node.start()  # it kept bob's key on its disk
    bob.start()
    uid = bob.wait_message(data, 60)
    with bob.imap() as box:
        check_arrived(data, box.open(uid))
    alice.wait_idle()
    bob.wait_idle()


def test_mail_to_oneself_needs_no_network(alone):
    """Delivered here, once, also when it is for others too and the daemon is killed (P-10.17)."""
    _, _, alice = alone
    assert alice.status()["dht"]["link"] != "connected"
    note = compose(alice.address, alice.address, "Note to myself", attachment=picture(9_000))
    alice.send(note, [alice.address])
    uid = alice.wait_message(note)
    with alice.imap() as box:
        check_arrived(note, box.open(uid))
        assert int(box.fetch(uid, "RFC822.SIZE")[uid]["RFC822.SIZE"]) == len(box.open(uid))
    assert [r["state"] for r in alice.outbox_of(note)["receivers"]] == ["pulled"]
    for point in ("local_delivery.before", "local_delivery.after"):
        alice.stop()
        alice.start({"RESTANTE_CRASH_AT": point})
        alice.wait_up()
        data = compose(alice.address, "bob@demo", f"Copy to myself, {point}", Cc=alice.address)
        alice.send(data, ["bob@demo", alice.address])
        crash_and_restart(alice, ready=False)
        uid = alice.wait_message(data)
        with alice.imap() as box:
            check_arrived(data, box.open(uid))
        wait_for(lambda: alice.find(data, "Sent"), 15, "the copy in Sent", alice.logs)
        states = {r["to"]: r["state"] for r in alice.outbox_of(data)["receivers"]}
        assert states == {"bob@demo": "waiting", alice.address: "pulled"}
        alice.cli("cancel", alice.outbox_of(data)["id"])
        assert len(alice.find(data)) == 1
    spool = os.path.join(alice.home, "spool")
    wait_for(lambda: os.listdir(spool) == [], 15, "the spool to be empty", alice.logs)
    assert "oneself" in alice.log_text()


def test_not_looked_up_yet_then_returned(alone):
    """Offline any address is accepted, but everywhere it is said that nobody looked it up; what nobody has
    announced comes back within a minute of being connected."""
    _, node, alice = alone
    data = compose(alice.address, "x@gmail.com", "To another world")
    alice.send(data, ["x@gmail.com"])
    receiver, = alice.outbox_of(data)["receivers"]
    assert receiver["state"] == "waiting" and "not looked up yet" in receiver["why"]
    assert "not looked up yet" in alice.cli("outbox")
    waits, = alice.status()["not_looked_up"]
    assert waits["to"] == "x@gmail.com" and "not looked up yet" in waits["why"]
    assert "Not looked up yet" in alice.run_cli("status").stdout and "x@gmail.com" in alice.run_cli("status").stdout
    uid = wait_for(lambda: alice.find(data, "Outgoing"), 15, "a line in the Outgoing", alice.logs)[0]
    with alice.imap("Outgoing", readonly=True) as box:
        line = box.open(uid)
    assert b"[not looked up yet] To another world" in line
    assert b"x@gmail.com: not looked up yet since" in line
    node.start()
    wait_for(lambda: alice.status()["dht"]["link"] == "connected", 60, "the network", alice.logs)
    uid = alice.wait_stubs(1, 60)[0]
    with alice.imap(readonly=True) as box:
        notice = box.open(uid)
    assert b"Status: 5.1.1" in notice and b"x@gmail.com is unknown" in notice
    assert alice.status()["not_looked_up"] == []


def test_given_up_with_a_notice(alone):
    _, node, alice = alone
    data = compose(alice.address, "nobody@demo", "To nobody at all")
    alice.send(data, ["nobody@demo"])
    node.start()
    failed = wait_for(lambda: alice.status()["failed"], 60, "the message to fail", alice.logs)
    assert failed[0]["to"] == "nobody@demo" and failed[0]["why"]
    uid = alice.wait_stubs(1, 20)[0]
    with alice.imap(readonly=True) as box:
        notice = box.open(uid)
    assert b"nobody@demo" in notice and b"To nobody at all" in notice
    wait_for(lambda: alice.status()["pending"] == 0, 20, "nothing pending", alice.logs)
