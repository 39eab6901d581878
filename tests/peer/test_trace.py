# SPDX-License-Identifier: GPL-3.0-or-later
"""`restante trace ID`: what a peer's database says of one message, and its log's lines about it, by any of
its ids, at both ends."""

import json
import os
import re

from env import wait_for
from env.mail import check_arrived, compose, message_id


def trace(peer, message, *more):
    return json.loads(peer.cli("trace", message, "--json", *more))


def in_order(lines, *wanted):
    """These stand in the lines in this order, each as (the end of an area, a piece of the text)."""
    at = 0
    for area, text in wanted:
        found = [i for i in range(at, len(lines)) if lines[i]["area"] == area and text in lines[i]["text"]]
        assert found, (area, text, [f"{x['peer']} {x['area']}: {x['text']}" for x in lines])
        at = found[0] + 1


def all_about(lines, ids):
    """Each line has one of the ids, by its first 16 digits, and no other message's line is there."""
    for line in lines:
        assert any(i[:16] in line["text"] for i in ids), line


def ids_of(answer):
    """Every id in the rows of an answer."""
    ids = []
    for p in answer["peers"]:
        for m in p["sent"]:
            ids += [m["id"], *(b["hash"] for b in m["blobs"]),
                    *(r["notification"] for r in m["receivers"] if r["notification"])]
        ids += [i for m in p["came"] for i in (m["id"], m["blob"])] + [h["id"] for h in p["held"]]
    return ids


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
    with bob.imap(readonly=True) as box:
        head, = box.fetch([bob.wait_message(data)], "BODY.PEEK[HEADER]").values()
    shown, = re.findall(rb"with Restante id ([0-9a-f]+);", head["BODY[HEADER]"])
    assert row(trace(bob, shown.decode()), bob, "came")["id"] == came["id"]
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


SENT = (("submit", "submitted: "), ("seal", "sealed: "), ("announce", "announced"))
HEARD = (("notice", "is announced: "), ("stub", "its stub stands in the inbox"))


def both_ends(alice, bob, msgid):
    """The lines at each end, by the Message-ID that both mail clients show."""
    at = [trace(p, msgid) for p in (alice, bob)]
    for answer in at:
        all_about(answer["lines"], ids_of(answer))
    return [answer["lines"] for answer in at]


def test_the_way_of_one_that_is_opened(alice, bob):
    """Both homes print the whole way in order, each its half; together they are one way."""
    data = opened(alice, bob, "The whole way")
    other = opened(alice, bob, "Another message")
    sent, came = both_ends(alice, bob, message_id(data))
    in_order(sent, *SENT, ("collect", "pulled it"), ("gc", "deleted from the outbox"))
    in_order(came, *HEARD, ("opening", "is opened"), ("pull", "pulled "), ("deliver", "delivered"),
             ("answer", "has taken the receipt"))
    assert any(bob.address in line["text"] for line in sent)
    assert all(alice.address in line["text"] for line in came if line["area"] in
               ("notice", "stub", "opening", "pull", "deliver", "answer"))
    both = trace(alice, alice.outbox_of(data)["id"], "--home", bob.home)
    in_order(both["lines"], *SENT[:2], *HEARD, ("pull", "pulled "), ("deliver", "delivered"),
             ("gc", "deleted from the outbox"))
    assert {line["peer"] for line in both["lines"]} == {alice.address, bob.address}
    strange = ids_of(trace(alice, message_id(other), "--home", bob.home))
    assert not set(ids_of(both)) & set(strange)
    all_about(both["lines"], ids_of(both))


def test_the_way_of_one_that_is_declined(alice, bob):
    data, _ = send(alice, bob, "The way to a decline")
    bob.decline(bob.stub_of(data)["id"])
    alice.wait_idle()
    bob.wait_idle()
    sent, came = both_ends(alice, bob, message_id(data))
    in_order(sent, *SENT, ("collect", "declined it"), ("gc", "deleted from the outbox"))
    in_order(came, *HEARD, ("expunge_scan", "declined"), ("answer", "receipt"))
    assert row(trace(bob, message_id(data)), bob, "came")["outcome"] == "declined"


def test_the_way_of_one_that_is_taken_back(alice, bob):
    data, _ = send(alice, bob, "The way back")
    alice.cli("cancel", alice.outbox_of(data)["id"])
    wait_for(lambda: bob.find(data) == [], 20, "the stub to go", bob.logs)
    alice.wait_idle()
    bob.wait_idle()
    sent, came = both_ends(alice, bob, message_id(data))
    in_order(sent, *SENT, ("cancel", "is being withdrawn"), ("gc", "deleted from the outbox"))
    in_order(came, *HEARD, ("cancel", "its sender withdrew it"), ("answer", "receipt"))
    text = bob.cli("trace", message_id(data))
    assert "cancelled" in text and "its sender withdrew it" in text


def test_one_of_several_recipients(alice, bob, carol):
    """The sender's message has a line for each; the notification of one has that one's alone at its end."""
    data = compose(alice.address, [bob.address, carol.address], "For two")
    alice.send(data, [bob.address, carol.address])
    for peer in (bob, carol):
        uid = peer.wait_message(data)
        with peer.imap() as box:
            box.open(uid)
    alice.wait_idle()
    mine = trace(alice, message_id(data))
    sent = row(mine, alice, "sent")
    assert sorted(r["to"] for r in sent["receivers"]) == sorted((bob.address, carol.address))
    for peer in (bob, carol):
        nid, = [r["notification"] for r in sent["receivers"] if r["to"] == peer.address]
        assert row(trace(peer, nid), peer, "came")["id"] == nid
        assert [x for x in mine["lines"] if x["area"] == "announce" and nid[:16] in x["text"]
                and peer.address in x["text"]]
    others, = [r["notification"] for r in sent["receivers"] if r["to"] == carol.address]
    assert "is known here" in bob.run_cli("trace", others).stderr
