# SPDX-License-Identifier: GPL-3.0-or-later
"""Replication in a group of five, and pulling from it while the sender is away (P-12.1 to P-12.7)."""

import glob
import hashlib
import http.client
import http.server
import json
import os
import re
import shutil
import threading
import time

import pytest

from env import Network, crowd, wait_for
from env.dhtclient import DhtClient
from env.imap import ImapError
from env.mail import check_arrived, compose, picture

NAMES = ("ada", "ben", "cas", "dan", "eve")
CHUNK = 4 * 1024 * 1024


def accepted(peer):
    groups = json.loads(peer.cli("group", "list", "--json"))["groups"]
    return next((g for g in groups if g["accepted"]), None)


def make_group(peers):
    """The first is its master."""
    master, *others = peers
    master.cli("group", "create")
    for p in others:
        master.cli("group", "add", p.address)
    for p in others:
        wait_for(lambda: any(g["role"] != "none" for g in json.loads(
            p.cli("group", "list", "--json"))["groups"]), 30, f"{p.address} to be named", p.logs)
        p.cli("group", "accept")
    for p in peers:
        wait_for(lambda: sum(bool(m.get("joined")) for m in accepted(p)["members"]
                             if m["address"] != p.address) == len(others), 40,
                 f"{p.address} to see the others", p.logs)


@pytest.fixture(scope="module")
def world():
    """The group @five, whose eve keeps 1 MiB for each, and zoe who is in no group."""
    with Network(nodes=5) as net:
        five = [net.peer(f"{n}@five", {"group.quota": "1"} if n == "eve" else None) for n in NAMES]
        zoe = net.peer("zoe@demo")
        make_group(five)
        yield five, zoe


@pytest.fixture
def all_up(world):
    five, zoe = world
    for p in (*five, zoe):
        if p.process is None:
            p.start()
    for p in (*five, zoe):
        p.wait_ready()
    return five, zoe


def replicas(peer):
    """Hashes of the whole blobs that this member keeps for others."""
    return sorted(n for n in map(os.path.basename, glob.glob(os.path.join(
        peer.home, "replica", "*"))) if "." not in n)


def wait_copies(sender, data, count, seconds=20):
    wait_for(lambda: (sender.outbox_of(data) or {}).get("copies") == count, seconds,
             f"{count} copies of {sender.address}'s message", sender.logs)
    return sender.outbox_of(data)["hash"]


def offer(sender, receiver, subject, count=4, size=60_000):
    data = compose(sender.address, receiver.address, subject, attachment=picture(size, subject))
    sender.send(data, [receiver.address])
    return data, wait_copies(sender, data, count)


def wait_emptied(sender, peers, digest, seconds=40):
    sender.wait_idle(seconds)
    for p in peers:
        wait_for(lambda: digest not in replicas(p), seconds, f"{p.address}'s replica to go", p.logs)


def open_message(receiver, data):
    uid = receiver.wait_message(data)
    with receiver.imap() as box:
        got = box.open(uid)
    check_arrived(data, got)


def came_from(peer, mark):
    """Whom the octets of each message came from that was pulled since, by the log."""
    return re.findall(r"pulled \d+ bytes of \S+, from (.*)", peer.log_text()[mark:])


