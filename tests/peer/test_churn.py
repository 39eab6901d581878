# SPDX-License-Identifier: GPL-3.0-or-later
"""A network of storage nodes that go without a word and never come back: what was announced is found all
the same, although its sender is away (P-9.12)."""

import os
import random
import shutil
import time

import pytest

from env import Network, crowd, wait_for
from env.dhtclient import STATUS, DhtClient
from env.mail import compose
from test_replica import came_from, make_group, offer, open_message, replicas

NODES, KILLED, ROUNDS, RECEIVERS = 30, 9, 3, 100
REPUBLISH = ("--republish", "3")  # seconds; an hour otherwise


def state(node):
    """(good nodes, values held)"""
    with DhtClient(node.socket) as c:
        s = c.answer(c.ask(STATUS))
        return s[3], s[5]


def wait_meshed(nodes, good):
    for n in nodes:
        wait_for(lambda n=n: state(n)[0] >= good, 30, "a node to know others", [n.log])


def wait_held(nodes, count):
    """Each of that many values stands at about eight nodes again."""
    wait_for(lambda: sum(state(n)[1] for n in nodes) >= 7.5 * count, 40, "the replicas", every=0.3)


def test_a_third_of_the_nodes_dies_three_times():
    draw = random.Random(30)
    with Network(nodes=0) as net:
        for _ in range(NODES):
            net.node(REPUBLISH)
        wait_meshed(net.nodes, 5)
        with DhtClient(net.nodes[0].socket) as dht:
            keys = crowd.post(dht, net.id, "churn", RECEIVERS)
        sender = net.peer("sender@churn")
        data = compose(sender.address, list(keys), "While the network crumbles")
        sender.send(data, list(keys))
        wait_for(lambda: all(r["state"] == "announced" for r in sender.outbox_of(data)["receivers"]),
                 30, "the notifications", sender.logs)
        with DhtClient(net.nodes[0].socket) as dht:
            announced = dht.get_all("ns:" + a for a in keys)
        assert {len(e) for e in announced.values()} == {1}
        sender.kill9()  # and its node with it
        alive = list(net.nodes)
        for number in range(ROUNDS):
            victims = draw.sample(alive[1:], KILLED)  # the first is the one that newcomers know
            for v in victims:
                v.kill9()
                alive.remove(v)
            fresh = [net.node(REPUBLISH) for _ in range(KILLED)]
            began = time.monotonic()
            wait_meshed(fresh, 5)
            alive += fresh
            with DhtClient(draw.choice(alive).socket) as dht:
                found = dht.get_all("ns:" + a for a in keys)
                # A look that meets the dead may end early; a receiver looks again at its next poll.
                for _ in range(3):
                    lost = [k for k in announced
                            if [e[3] for e in found[k]] != [e[3] for e in announced[k]]]
                    if lost:
                        time.sleep(1)
                        found.update(dht.get_all(lost))
            lost = [k for k in announced if [e[3] for e in found[k]] != [e[3] for e in announced[k]]]
            assert not lost, f"round {number}: {len(lost)} of {RECEIVERS} are not found"
            wait_held(alive, 2 * RECEIVERS)  # identities too
            print(f"round {number}: replicas again after {time.monotonic() - began:.1f} s")
        lines = "".join(f"{a} {keys[a]} {found['ns:' + a][0][3].hex()}\n" for a in keys)
        assert len(crowd.run("read", net.id, text=lines)) == RECEIVERS


def forget(net):
    """Everybody ends, and what the DHT held is lost; the storage nodes begin anew."""
    for p in net.peers:
        p.stop()
        shutil.rmtree(os.path.join(p.home, "dht"))
        os.mkdir(os.path.join(p.home, "dht"), 0o700)
    for n in net.nodes:
        n.kill9()
        if os.path.exists(os.path.join(n.folder, "state")):  # written now and then
            os.unlink(os.path.join(n.folder, "state"))
    for n in net.nodes:
        n.start()


@pytest.mark.parametrize("survivor", ["the sender", "a member"])
def test_what_the_dht_forgets_is_put_again(survivor):
    """By the sender, and by the members of its group while it is away (P-12.6)."""
    with Network(nodes=4, settings={"timing.reput": "2"}) as net:
        ada, ben, zoe = net.peer("ada@two"), net.peer("ben@two"), net.peer("zoe@demo")
        make_group([ada, ben])
        zoe.stop()
        data, _ = offer(ada, zoe, f"Remembered by {survivor}", 1)
        wait_for(lambda: ada.outbox_of(data)["receivers"][0]["state"] == "announced", 20,
                 "the notification", ada.logs)
        with DhtClient(net.nodes[0].socket) as dht:
            before = dht.get("ns:" + zoe.address)
        assert len(before) == 1
        forget(net)
        with DhtClient(net.nodes[0].socket) as dht:
            wait_meshed(net.nodes, 1)
            assert dht.list("ns:" + zoe.address) == []
            alive = ada if survivor == "the sender" else ben
            alive.start()
            alive.wait_ready()
            wait_for(lambda: dht.list("ns:" + zoe.address), 30, "the notification", alive.logs)
            again = dht.get("ns:" + zoe.address)
        assert [(e[0], e[3]) for e in again] == [(e[0], e[3]) for e in before]
        zoe.start()
        zoe.wait_ready()
        mark = len(zoe.log_text())
        open_message(zoe, data)
        assert came_from(zoe, mark) == [alive.address]
        for p in (ada, ben):
            if p.process is None:
                p.start()
                p.wait_ready()
        ada.wait_idle(40)
        wait_for(lambda: replicas(ben) == [], 40, "the replica to go", ben.logs)
