# SPDX-License-Identifier: GPL-3.0-or-later
"""Many hands on the same stubs, on a real peer (P-7.2, P-7.3, P-7.8): 8 that open, 4 that write flags,
2 that copy, 1 that moves. Every message comes exactly as it was sent, no UID and nothing that was
listed changes, and Dovecot has nothing to complain about. RESTANTE_RACE=1000 (`make race`) takes as
many messages; the suite 200."""

import os
import random
import threading
import time

import pytest

from env import wait_for
from env.imap import ImapError
from env.mail import compose, message_id, split_trace

STUBS = int(os.environ.get("RESTANTE_RACE", "200"))
LISTING = ("(INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY BODY.PEEK[HEADER] "
           "BODY.PEEK[HEADER.FIELDS (SUBJECT MESSAGE-ID)] BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT)])")
MOVED = 10  # every tenth is moved away meanwhile


def send_all(alice, bob):
    """{Message-ID: octets}"""
    dice, sent = random.Random(7), {}
    with alice.smtp() as s:
        for n in range(STUBS):
            text = "".join(f"line {i} of {n}\n" for i in range(dice.choice((1, 3, 40, 900))))
            data = compose(alice.address, bob.address, f"race {n:05}", text=text,
                           attachment=dice.randbytes(dice.choice((1, 3000, 60000)))
                           if n % 3 == 0 else None, name=f"a {n}.png")
            s.sendmail(alice.address, [bob.address], data)
            sent[message_id(data)] = data
    return sent


class Race:
    def __init__(self, bob, sent, uids, by_uid):
        self.bob, self.sent, self.uids = bob, sent, uids
        self.by_uid = by_uid  # {uid: Message-ID}
        self.moved = set(uids[::MOVED])
        self.faults, self.threads = [], []
        self.opened = 0

    def hand(self, work, *args):
        def run():
            try:
                with self.bob.imap() as box:
                    work(box, *args)
            except Exception as e:  # pylint: disable=broad-except
                self.faults.append(f"{work.__name__}{args}: {e!r}")
        t = threading.Thread(target=run)
        self.threads.append(t)
        t.start()

    def fetch(self, box, uids, items):
        """What is there of these; of the moved ones nothing need be."""
        try:
            return box.fetch(uids, items)
        except ImapError as e:
            assert "EXPUNGEISSUED" in e.text and self.moved & set(uids), e.text
            return {}

    def check(self, uid, got):
        sent = self.sent[self.by_uid[uid]]
        assert split_trace(got)[1] == sent, f"uid {uid} is not what was sent"

    def open_all(self, box, seed):
        """In an order of its own, in the ways clients do."""
        dice, left = random.Random(seed), list(self.uids)
        dice.shuffle(left)
        while left:
            some = [left.pop() for _ in range(min(len(left), dice.choice((1, 1, 1, 2, 7))))]
            way = dice.choice(("BODY[]", "BODY.PEEK[]", "(UID FLAGS BODY.PEEK[])", "RFC822"))
            key = "RFC822" if way == "RFC822" else "BODY[]"
            got = self.fetch(box, some, way)
            assert self.moved | set(got) >= set(some), f"{some}: only {sorted(got)}"
            for uid, item in got.items():
                if item.get(key) is None:  # moved between the search and the answer
                    assert uid in self.moved, f"{uid}: {item}"
                else:
                    self.check(uid, item[key])
                    self.opened += 1

    def write_flags(self, box, flag):
        for sign in "+-+":
            for start in range(0, len(self.uids), 9):
                some = self.uids[start:start + 9]
                try:
                    box.command("STORE", ",".join(map(str, some)), sign + "FLAGS", f"({flag})")
                except ImapError as e:
                    assert "EXPUNGEISSUED" in e.text and self.moved & set(some), e.text

    def copy(self, box, mailbox):
        for uid in self.uids[3::7]:
            if uid not in self.moved:
                box.command("COPY", str(uid), mailbox)

    def move(self, box):
        for uid in sorted(self.moved):
            box.command("MOVE", str(uid), "Archive")
            time.sleep(0.01)

    def run(self):
        for seed in range(8):
            self.hand(self.open_all, seed)
        for flag in (r"\Flagged", r"\Answered", "$Label1", "k2"):
            self.hand(self.write_flags, flag)
        self.hand(self.copy, "Drafts")
        self.hand(self.copy, "Archive")
        self.hand(self.move)
        for t in self.threads:
            t.join()
        assert self.faults == []


def check_copies(bob, race, mailbox, expected):
    with bob.imap(mailbox, readonly=True) as box:
        got = box.fetch("1:*", "(BODY.PEEK[])")
    ids = []
    for item in got.values():
        data = split_trace(item["BODY[]"])[1]
        ids.append(message_id(data))
        assert data == race.sent[ids[-1]]
    assert sorted(ids) == sorted(race.by_uid[u] for u in expected), mailbox


def same(before, after, gone=()):
    assert sorted(after) == [u for u in sorted(before) if u not in gone], "a UID changed"
    wrong = [f"uid {u} {k}: {before[u][k]!r} was, {v!r} is" for u, item in after.items()
             for k, v in item.items() if before[u][k] != v]
    assert not wrong, "\n".join(wrong[:5])


@pytest.mark.usefixtures("net")
def test_many_hands_on_the_same_stubs(alice, bob):
    sent = send_all(alice, bob)
    uids = bob.wait_stubs(STUBS, 60 + STUBS / 4)
    with bob.imap(readonly=True) as box:
        before = box.fetch("1:*", LISTING)
        by_uid = {u: message_id(i["BODY[HEADER]"]) for u, i in before.items()}
    assert sorted(by_uid.values()) == sorted(sent)
    assert all(m["state"] == "stub" for m in bob.inbox()), "something was pulled before it was opened"
    race = Race(bob, sent, uids, by_uid)
    race.run()
    assert race.opened >= 7 * STUBS
    with bob.imap(readonly=True) as box:
        same(before, box.fetch("1:*", LISTING), race.moved)
    copied = [u for u in uids[3::7] if u not in race.moved]
    check_copies(bob, race, "Drafts", copied)
    check_copies(bob, race, "Archive", copied + sorted(race.moved))
    wait_for(lambda: all(m["state"] == "pulled" for m in bob.inbox()), 60, "every pull to end",
             bob.logs)
    alice.wait_idle(60)
    bob.wait_idle(60)
    bob.forget_caches()
    with bob.imap(readonly=True) as box:
        same(before, box.fetch("1:*", LISTING), race.moved)
    assert bob.complaints() == []