@pytest.mark.quiet
def test_replicated_within_seconds(all_up):
    five, zoe = all_up
    ada, *others = five
    started = time.monotonic()
    data, digest = offer(ada, zoe, "Copies for four", size=9_000_000 // 20)
    assert time.monotonic() - started < 15
    for p in others:
        assert digest in replicas(p)
    assert "4" in ada.cli("outbox").split("Copies for four")[1]
    mark = len(zoe.log_text())
    open_message(zoe, data)
    assert came_from(zoe, mark) == [ada.address]
    wait_emptied(ada, others, digest)


def test_sender_stopped(all_up):
    five, zoe = all_up
    ada, *others = five
    data, digest = offer(ada, zoe, "The sender sleeps")
    zoe.wait_message(data)
    ada.stop()
    mark = len(zoe.log_text())
    open_message(zoe, data)
    assert came_from(zoe, mark)[0] in {p.address for p in others}
    ada.start()
    ada.wait_ready()
    wait_emptied(ada, others, digest)


def test_four_of_five_stopped(all_up):
    five, zoe = all_up
    ada, *others = five
    data, digest = offer(ada, zoe, "Only one is awake")
    zoe.wait_message(data)
    for p in five[:4]:
        p.stop()
    open_message(zoe, data)
    for p in five[:4]:
        p.start()
    for p in five[:4]:
        p.wait_ready()
    wait_emptied(ada, others, digest)


@pytest.mark.quiet
def test_nobody_then_somebody(all_up):
    five, zoe = all_up
    ada, *others = five
    data, digest = offer(ada, zoe, "Nobody is awake")
    uid = zoe.wait_message(data)
    for p in five:
        p.tell_stop()
    for p in five:
        p.stop()
    with zoe.imap() as box:
        with pytest.raises(ImapError) as e:
            box.open(uid)
        assert "UNAVAILABLE" in e.value.text and "ada@five" in e.value.text
        tried = e.value.text.split("tried: ")[1].split(")")[0]
        assert set(tried.split(", ")) == {p.address for p in others}
    others[2].start()
    others[2].wait_ready()
    # The peer fetches by itself; the next open has nothing to wait for.
    wait_for(lambda: zoe.stub_of(data)["state"] == "pulled", 60, "the pull", zoe.logs)
    started = time.monotonic()
    open_message(zoe, data)
    assert time.monotonic() - started < 3
    for p in five:
        if p.process is None:
            p.start()
    for p in five:
        p.wait_ready()
    wait_emptied(ada, others, digest)


def test_never_online_together(all_up):
    five, zoe = all_up
    ada, ben, *others = five
    zoe.stop()
    data, digest = offer(ada, zoe, "Closed for the weekend")
    for p in (ada, *others):
        p.stop()
    zoe.start()
    zoe.wait_ready()
    open_message(zoe, data)
    wait_for(lambda: zoe.status()["pending"] == 0 or "answered" in zoe.stub_of(data)["state"]
             or zoe.stub_of(data)["state"] == "pulled", 20, "zoe's answer", zoe.logs)
    time.sleep(2)
    zoe.stop()
    for p in (ada, *others):
        p.start()
    for p in (ada, *others):
        p.wait_ready()
    wait_for(lambda: not ada.waits(data), 30, "the receipt", ada.logs)
    wait_for(lambda: ada.outbox_of(data)["state"] == "done", 20, "the outbox to be empty", ada.logs)
    for p in (ben, *others):
        wait_for(lambda: digest not in replicas(p), 40, f"{p.address}'s replica to go", p.logs)


class Fake:
    """An HTTP server in a stopped member's place; lists: it also answers for the message list,
    which is else not to be waited for."""

    def __init__(self, port, answer, lists=False):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                if self.path == "/outbox/msglist" and not lists:
                    self.send_error(404)
                else:
                    answer(self)
                self.close_connection = True

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def endless(request):
    if request.path.endswith("/chunks"):
        request.send_error(404)
        return
    request.send_response(200)
    request.end_headers()
    try:
        while True:
            request.wfile.write(bytes(65536))
    except OSError:
        pass


def test_lying_replicas(all_up):
    """One flips an octet, one gives half, one never ends: each is blamed and left out, and what is
    true comes from the next one."""
    five, zoe = all_up
    ada, ben, cas, dan, eve = five
    data, digest = offer(ada, zoe, "Whom to believe", size=200_000)
    zoe.wait_message(data)
    for p in (ada, eve):
        p.stop()
    path = os.path.join(ben.home, "replica", digest)
    with open(path, "r+b") as f:
        f.seek(1000)
        octet = f.read(1)
        f.seek(1000)
        f.write(bytes([octet[0] ^ 1]))
    os.truncate(os.path.join(cas.home, "replica", digest), 70_000)
    dan.kill9()  # its descriptor stays
    fake = Fake(dan.http_port, endless)
    try:
        uid = zoe.wait_message(data)
        with zoe.imap() as box, pytest.raises(ImapError):
            box.open(uid)
        blamed = [line for line in zoe.log_text().splitlines() if "left out" in line]
        for liar in (ben, cas, dan):
            assert any(liar.address in line for line in blamed), (liar.address, blamed)
        eve.start()
        eve.wait_ready()
        wait_for(lambda: zoe.stub_of(data)["state"] == "pulled", 60, "the pull", zoe.logs)
        open_message(zoe, data)
    finally:
        fake.close()
    for p in (ada, dan):
        p.start()
        p.wait_ready()
    wait_emptied(ada, (ben, cas, dan, eve), digest)


def trickle(request):
    """The size is right, and so will be the octets, tomorrow."""
    request.send_response(200)
    request.send_header("Content-Length", "1000000")
    request.end_headers()
    try:
        while True:
            request.wfile.write(b"x")
            time.sleep(0.2)
    except OSError:
        pass


@pytest.mark.quiet
def test_a_slow_member_costs_seconds(all_up):
    """P-12.7: it is left for the next one."""
    five, zoe = all_up
    ada, *others = five
    data, digest = offer(ada, zoe, "Slow and steady")
    uid = zoe.wait_message(data)
    ada.stop()
    # zoe's own order of the members
    first, *_ = sorted(others, key=lambda p: hashlib.sha256(
        bytes.fromhex(p.cli("key", "fingerprint")) + zoe.address.encode()
        + bytes.fromhex(digest)).digest())
    first.kill9()  # its descriptor stays
    fake = Fake(first.http_port, trickle)
    mark, began = len(zoe.log_text()), time.monotonic()
    try:
        with zoe.imap() as box:
            check_arrived(data, box.open(uid))
        assert time.monotonic() - began < 18
    finally:
        fake.close()
    assert f"not from {first.address}" in zoe.log_text()[mark:]
    assert came_from(zoe, mark)[0] in {p.address for p in others if p is not first}
    for p in (ada, first):
        p.start()
        p.wait_ready()
    wait_emptied(ada, others, digest)


def get(peer, path):
    c = http.client.HTTPConnection("127.0.0.1", peer.http_port, timeout=10)
    c.request("GET", path)
    r = c.getresponse()
    body = r.read()
    c.close()
    return r.status, body


def test_old_and_short_lists_wipe_nothing(all_up):
    five, zoe = all_up
    ada, *others = five
    status, old = get(ada, "/outbox/msglist")
    assert status == 200 and b"ada@five" not in old  # members alone can read it
    copy = ada.home + ".copy"
    ada.stop()
    os.mkdir(copy)
    for path in glob.glob(os.path.join(ada.home, "state.db*")):
        shutil.copy(path, copy)
    ada.start()
    ada.wait_ready()
    data, digest = offer(ada, zoe, "Kept by the others")
    ada.kill9()

    def answer(request):
        if request.path != "/outbox/msglist":
            request.send_error(404)
            return
        request.send_response(200)
        request.send_header("Content-Length", str(len(old)))
        request.end_headers()
        request.wfile.write(old)

    marks = {p: len(p.log_text()) for p in others}
    fake = Fake(ada.http_port, answer, lists=True)
    try:
        for p in others:
            wait_for(lambda: "the list of ada@five is not newer" in p.log_text()[marks[p]:], 30,
                     f"{p.address} to see it", p.logs)
    finally:
        fake.close()
    for p in others:
        assert digest in replicas(p)
    # A backup from before the message: its list is newer, and does not name it.
    for name in ("state.db", "state.db-wal", "state.db-shm"):
        path = os.path.join(ada.home, name)
        if os.path.exists(path):
            os.unlink(path)
        if os.path.exists(os.path.join(copy, name)):
            shutil.copy(os.path.join(copy, name), path)
    marks = {p: len(p.log_text()) for p in others}
    ada.start()
    ada.wait_up()
    for p in others:
        wait_for(lambda: "list of ada@five" in p.log_text()[marks[p]:], 60,
                 f"{p.address} to see the short list", p.logs)
    time.sleep(1)
    for p in others:
        assert digest in replicas(p)
    open_message(zoe, data)
    shutil.rmtree(copy)


def test_an_answer_alone_makes_no_new_list(all_up):
    """P-12.3: a list may be megabytes long; that one of many receivers answered wipes nothing."""
    five, zoe = all_up
    ada, *others = five
    with DhtClient(zoe.network.nodes[0].socket) as dht:
        absent, = crowd.post(dht, zoe.network.id, "absent", 1)
    data = compose(ada.address, [zoe.address, absent], "One of two", attachment=picture(40_000))
    ada.send(data, [zoe.address, absent])
    digest = wait_copies(ada, data, 4)
    zoe.wait_message(data)
    before = get(ada, "/outbox/msglist")
    open_message(zoe, data)
    wait_for(lambda: [r["state"] for r in ada.outbox_of(data)["receivers"]]
             == ["pulled", "announced"], 20, "the receipt", ada.logs)
    time.sleep(1)  # five looks at the rows
    assert get(ada, "/outbox/msglist") == before
    ada.cli("cancel", ada.outbox_of(data)["id"])
    for p in others:
        wait_for(lambda: digest not in replicas(p), 40, f"{p.address}'s replica to go", p.logs)
    assert get(ada, "/outbox/msglist") != before


def test_over_the_quota(all_up):
    five, zoe = all_up
    ada, ben, cas, dan, eve = five
    data, digest = offer(ben, zoe, "Two megabytes", 3, size=2_000_000)
    wait_for(lambda: "ben@five is over its quota" in eve.log_text(), 20, "eve's refusal", eve.logs)
    assert digest not in replicas(eve)
    open_message(zoe, data)
    wait_emptied(ben, (ada, cas, dan), digest)


@pytest.mark.parametrize("point", ["msglist_read.before", "msglist_read.after", "replicate.fetched",
                                   "replicate.before", "replicate.after", "msglist.before",
                                   "msglist.after", "replica_drop.before", "replica_drop.after", "reput.before",
                                   "reput.after"])
def test_killed_while_replicating(all_up, point):
    five, zoe = all_up
    ben, cas = five[1:3]
    others = [p for p in five if p is not ben]
    cas.stop()
    data, digest = offer(ben, zoe, f"Killed at {point}", 3, size=50_000)
    if point.startswith("reput"):
        cas.set_config("timing.reput", "1")
    cas.start({"RESTANTE_CRASH_AT": point})
    if point.startswith("replica_drop"):
        wait_copies(ben, data, 4)
        open_message(zoe, data)
    wait_for(lambda: not cas.process.running(), 60, f"cas to end at {point}", cas.logs)
    cas.kill9()
    cas.set_config("timing.reput", cas.settings["timing.reput"])
    cas.start()
    cas.wait_ready()
    if not point.startswith("replica_drop"):
        wait_copies(ben, data, 4, 40)
        open_message(zoe, data)
    wait_emptied(ben, others, digest)
    wait_for(lambda: not glob.glob(os.path.join(cas.home, "replica", digest + "*")), 10,
             "the list of its pieces to go, too", cas.logs)
