# SPDX-License-Identifier: GPL-3.0-or-later
"""restante-dht by itself: real processes that form a network on 127.0.0.1, asked over their local
sockets."""

import hashlib
import os
import shutil
import socket
import tempfile
import time

import pytest

from env.dhtclient import (ABSENT, ADD, DEL, DELETED, DROP, HEARD, LINK, LIST, LISTEN, LOOK, PRESENT, STATUS, WARM,
                           DhtClient)
from env.node import DhtNode
from env.wait import wait_for

TOKEN = b"t" * 32
CONNECTED = 2
STATE_FIELDS = ("link good dubious values bytes bad refused_puts refused_edits deletions port4 port6"
                " node").split()


def lock_of(token):
    return hashlib.sha256(b"restante-lock" + token).digest()


def id_of(key, value, token=TOKEN):
    text = b"restante-id" + hashlib.sha1(key.encode()).digest() + lock_of(token)
    return hashlib.sha256(text + hashlib.sha256(value).digest()).digest()[:8]


class Client(DhtClient):
    """The shared client, with everything under one token and answers in any order."""

    def __init__(self, path):
        super().__init__(path)
        self.heard, self.aside = [], []

    def answer(self, request):
        for i, f in enumerate(self.aside):
            if f[1] == request:
                return self.aside.pop(i)
        while True:
            f = self.frame()
            if f[0] == HEARD:
                self.heard.append(f)
            elif f[0] != LINK:
                if f[1] == request:
                    return f
                self.aside.append(f)

    def post(self, key, value, life=3600, token=TOKEN):
        return self.put(key, value, life, lock_of(token))

    def erase(self, key, value, token=TOKEN, verb=DEL):
        return self.delete(key, hashlib.sha256(value).digest(), token, verb)

    def values(self, key):
        return sorted(v[3] for v in self.get(key))

    def look(self, key, value, token=TOKEN):
        ok, presence = self.answer(self.ask(LOOK, key, id_of(key, value, token)))[2:]
        assert ok
        return presence

    def listen(self, key):
        assert self.answer(self.ask(LISTEN, key))[2]

    def hear(self, seconds):
        end = time.monotonic() + seconds
        while not self.heard and time.monotonic() < end:
            self.sock.settimeout(max(0.01, end - time.monotonic()))
            try:
                f = self.frame()
            except socket.timeout:
                break
            if f[0] == HEARD:
                self.heard.append(f)
        self.sock.settimeout(30)
        return self.heard.pop(0)[5] if self.heard else None

    def state(self):
        return dict(zip(STATE_FIELDS, self.answer(self.ask(STATUS))[2:]))


class Net:
    def __init__(self, count, *options, network=4711):
        self.folder = tempfile.mkdtemp(prefix="d")
        self.options, self.id, self.nodes, self.clients = list(options), network, [], {}
        for _ in range(count):
            self.add()

    def add(self, *options):
        n = DhtNode(os.path.join(self.folder, f"n{len(self.nodes)}"), self.id,
                    [self.nodes[0].address] if self.nodes else [], self.options + list(options))
        self.nodes.append(n)
        return n.start()

    def __getitem__(self, i):
        """The connection to node i."""
        n = self.nodes[i]
        if self.clients.get(i, (None,))[0] is not n.process:
            self.clients[i] = (n.process, Client(n.socket))
        return self.clients[i][1]

    def connected(self, good=1):
        for i, n in enumerate(self.nodes):
            if n.process:
                wait_for(lambda i=i: self[i].state()["good"] >= good, 20, "the network", [n.log])
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for n in self.nodes:
            n.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def eight():
    with Net(8) as net:
        yield net.connected(4)


def test_put_at_one_get_at_another(eight):
    """P-8.4, P-8.6, P-8.7"""
    assert eight[1].post("ns:a@test", b"one") == (True, "")
    for i in range(8):
        assert eight[i].values("ns:a@test") == [b"one"]
    assert eight[6].look("ns:a@test", b"one") == PRESENT
    assert eight[6].look("ns:a@test", b"two") == ABSENT
    assert eight[6].values("ns:nobody@test") == []


def test_adding_what_is_new(eight):
    """P-8.12, P-8.13"""
    lock = b"l" * 32
    with DhtClient(eight.nodes[2].socket) as c:
        assert c.answer(c.ask(WARM, "ns:new@test"))[2:] == [True, ""]
        fields = ("ns:new@test", b"new" * 500, int(time.time()) + 600, lock)
        assert c.answer(c.ask(ADD, *fields))[2:] == [True, ""]
        assert c.answer(c.ask(ADD, "ns:new@test", b"late", int(time.time()) - 5, lock))[2] is False
    for i in range(8):
        assert eight[i].values("ns:new@test") == [b"new" * 500]


