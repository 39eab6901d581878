# SPDX-License-Identifier: GPL-3.0-or-later
"""`restante trace ID`: what a peer's database says of one message, and its log's lines about it, by any of
its ids, at both ends."""

import json
import os

from env.mail import check_arrived, compose, message_id


def trace(peer, message, *more):
    return json.loads(peer.cli("trace", message, "--json", *more))


def row(answer, peer, kind):
    """The one row of this kind at that peer."""
    rows = [p[kind] for p in answer["peers"] if p["address"] == peer.address]
    assert len(rows) == 1 and len(rows[0]) == 1, answer["peers"]
    return rows[0][0]


def send(alice, bob, subject):
    data = compose(alice.address, bob.address, subject)
    alice.send(data, [bob.address])
    return data, bob.wait_message(data)


def opened(alice, bob, subject):
    data, uid = send(alice, bob, subject)
    with bob.imap() as box:
        check_arrived(data, box.open(uid))
    alice.wait_idle()
    bob.wait_idle()
    return data


def test_rows_by_every_id(alice, bob):
    """The ids of outbox, inbox and mail client find the same rows, in any letters and shortened."""
    data = opened(alice, bob, "Found by every id")
    sent, came = alice.outbox_of(data), bob.stub_of(data)
    msgid = message_id(data)
    blob = sent["hash"]
    for given in (sent["id"], sent["id"][:12].upper(), came["id"], blob, msgid, msgid.strip("<>")):
        at_alice = row(trace(alice, given), alice, "sent")
        assert at_alice["id"] == sent["id"] and at_alice["message_id"] == msgid
        assert [(r["to"], r["state"], r["notification"]) for r in at_alice["receivers"]] \
            == [(bob.address, "pulled", came["id"])]
        assert [b["hash"] for b in at_alice["blobs"]] == [blob]
    for given in (came["id"], came["id"][:12], blob):
        at_bob = row(trace(bob, given), bob, "came")
        assert (at_bob["id"], at_bob["from"], at_bob["outcome"], at_bob["blob"]) \
            == (came["id"], alice.address, "pulled", blob)
    both = trace(alice, sent["id"], "--home", bob.home)
    assert row(both, alice, "sent")["id"] == sent["id"]
    assert row(both, bob, "came")["id"] == came["id"]
    times = [line["at"] for line in both["lines"]]
    assert times == sorted(times)


def test_while_the_peer_does_not_run(alice, bob):
    """It reads the files of the home; nothing answers, nothing is changed."""
    data = opened(alice, bob, "Traced at rest")
    sent = alice.outbox_of(data)["id"]
    running = trace(alice, sent)
    alice.stop()
    try:
        assert trace(alice, sent) == running
        assert alice.run_cli("outbox").returncode == 1
    finally:
        alice.start()
        alice.wait_ready()


def test_what_is_not_known(alice):
    for given, status, says in (
            ("0000000000000000", 1, "No message with the id 0000000000000000 is known here"),
            ("<nobody@nowhere>", 1, "No message with the id <nobody@nowhere>"),
            ("abc", 2, "at least 4 hexadecimal digits"), ("xyzw", 2, "at least 4 hexadecimal digits")):
        done = alice.run_cli("trace", given)
        assert done.returncode == status and says in done.stderr, done.stderr
        assert not done.stdout
    assert alice.run_cli("trace").returncode == 2
    done = alice.run_cli("trace", "abcd1234", "--home", os.path.join(alice.home, "nothing"))
    assert done.returncode == 1 and done.stderr
