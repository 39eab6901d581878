# SPDX-License-Identifier: GPL-3.0-or-later
"""Real mail goes the whole way unchanged (P-5.1, P-10.13). 300 messages in the suite;
RESTANTE_CORPUS=all (`make corpus`) takes all 6,046 and prints the counts. The address in From is never
the sender's: the envelope alone says alice and bob, so alice allows foreign From and bob accepts her
as a relay."""

import os

import pytest

from env import Network, corpus
from env.mail import TAKEN_AWAY, check_arrived, fields, split_trace

BATCH = 300  # notifications that live at a time

pytestmark = pytest.mark.skipif(not corpus.names(),
                                reason="no corpus of real mail (scripts/fetch-corpus)")


@pytest.fixture
def pair():
    with Network(nodes=5) as net:
        alice = net.peer("alice@demo", {"mail.allow_foreign_from": "yes"})
        bob = net.peer("bob@demo", {"mail.relays": "alice@demo"})
        yield alice, bob


def key_of(head, size):
    """What tells messages apart: all fields but those that a peer may add or take away, and the
    length of the body."""
    kept = tuple(f[1] for f in fields(head)[0] if f[0] not in (b"sender", *TAKEN_AWAY))
    return kept, size - len(head)


def match(sent, headers):
    """{uid: name}: which stub is which message, by the header below the trace fields."""
    left = {}
    for name, data in sent.items():
        kept, body = key_of(data[:data.index(b"\r\n\r\n") + 4], len(data))
        left.setdefault((kept, body), []).append(name)
    out = {}
    for uid, item in headers.items():
        _, head = split_trace(item["BODY[HEADER]"])
        size = int(item["RFC822.SIZE"]) - len(item["BODY[HEADER]"]) + len(head)
        kept, body = key_of(head, size)
        # A Date or Message-ID may have been added on top.
        choices = [(kept[n:], body) for n in range(3) if left.get((kept[n:], body))]
        assert choices, f"no message has this header: {head!r}"
        out[uid] = left[choices[0]].pop(0)
    missing = [n for names in left.values() for n in names]
    assert not missing, f"never arrived: {missing}"
    return out


def one_batch(alice, bob, names, known):
    """Sends, lists, opens and compares; ({uid: metadata}, refused)."""
    sent, refused = corpus.submit(alice, bob, names)
    bob.wait_stubs(len(known) + len(sent), 60 + len(sent) / 5)
    with bob.imap() as box:
        new = [u for u in box.uids() if u not in known]
        before = box.metadata(new)
        which = match(sent, before)
        states = [m["state"] for m in bob.inbox()]
        assert states.count("stub") == len(sent), "something was pulled before it was opened"
        for uid, name in which.items():
            try:
                check_arrived(sent[name], box.open(uid), alice.address)
            except AssertionError as e:
                raise AssertionError(f"{name} (uid {uid}): {e}") from None
        assert box.uids() == sorted(set(known) | set(new)), "a UID changed"
        after = box.metadata(new)
    for uid in new:
        assert after[uid] == before[uid], f"{which[uid]}: the listing changed by the pull"
    alice.wait_idle(60)
    bob.wait_idle(60)
    return before, refused


def test_real_mail_arrives_unchanged(pair, capsys):
    alice, bob = pair
    everything = os.environ.get("RESTANTE_CORPUS") == "all"
    names = corpus.names() if everything else corpus.pick(300)
    seen, refused = {}, {}
    for start in range(0, len(names), BATCH):
        before, no = one_batch(alice, bob, names[start:start + BATCH], seen)
        seen.update(before)
        refused.update(no)
        if everything:
            with capsys.disabled():
                print(f"\n{len(seen)} of {len(names)} arrived unchanged, {len(refused)} refused",
                      end="", flush=True)
    for name, why in refused.items():
        with capsys.disabled():
            print(f"\nrefused: {name}: {why}")
    assert not refused
    bob.forget_caches()
    different = []
    with bob.imap(readonly=True) as box:
        for uid, now in box.metadata().items():
            different += [f"uid {uid} {k}: {seen[uid][k]!r} was, {v!r} is"
                          for k, v in now.items() if seen[uid][k] != v]
    assert not different, "\n".join(different[:5])
    for p in pair:
        status = p.status("--check")
        assert status["pending"] == 0 and status["failed"] == []
        assert status["outbox"]["messages"] == 0 and status["inbox"]["stubs"] == 0
        assert status["dht"]["ns_live"] == 0 and status["dht"]["nr_live"] == 0
