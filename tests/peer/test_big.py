# SPDX-License-Identifier: GPL-3.0-or-later
"""A message of 2 GB goes the whole way in little memory (`make big`): every process of both peers
stays under 100 MB at its highest (VmHWM)."""

import base64
import hashlib
import os
import shutil
import threading
import time

import pytest

from env import Network, wait_for

SIZE = int(os.environ.get("RESTANTE_BIG_SIZE", 2 * 1024 ** 3))
LIMIT_KB = 100_000

pytestmark = pytest.mark.skipif(not os.environ.get("RESTANTE_BIG"),
                                reason="a message of 2 GB: make big")

HEAD = (b"From: alice@demo\r\nTo: bob@demo\r\nSubject: two gigabytes\r\n"
        b"Date: Sun, 1 Nov 2026 12:00:00 +0000\r\nMessage-ID: <big@demo>\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: application/octet-stream; name=\"film.bin\"\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n")


def pieces():
    """The message in pieces of a few megabytes; the body is base64 of octets that do not shrink."""
    yield HEAD
    size, n = len(HEAD), 0
    while size < SIZE:
        raw = hashlib.shake_256(n.to_bytes(8, "big")).digest(57 * 32768)
        text = base64.b64encode(raw)
        block = b"\r\n".join(text[i:i + 76] for i in range(0, len(text), 76)) + b"\r\n"
        size += len(block)
        n += 1
        yield block


def peaks(*peers):
    """{(peer, command, pid): highest resident kilobytes} of all processes below the daemons."""
    parents, names, high = {}, {}, {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/status", encoding="utf-8") as f:
                fields = dict(line.split(":", 1) for line in f if ":" in line)
        except OSError:
            continue
        parents[int(pid)] = int(fields["PPid"])
        names[int(pid)] = fields["Name"].strip()
        high[int(pid)] = int(fields.get("VmHWM", "0 kB").split()[0])
    out = {}
    for peer in peers:
        process = peer.process
        if process is None:  # not started, or stopped already
            continue
        for pid in parents:
            up = pid
            while up in parents and up != process.pid:
                up = parents[up]
            if up == process.pid:
                out[(peer.address, names[pid], pid)] = high[pid]
    return out


class Watch(threading.Thread):
    """Looks twice a second, so that processes that end are counted too."""

    def __init__(self, *peers):
        super().__init__(daemon=True)
        self.peers, self.high, self.done = peers, {}, threading.Event()

    def run(self):
        while not self.done.wait(0.5):
            for key, kb in peaks(*self.peers).items():
                self.high[key] = max(kb, self.high.get(key, 0))

    def stop(self):
        self.done.set()
        self.join()
        return self.high


def submit(alice, bob):
    """SMTP by hand: smtplib would hold the message in memory. (octets, SHA-256)"""
    digest, size = hashlib.sha256(), 0
    s = alice.smtp(seconds=600)
    s.mail(alice.address, ["BODY=8BITMIME"])
    code, text = s.rcpt(bob.address)
    assert code == 250, text
    code, text = s.docmd("DATA")
    assert code == 354, text
    for block in pieces():
        digest.update(block)
        size += len(block)
        s.sock.sendall(block)
    s.sock.sendall(b".\r\n")
    code, text = s.getreply()
    assert code == 250, text
    s.close()
    return size, digest.hexdigest()


def receive(box, uid):
    """The octets below the trace fields of BODY[]: (size of all, size, SHA-256)."""
    conn = box.conn
    tag = conn._new_tag()
    conn.send(tag + b" UID FETCH %d BODY.PEEK[]\r\n" % uid)
    while True:
        line = conn.readline()
        if line.startswith(tag):
            raise RuntimeError(line.decode())
        if b"FETCH" in line and line.rstrip().endswith(b"}"):
            break
    total = int(line[line.rindex(b"{") + 1:line.rindex(b"}")])
    first = conn.read(min(total, 65536))
    start = first.index(b"From: alice@demo")
    digest, size = hashlib.sha256(first[start:]), len(first) - start
    left = total - len(first)
    while left:
        block = conn.read(min(left, 1 << 20))
        digest.update(block)
        size += len(block)
        left -= len(block)
    while not conn.readline().startswith(tag):
        pass
    return total, size, digest.hexdigest()


def test_two_gigabytes(capsys):
    free = shutil.disk_usage(os.environ.get("TMPDIR", "/tmp")).free
    if free < 6 * SIZE:
        pytest.skip(f"needs {6 * SIZE / 1e9:.0f} GB of disk, {free / 1e9:.0f} GB are free")
    times = {}

    def timed(what, action):
        start = time.monotonic()
        value = action()
        times[what] = time.monotonic() - start
        return value

    with Network(nodes=3) as net:
        alice, bob = net.peer("alice@demo"), net.peer("bob@demo", {"mail.open_wait": "5"})
        watch = Watch(alice, bob)
        watch.start()
        size, digest = timed("submit", lambda: submit(alice, bob))
        uid = timed("seal, announce, stub", lambda: bob.wait_stubs(1, 600))[0]
        assert bob.inbox()[0]["state"] == "stub"
        nid = bob.inbox()[0]["id"]
        timed("pull", lambda: bob.cli("pull", nid[:12], seconds=1200))
        with bob.imap(readonly=True) as box:
            listed = int(box.fetch(uid, "RFC822.SIZE")[uid]["RFC822.SIZE"])
            total, got, got_digest = timed("fetch", lambda: receive(box, uid))
        assert (got, got_digest) == (size, digest)
        assert total == listed
        high = watch.stop()
        with capsys.disabled():
            print()
            for what, seconds in times.items():
                print(f"  {what:24} {seconds:7.1f} s")
            for (peer, name, _), kb in sorted(high.items(), key=lambda i: -i[1])[:8]:
                print(f"  {peer:12} {name:18} {kb / 1000:7.1f} MB at its highest")
        over = {k: v for k, v in high.items() if v > LIMIT_KB}
        assert not over, over
        wait_for(lambda: alice.status()["outbox"]["messages"] == 0, 60, "the receipt", alice.logs)