def test_several_values_of_all_sizes_under_one_key(eight):
    values = sorted(os.urandom(n) for n in (0, 1, 500, 600, 1300, 6000, 16384))
    for i, v in enumerate(values):
        assert eight[i].post("ns:b@test", v) == (True, "")
    for i in range(8):
        assert eight[i].values("ns:b@test") == values
    assert not eight[0].post("ns:b@test", b"x" * 10, life=8 * 86400)[0]
    assert not eight[0].post("ns:b@test", b"x" * 10, life=-5)[0]


def test_a_key_whose_values_stand_at_different_nodes(eight):
    """No node's answer hides another's: the asking one holds some of them itself. P-9.11"""
    for i in range(8):
        for j in range(5):
            assert eight[i].post("ns:c@test", b"%d-%d" % (i, j))[0]
    for i in range(8):
        assert len(eight[i].list("ns:c@test")) == 40


def test_dropping_what_surely_is_there(eight):
    """P-8.14: gone everywhere, and a wrong token drops nothing, although nobody says so."""
    key, value = "ns:dropped@test", b"sure" * 300
    assert eight[0].post(key, value)[0]
    eight[0].erase(key, value, b"x" * 32, DROP)
    assert eight[5].values(key) == [value]
    assert eight[0].erase(key, value, verb=DROP) == (True, "")
    for i in range(8):
        assert eight[i].look(key, value) == DELETED
        assert eight[i].values(key) == []


def test_deletion_needs_the_token(eight):
    """P-8.5, P-8.8, P-9.7, P-9.10"""
    key, value = "ns:d@test", b"secret" * 300
    assert eight[0].post(key, value)[0]
    assert eight[0].post(key, b"another")[0]
    assert eight[3].erase(key, value, b"x" * 32) == (False, "absent")
    assert eight[3].erase(key, b"never there") == (False, "absent")
    assert eight[5].values(key) == sorted([value, b"another"])
    assert eight[3].erase(key, value) == (True, "")
    for i in range(8):
        assert eight[i].look(key, value) == DELETED
        assert eight[i].values(key) == [b"another"]
    # Again is no error, and the same bytes do not come back while the tombstone lives.
    assert eight[2].erase(key, value) == (True, "")
    for i in (0, 4, 7):
        assert eight[i].post(key, value) == (False, "deleted")
    for i in range(8):
        assert eight[i].values(key) == [b"another"]


def test_an_entry_ends_at_its_expiry(eight):
    """P-9.5, P-9.8"""
    key = "ns:e@test"
    assert eight[0].post(key, b"short", life=2)[0]
    assert eight[0].post(key, b"long", life=600)[0]
    assert len(eight[4].values(key)) == 2
    wait_for(lambda: all(eight[i].values(key) == [b"long"] for i in range(8)), 10, "the expiry")
    # Putting it again with a later expiry prolongs it.
    assert eight[0].post(key, b"renewed", life=2)[0]
    assert eight[3].post(key, b"renewed", life=600)[0]
    time.sleep(2.5)
    assert eight[6].values(key) == [b"long", b"renewed"]


def test_listening(eight):
    """P-8.9"""
    client = Client(eight.nodes[7].socket)
    client.listen("ns:f@test")
    time.sleep(1)
    assert eight[2].post("ns:f@test", b"news")[0]
    assert client.hear(5) == b"news"
    assert eight[7].post("ns:f@test", b"from the same node")[0]
    assert client.hear(5) == b"from the same node"


def test_listening_to_keys_held_elsewhere():
    """P-8.9, P-9.15: more nodes than hold one entry, so that most of what is heard was told by
    others; the ids came, and each value was fetched."""
    with Net(14) as net:
        net.connected(8)
        client = Client(net.nodes[13].socket)
        keys = [f"ns:far{n}@test" for n in range(8)]
        for key in keys:
            client.listen(key)
        time.sleep(1)
        values = [k.encode() * (1 if n % 2 else 300) for n, k in enumerate(keys)]  # some in pieces
        for key, value in zip(keys, values):
            assert net[2].post(key, value)[0]
        assert sorted(client.hear(5) or b"" for _ in keys) == sorted(values)
        assert all(net[i].state()["bad"] == 0 for i in range(14))


def test_the_putting_node_leaves():
    with Net(8) as net:
        net.connected(4)
        assert net[7].post("ns:bob@demo", b"still here")[0]
        net.nodes[7].kill9()
        net.add()
        net.connected()
        assert net[8].values("ns:bob@demo") == [b"still here"]


def test_nodes_that_die_near_a_known_key():
    """P-9.16: the neighbourhood is known from the put before; who died since is replaced, who came back
    with other tokens takes puts again."""
    key, lock = "ns:near@test", b"l" * 32

    def add(client, value):
        return client.answer(client.ask(ADD, key, value, int(time.time()) + 600, lock))[2]

    def holders(net):
        return [i for i in range(14) if net.nodes[i].process and net[i].state()["values"] > held[i]]

    with Net(14) as net:
        net.connected(8)
        assert add(net[13], b"before" * 100)
        victims = [i for i in range(1, 13) if net[i].state()["values"]][:3]
        net.nodes[victims[0]].stop()  # this one keeps its id
        for i in victims[1:]:
            net.nodes[i].kill9()
        held = [n.process and net[i].state()["values"] for i, n in enumerate(net.nodes)]
        assert add(net[13], b"after" * 100)
        wait_for(lambda: len(holders(net)) >= 8, 20, "eight living holders")
        net.nodes[victims[0]].start()
        held[victims[0]] = 0
        wait_for(lambda: add(net[13], os.urandom(9)) and victims[0] in holders(net), 20, "it to take a put")


