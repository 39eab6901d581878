# SPDX-License-Identifier: GPL-3.0-or-later
"""Without a connection nobody is refused: the message waits, and goes or fails later."""

import os

from env import DhtNode, Network, wait_for
from env.mail import check_arrived, compose, picture


def test_accepted_while_alone_and_sent_once_connected():
    with Network(nodes=0) as net:
        node = DhtNode(os.path.join(net.folder, "n0"), net.id)
        net.nodes.append(node)  # named to the peers, but not running yet
        alice = net.peer("alice@demo")
        assert alice.status()["dht"]["link"] != "connected"
        data = compose(alice.address, "bob@demo", "Written on a train", attachment=picture(9_000))
        alice.send(data, ["bob@demo"])
        assert alice.outbox_of(data)["receivers"][0]["state"] == "waiting"
        node.start()
        bob = net.peer("bob@demo")
        uid = bob.wait_message(data, 60)
        with bob.imap() as box:
            check_arrived(data, box.open(uid))
        alice.wait_idle()
        bob.wait_idle()


def test_given_up_with_a_notice():
    with Network(nodes=0, settings={"timing.give_up": "3"}) as net:
        alice = net.peer("alice@demo")
        data = compose(alice.address, "nobody@demo", "To nobody at all")
        alice.send(data, ["nobody@demo"])
        failed = wait_for(lambda: alice.status()["failed"], 30, "the message to fail", alice.logs)
        assert failed[0]["to"] == "nobody@demo" and failed[0]["why"]
        uid = alice.wait_stubs(1, 20)[0]
        with alice.imap(readonly=True) as box:
            notice = box.open(uid)
        assert b"nobody@demo" in notice and b"To nobody at all" in notice
        wait_for(lambda: alice.status()["pending"] == 0, 20, "nothing pending", alice.logs)
