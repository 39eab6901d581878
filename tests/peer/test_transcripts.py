# SPDX-License-Identifier: GPL-3.0-or-later
"""How real mail clients fetch, replayed (P-7.5 to P-7.9, P-7.12): what is pulled, what is given, and what
each is told. transcripts/README.md says how the files are read."""

import glob
import os
import re

import pytest

from env import wait_for
from env.imap import _answers, parse
from env.mail import compose, split_trace

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "transcripts")
FILES = sorted(glob.glob(os.path.join(FOLDER, "*.imap")))
COUNT = 6


def read(path):
    """[(word, rest)]"""
    with open(path, encoding="ascii") as f:
        lines = [line.strip() for line in f]
    return [tuple(line.split(": ", 1)) for line in lines if line and not line.startswith("#")]


def section(message, name, item):
    """What this item of a whole message is: two parts, of text and of base64."""
    inside, start = re.match(r"BODY\[(.*?)\](?:<(\d+)>)?$", name).groups()
    head, body = message.split(b"\r\n\r\n", 1)
    if inside == "":
        value = message
    elif inside == "HEADER":
        value = head + b"\r\n\r\n"
    elif inside == "TEXT":
        value = body
    else:
        boundary = re.search(rb'boundary="([^"]+)"', head).group(1)
        part = body.split(b"--" + boundary)[int(inside)]
        value = part.split(b"\r\n\r\n", 1)[1][:-2]  # the line end before the boundary is not its own
    if start is None:
        return value
    value = value[int(start):]
    assert 0 < len(item) <= len(value)
    return value[:len(item)]


class Session:
    """One connection of a client; its commands may go out before their answers are read."""

    def __init__(self, peer, before):
        self.box = peer.imap(mailbox=None, before=before)
        self.conn = self.box.conn
        self.waiting = []  # tags
        self.items = {}  # {uid: {item: value}} that came and was not taken

    def send(self, command):
        tag = self.conn._new_tag()
        self.conn.send(tag + b" " + command.encode() + b"\r\n")
        self.waiting.append(tag)

    def go_on(self, line):
        """Sent without a tag, when the server asks for more: the end of IDLE."""
        while not self.conn.continuation_response:
            self.conn._get_response()
        self.conn.continuation_response = ""
        self.conn.send(line.encode() + b"\r\n")

    def answer(self):
        """The tagged text of the earliest command without one; others may have been answered before."""
        tag = self.waiting.pop(0)
        while self.conn.tagged_commands.get(tag) is None:
            self.conn._get_response()
        kind, data = self.conn.tagged_commands.pop(tag)
        for pieces in _answers(self.conn.untagged_responses.pop("FETCH", [])):
            values = parse(pieces)[1]
            item = {values[i].decode(): values[i + 1] for i in range(0, len(values), 2)}
            self.items.setdefault(int(item.get("UID", b"0")), {}).update(item)
        return f"{kind} {data[0].decode()}"


class Replay:
    def __init__(self, bob, sent, path):
        self.bob = bob
        arrived = sorted((bob.wait_message(m), m) for m in sent)  # message 1 came first
        self.uids = [uid for uid, _ in arrived]
        self.sent = [m for _, m in arrived]
        with bob.imap(readonly=True) as box:
            self.heads = {u: i["BODY[HEADER]"] for u, i in
                          box.fetch(self.uids, "(BODY.PEEK[HEADER])").items()}
        self.script = read(path)
        before = [rest for word, rest in self.script if word == "before"]
        self.session = Session(bob, before)

    def full(self, n):
        return split_trace(self.heads[self.uids[n - 1]])[0] + self.sent[n - 1]

    def play(self):
        for word, rest in self.script:
            if word != "before":
                getattr(self, "on_" + word.lower())(rest)
        self.on_end()

    def on_c(self, rest):
        self.on_end()
        self.session.send(re.sub(r"\{(\d)\}", lambda m: str(self.uids[int(m.group(1)) - 1]), rest))

    def on_raw(self, rest):
        self.session.go_on(rest)

    def on_s(self, rest):
        self.on_end()
        text = self.session.answer()
        assert text.startswith(rest), f"{text} instead of {rest}"

    def bodies(self):
        """What came of bodies and was not accounted for: (uid, item)."""
        return [(uid, k) for uid, items in self.session.items.items() for k in items
                if k.startswith("BODY[") and "HEADER" not in k]

    def on_end(self):
        if not self.session.waiting:
            assert self.bodies() == [], "it came unasked"

    def on_given(self, rest):
        if rest == "none":
            assert self.bodies() == []
            return
        n, name = rest.split(" ")
        items = self.session.items.get(self.uids[int(n) - 1], {})
        assert name in items, f"message {n}: {rest} is not among {self.bodies()}"
        item = items.pop(name)
        assert item == section(self.full(int(n)), name, item), f"message {n}: {name} differs"

    def numbers(self, rest):
        return [] if rest == "none" else [int(n) for n in rest.split()]

    def on_pulled(self, rest):
        want = ["pulled" if n in self.numbers(rest) else "stub" for n in range(1, COUNT + 1)]
        states = [self.bob.stub_of(m)["state"] for m in self.sent]
        assert states == want

    def on_seen(self, rest):
        with self.bob.imap(readonly=True) as box:
            flags = box.fetch(self.uids, "(FLAGS)")
        assert [n for n, u in enumerate(self.uids, 1) if rb"\Seen" in flags[u]["FLAGS"]] == \
            self.numbers(rest)

    def on_rule(self, rest):
        self.bob.cli("policy", *rest.split())


@pytest.mark.parametrize("path", FILES, ids=[os.path.basename(p)[:-5] for p in FILES])
def test_transcript(alice, bob, path, request):
    for uid in bob.uids():
        with bob.imap() as box:
            box.expunge(uid)
    name = request.node.callspec.id
    sent = [compose(alice.address, bob.address, f"{name} {n}", text="A line of text.\n" * 400 * n,
                    attachment=bytes(range(256)) * 200 * n) for n in range(1, COUNT + 1)]
    for m in sent:
        alice.send(m, [bob.address])
    replay = Replay(bob, sent, path)
    replay.play()
    replay.session.box.close()
    assert bob.complaints() == []
    wait_for(lambda: bob.cli("policy", "offline"), 30, "the rest to come", bob.logs)
    alice.wait_idle()
    bob.wait_idle()