def test_state_survives_a_restart():
    with Net(3) as net:
        net.connected()
        assert net[0].post("ns:bob@demo", b"kept")[0]
        assert net[0].post("ns:bob@demo", b"deleted")[0]
        assert net[0].erase("ns:bob@demo", b"deleted")[0]
        for n in net.nodes:
            n.stop()
        alone = net.nodes[1]
        alone.bootstrap = []
        alone.start()
        # Alone now: what it has is what the file gave it.
        assert net[1].values("ns:bob@demo") == [b"kept"]
        assert net[1].post("ns:bob@demo", b"deleted") == (False, "deleted")
        # A file that is no good is set aside.
        alone.stop()
        state = os.path.join(alone.folder, "state")
        with open(state, "r+b") as f:
            f.seek(40)
            f.write(b"\xff" * 40)
        alone.start()
        assert net[1].post("ns:bob@demo", b"goes on")[0]
        assert os.path.exists(state + ".bad")


def test_networks_do_not_mix():
    """P-9.1"""
    with Net(2, network=1) as one:
        one.connected()
        other = DhtNode(os.path.join(one.folder, "other"), 2, [one.nodes[0].address]).start()
        try:
            client = Client(other.socket)
            assert one[0].post("ns:bob@demo", b"of network 1")[0]
            time.sleep(2)
            assert client.state()["link"] != CONNECTED
            ok, _, ids = client.answer(client.ask(LIST, "ns:bob@demo"))[2:]
            assert (ok, ids) == (False, b"")
            assert one[1].values("ns:bob@demo") == [b"of network 1"]
        finally:
            other.stop()


def test_alone_then_together():
    with Net(1) as net:
        assert net[0].post("ns:bob@demo", b"early") == (True, "")
        assert net[0].values("ns:bob@demo") == [b"early"]
        for _ in range(3):
            net.add()
        net.connected()
        wait_for(lambda: net[3].values("ns:bob@demo") == [b"early"], 15, "what was put alone")
        # And it has spread: the first node is not needed any more.
        wait_for(lambda: net[2].state()["values"] >= 1, 15, "a replica")
        net.nodes[0].kill9()
        assert net[3].values("ns:bob@demo") == [b"early"]


def test_replicas_come_back():
    """P-9.12"""
    with Net(12, "--republish", "3") as net:
        net.connected(4)
        for i in range(20):
            assert net[i % 12].post("ns:%d@test" % i, b"value %d" % i)[0]
        for victim in (3, 5, 7, 9, 11, 2):
            net.nodes[victim].kill9()
        for _ in range(6):
            net.add()
        fresh = range(12, 18)
        for i in fresh:
            wait_for(lambda i=i: net[i].state()["good"] >= 3, 20, "the new nodes")
        wait_for(lambda: sum(net[i].state()["values"] for i in fresh) >= 65, 40, "new replicas")
        time.sleep(5)
        for victim in (1, 4, 6, 8):
            net.nodes[victim].kill9()
        lost = [i for i in range(20) if net[15].values("ns:%d@test" % i) != [b"value %d" % i]]
        assert not lost


@pytest.mark.quiet
def test_a_thousand_values_under_one_key(eight):
    """Also in pages: P-9.14"""
    key, value = "ns:popular@test", os.urandom(2000)
    c = eight[0]
    sent = [c.ask(1, key, b"%04d" % i + value, int(time.time()) + 3600, lock_of(TOKEN))
            for i in range(1000)]
    assert all(c.answer(r)[2] for r in sent)
    began = time.monotonic()
    values = eight[5].values(key)
    took = time.monotonic() - began
    assert len(values) == 1000
    assert took < 5, took
    print(f"1,000 values read in {took:.2f} s")


def test_the_port_is_named_when_taken(eight):
    import subprocess
    from env.process import program
    p = subprocess.run([program("restante-dht"), "--bind", "127.0.0.1", "--bind6", "none", "--port",
                        str(eight.nodes[0].port)], capture_output=True, text=True, timeout=10)
    assert p.returncode == 1
    assert str(eight.nodes[0].port) in p.stderr and "taken" in p.stderr


@pytest.mark.quiet
def test_sigterm_ends_it_at_once():
    with Net(2) as net:
        net.connected()
        began = time.monotonic()
        assert net.nodes[0].process.terminate() == 0
        assert time.monotonic() - began < 2
        net.nodes[0].process = None
