# SPDX-License-Identifier: GPL-3.0-or-later
"""restante-dht by itself: single datagrams, and what hostile ones and hostile users of its socket do."""

import hashlib
import os
import socket
import struct
import time

import cbor2

from env.dhtclient import LIST, LISTEN
from env.wait import wait_for
from test_dht import CONNECTED, Client, eight, id_of  # noqa: F401


def mp(o):
    """A very small msgpack writer, so that wrong things can be written too."""
    if isinstance(o, bytes):
        return b"\xc4" + bytes([len(o)]) + o
    if isinstance(o, str):
        return bytes([0xa0 | len(o)]) + o.encode()
    if isinstance(o, int) and o >> 32:
        return b"\xcf" + struct.pack(">Q", o)
    if isinstance(o, int):
        return b"\xce" + struct.pack(">I", o) if o > 127 else bytes([o])
    if isinstance(o, list):
        return bytes([0x90 | len(o)]) + b"".join(mp(x) for x in o)
    return bytes([0x80 | len(o)]) + b"".join(mp(k) + mp(v) for k, v in o.items())


ID = b"i" * 20


def test_a_value_in_one_datagram(eight):
    """P-9.17: a fetched value comes inside its reply, without what only puts need; a larger one in pieces."""
    key = "ns:joined@test"

    def fetch(s, value, tid):
        wanted = int.from_bytes(id_of(key, value), "big")
        s.sendto(mp({"a": {"id": ID, "h": hashlib.sha1(key.encode()).digest(),
                           "q": {"s": [], "w": [{"f": 1, "v": wanted}]}},
                     "q": "get", "t": tid, "y": "q", "v": "RNG1", "n": eight.id}),
                 ("127.0.0.1", eight.nodes[3].port))
        got = [s.recv(65536)]
        while b"values" in got[0] and value[:300] not in b"".join(got):
            got.append(s.recv(65536))
        return got

    small, large = os.urandom(1000), os.urandom(3000)
    for value in (small, large):
        assert eight[1].post(key, value)[0]
        assert [eight[i].values(key).count(value) for i in range(8)] == [1] * 8
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(10)
        whole, = fetch(s, small, 70001)
        assert small in whole and len(whole) < 1400
        assert b"token" not in whole and mp("n4") not in whole.replace(small, b"")
        head, piece = fetch(s, large, 70002)
        assert mp("n4") in head and large[:300] in piece


def test_what_a_listener_is_told(eight):
    """P-9.15: the ids alone; an answer to a question, though of the same form, says what a put needs."""
    key, value = "ns:told@test", os.urandom(50)
    at = {"id": ID, "h": hashlib.sha1(key.encode()).digest()}
    query = {"s": [1, 2], "w": [{"f": 2, "v": 32}]}

    def hear(s, tid):
        while mp("t") + mp(tid) not in (got := s.recv(65536)):
            pass  # the node's own questions
        return got

    def ask(s, verb, tid, **more):
        s.sendto(mp({"a": {**at, "q": query, **more}, "q": verb, "t": tid, "y": "q", "v": "RNG1", "n": eight.id}),
                 ("127.0.0.1", eight.nodes[3].port))
        return hear(s, tid)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(10)
        token = ask(s, "get", 70001).split(mp("token") + b"\xc4\x20")[1][:32]
        ask(s, "listen", 70002, token=token, sid=70003, ve=0)
        assert eight[3].post(key, value)[0]
        told = hear(s, 70003)
        assert id_of(key, value) in told
        assert not any(mp(name) in told for name in ("token", "sa", "n4"))
        assert all(mp(name) in ask(s, "get", 70004) for name in ("token", "sa", "n4"))


