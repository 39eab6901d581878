# SPDX-License-Identifier: GPL-3.0-or-later
"""Many peers in groups, sending, opening, declining and cancelling at random while peers and nodes are
killed and started again; then a ledger in which every message has one end for each receiver, agreed by
both sides, and nothing is left over. Everything is drawn from one seed, which is printed."""

import collections
import email.utils
import hashlib
import json
import os
import random
import smtplib
import subprocess
import time

from .mail import message_id
from .network import Network
from .wait import Timeout, wait_for

ENDS = ("pulled", "declined", "cancelled", "expired", "failed")
FAULTS = (OSError, RuntimeError, AssertionError, Timeout, smtplib.SMTPException, EOFError,
          subprocess.TimeoutExpired, ValueError)


class Message:
    def __init__(self, number, sender, receivers, data):
        self.number, self.sender, self.receivers = number, sender, receivers
        self.subject = f"soak {number}"
        self.id = message_id(data)
        body = data[data.index(b"\r\n\r\n") + 4:]
        self.digest = hashlib.sha256(body).hexdigest()
        self.refused = None  # {address: (code, text)} of those that were not taken
        self.accepted = None  # True, False, or None: the answer was lost with the peer


class Soak:
    def __init__(self, seconds, peers=20, groups=4, nodes=12, seed=None, say=print):
        self.seed = seed if seed is not None else random.randrange(1 << 30)
        self.random = random.Random(self.seed)
        self.seconds, self.say = seconds, say
        self.cancels = bool(os.environ.get("RESTANTE_SOAK"))
        self.messages, self.down, self.done = [], {}, collections.Counter()
        self.counts = peers, groups, nodes
        say(f"seed {self.seed}: {peers} peers in {groups} groups, {nodes} DHT nodes, {seconds} s")

    # What happens

    def run(self):
        peers, groups, nodes = self.counts
        settings = {"timing.decline_grace": "1", "peer.log": "info"}
        with Network(nodes=nodes, settings=settings) as self.net:
            for i in range(peers):
                self.net.peer(f"p{i}@g{i % groups}")
            self.make_groups(groups)
            self.say(f"{peers} peers are ready")
            end = time.monotonic() + self.seconds
            while time.monotonic() < end:
                self.one_step()
            self.say("happened: " + ", ".join(f"{n} {what}" for what, n in self.done.items()))
            self.settle()
            return self.ledger()

    def make_groups(self, groups):
        """The first peer of each group is its master and takes the others in."""
        if "group" not in self.net.peers[0].run_cli("--help").stdout:
            return
        for g in range(groups):
            members = [p for p in self.net.peers if p.address.endswith(f"@g{g}")]
            members[0].cli("group", "create")
            for p in members[1:]:
                members[0].cli("group", "add", p.address)
            for p in members[1:]:
                wait_for(lambda p=p: p.run_cli("group", "accept").returncode == 0, 60,
                         f"{p.address} to be asked into its group", p.logs, every=0.5)

    def one_step(self):
        now = time.monotonic()
        for thing, when in list(self.down.items()):
            if now >= when:
                del self.down[thing]
                thing.start()
        # Cancelling is drawn only in `make soak`: a withdrawal met by kill -9 may stay open there.
        steps = {self.send: 40, self.open: 30, self.decline: 8, self.cancel: 8 * self.cancels,
                 self.kill_peer: 5, self.kill_node: 2}
        step = self.random.choices(list(steps), list(steps.values()))[0]
        try:
            self.done[step.__name__.replace("_", " ")] += bool(step())
        except FAULTS:
            self.done["faults met"] += 1

    def up(self):
        return self.random.choice([p for p in self.net.peers if p not in self.down])

    def send(self):
        sender = self.up()
        others = [p for p in self.net.peers if p is not sender]
        receivers = self.random.sample(others, min(len(others), self.random.choice((1, 1, 1, 2, 5))))
        size = int(1000 * 5000 ** (self.random.random() ** 2))  # 1 KB to 5 MB, mostly small
        number = len(self.messages)
        body = self.random.randbytes(size * 3 // 8).hex()
        lines = "\r\n".join(body[i:i + 72] for i in range(0, len(body), 72))
        data = (f"From: {sender.address}\r\nTo: {', '.join(p.address for p in receivers)}\r\n"
                f"Subject: soak {number}\r\nDate: {email.utils.formatdate()}\r\n"
                f"Message-ID: <soak.{number}.{self.seed}@soak>\r\n\r\n{lines}\r\n").encode()
        m = Message(number, sender, receivers, data)
        self.messages.append(m)
        try:
            m.refused = sender.send(data, [p.address for p in receivers])
            m.accepted = True
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, smtplib.SMTPSenderRefused):
            m.accepted = False
            raise
        return True

    def stub(self):
        peer = self.up()
        stubs = [m for m in peer.inbox() if m["state"] == "stub"]
        return (peer, self.random.choice(stubs)) if stubs else (peer, None)

    def open(self):
        peer, stub = self.stub()
        return stub and peer.run_cli("pull", stub["id"]).returncode == 0

    def decline(self):
        peer, stub = self.stub()
        return stub and peer.run_cli("decline", stub["id"]).returncode == 0

    def cancel(self):
        peer = self.up()
        waiting = [m for m in peer.outbox()
                   if any(r["state"] in ("waiting", "sealed", "announced") for r in m["receivers"])]
        if not waiting:
            return False
        return peer.run_cli("cancel", self.random.choice(waiting)["id"]).returncode == 0

    def kill_peer(self):
        if len(self.down) > len(self.net.peers) // 3:
            return False
        peer = self.up()
        peer.kill9()
        self.down[peer] = time.monotonic() + self.random.uniform(0.2, 5)
        return True

    def kill_node(self):
        nodes = [n for n in self.net.nodes[1:] if n not in self.down]
        if len(nodes) < len(self.net.nodes) * 2 // 3:
            return False
        node = self.random.choice(nodes)
        node.kill9()
        self.down[node] = time.monotonic() + self.random.uniform(1, 8)
        return True

    # How it ends

    def settle(self):
        """Everybody is up; what is still a stub is opened; then nothing is under way."""
        for thing in self.down:
            thing.start()
        self.down.clear()
        for p in self.net.peers:
            p.wait_ready(60)
        end = time.monotonic() + 180
        left = list(self.net.peers)
        while left and time.monotonic() < end:
            for p in list(left):
                for m in p.inbox():
                    if m["state"] == "stub":
                        p.run_cli("pull", m["id"], seconds=120)
            left = [p for p in self.net.peers if not p.idle()]
        assert not left, self.describe(left)

    def describe(self, peers):
        out = []
        for p in peers[:3]:
            s = p.status("--check")
            out.append(f"{p.address} is not idle: {s['pending']} pending, outbox {s['outbox']}, inbox "
                       f"{s['inbox']}, dht {s['dht']}; {p.logs()[1]}")
            out += [str(m) for m in p.outbox() if any(r["state"] not in ENDS
                                                      for r in m["receivers"])][:5]
            out += p.log_text().splitlines()[-15:]
        return "\n".join(out)

    def ledger(self):
        """A list of complaints; empty when every account is balanced."""
        wrong = []
        sent = {p: {m["subject"]: m for m in p.outbox()} for p in self.net.peers}
        got = {p: {m["subject"]: m for m in p.inbox()} for p in self.net.peers}
        files = {p: self.mail_of(p) for p in self.net.peers}
        ends = collections.Counter()
        for m in self.messages:
            entry = sent[m.sender].get(m.subject)
            if entry is None and m.accepted:
                wrong.append(f"{m.subject}: accepted by {m.sender.address}, and lost")
            if entry is None:
                continue
            states = {r["to"]: r["state"] for r in entry["receivers"]}
            for r in m.receivers:
                wrong += self.account(m, r, states.get(r.address), got[r].get(m.subject),
                                      files[r].get(m.id, []))
                ends[states.get(r.address)] += 1
        for p in self.net.peers:
            wrong += self.orphans(p)
        self.say("ends: " + ", ".join(f"{n} {what}" for what, n in ends.items()))
        return wrong

    @staticmethod
    def account(m, receiver, state, entry, copies):
        who = f"{m.subject} to {receiver.address}"
        theirs = entry["state"] if entry else None
        if state not in ENDS:
            return [f"{who}: no end at its sender: {state} (receiver: {theirs}, refused: {m.refused})"]
        if state == "pulled" and (theirs != "pulled" or copies != [m.digest]):
            return [f"{who}: pulled, but the receiver says {theirs} and has {len(copies)} copies"]
        if state == "declined" and (theirs != "declined" or copies):
            return [f"{who}: declined, but the receiver says {theirs} and has {len(copies)} copies"]
        if state in ("cancelled", "failed") and (theirs in ("pulled", "declined", "stub") or copies):
            return [f"{who}: {state}, but the receiver says {theirs} and has {len(copies)} copies"]
        return []

    @staticmethod
    def mail_of(peer):
        """{Message-ID: digests of the bodies} of all mail but what the peer itself sent."""
        out = {}
        root = os.path.join(peer.home, "Maildir")
        for folder, names, files in os.walk(root):
            names[:] = [n for n in names if n not in (".Sent", ".Outgoing", "tmp")]
            if os.path.basename(folder) not in ("cur", "new"):
                continue
            for name in files:
                with open(os.path.join(folder, name), "rb") as f:
                    data = f.read()
                if b"Message-ID: <soak." in data[:4000]:
                    head, body = data.split(b"\r\n\r\n", 1)
                    out.setdefault(message_id(head + b"\r\n\r\n"), []).append(
                        hashlib.sha256(body).hexdigest())
        return out

    @staticmethod
    def orphans(peer):
        wrong = []
        for sub in ("outbox", "spool", "inbox/stubs", "inbox/parts", "inbox/full", "replica"):
            top = os.path.join(peer.home, sub)
            left = [os.path.join(f, n) for f, _, names in os.walk(top) for n in names]
            if left:
                wrong.append(f"{peer.address}: {len(left)} files left in {sub}: {left[0]}")
        for f in json.loads(peer.run_cli("fsck", "--json").stdout)["faults"]:
            if not f["kind"].startswith("record"):  # those take their time while nodes die
                wrong.append(f"{peer.address}: fsck finds {f['kind']} {f['what']}")
        return wrong