def hostile(network):
    def reply(r):
        return mp({"r": {"id": ID, **r}, "t": 5, "y": "r", "n": network})

    return {
        "no fields": reply({"token": b"x", "fileds": {"f": [], "v": [1]}}),
        "empty error": mp({"e": [], "r": {"id": ID}, "t": 5, "y": "e", "n": network}),
        "error alone": mp({"e": [201, 3], "t": 5, "y": "e", "n": network}),
        "argument is a number": mp({"a": 7, "q": "ping", "t": 5, "y": "q", "n": network}),
        "fields twice": b"\x84" + mp("r") + b"\x82" + mp("id") + mp(ID) + mp("fileds") + b"\x83"
                        + mp("f") + mp([]) + mp("f") + mp([1]) + mp("v") + mp([1])
                        + mp("t") + mp(5) + mp("y") + mp("r") + mp("n") + mp(network),
        "reply is a number": mp({"r": 1, "t": 5, "y": "r", "n": network}),
        "pieces are a number": mp({"p": 1, "t": 5, "y": "v", "n": network}),
        "get of everything": mp({"a": {"id": ID, "h": ID}, "q": "get", "t": 5, "y": "q",
                                 "n": network}),
        "array of 4 billion": b"\xdd\xff\xff\xff\xff",
        "map of 4 billion": b"\xdf\xff\xff\xff\xff",
        "deep": b"\x91" * 60000,
        "deep maps": b"\x81\xa1r" * 20000,
        "text of 4 GB": b"\xdb\xff\xff\xff\xff",
        "arrays in a row": b"\xdc\xff\xff" * 20000,
        "nothing": b"",
        "nonsense": bytes(range(256)) * 200,
    }


def test_hostile_datagrams(eight):
    """P-9.13"""
    before = eight[1].state()["bad"]
    address = ("127.0.0.1", eight.nodes[1].port)
    shapes = hostile(eight.id)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for data in shapes.values():
            for d in (data, data.replace(mp(eight.id), mp(eight.id + 1))):
                s.sendto(d, address)
    wait_for(lambda: eight[1].state()["bad"] >= before + len(shapes), 10, "the packet filter's count")
    assert eight.nodes[1].process.running()
    assert eight[1].post("ns:g@test", b"alive")[0]
    assert eight[2].values("ns:g@test") == [b"alive"]


def test_a_bomb_in_pieces(eight):
    """A put whose value comes in pieces that unpack to a claim of gigabytes. P-9.13"""
    address = ("127.0.0.1", eight.nodes[2].port)
    bomb = b"\xdd\x0f\xff\xff\xff" * 200
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for t in range(20):
            s.sendto(mp({"a": {"id": ID, "h": ID, "token": b"x" * 32, "values": [1000]}, "q": "put",
                         "t": t, "y": "q", "n": eight.id}), address)
            part = {"o": 0, "d": 0}
            data = mp({"p": {0: part}, "t": t, "y": "v", "n": eight.id})
            data = data.replace(mp("d") + mp(0), mp("d") + b"\xc5" + struct.pack(">H", 1000) + bomb)
            s.sendto(data, address)
    time.sleep(0.5)
    assert eight.nodes[2].process.running()
    assert eight[2].post("ns:h@test", b"alive")[0]


def test_a_malformed_frame_drops_only_its_connection(eight):
    """P-8.2"""
    good = eight[3]
    for data in (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\1\xff",
                 struct.pack(">I", 4) + cbor2.dumps([3, 1, 5]),
                 struct.pack(">I", 4) + b"\x83\x18\x03\x01"):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(eight.nodes[3].socket)
            s.sendall(data)
            while True:  # what was said before the end, then the end
                more = s.recv(4096)
                if not more:
                    break
    assert good.state()["link"] == CONNECTED


def connected(path):
    """A connection that has been answered; None when there was no place for it yet."""
    c = Client(path)
    try:
        return c if c.state() else None
    except (ConnectionError, OSError):
        c.sock.close()
        return None


def test_limits_of_one_user(eight):
    """P-8.11"""
    clients = []
    try:
        for _ in range(70):
            clients.append(Client(eight.nodes[6].socket))
        closed = 0
        for c in clients:
            try:
                c.frame()
            except (ConnectionError, OSError):
                closed += 1
        assert closed >= 6
        listening = clients[0]
        answers = [listening.answer(listening.ask(LISTEN, "k%d" % i)) for i in range(260)]
        assert [a[2] for a in answers[:250]] == [True] * 250
        assert answers[-1][2] is False
    finally:
        for c in clients:
            c.sock.close()
    # More under way than are read at once: all are answered.
    c = wait_for(lambda: connected(eight.nodes[6].socket), 10, "a place for a new connection")
    sent = [c.ask(LIST, "ns:many-%d@test" % i) for i in range(600)]
    assert all(c.answer(r)[2] for r in sent)


def test_a_reader_that_vanishes(eight):
    for _ in range(20):
        c = Client(eight.nodes[4].socket)
        for _ in range(50):
            c.ask(LIST, "ns:b@test")
        c.ask(LISTEN, "ns:b@test")
        c.sock.close()
    assert eight[4].post("ns:b2@test", b"alive")[0]
