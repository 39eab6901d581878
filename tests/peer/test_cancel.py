# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking a message back: what is answered is true at every moment, and the stub goes (P-14)."""

import http.client
import json
import signal

import pytest

from env import wait_for
from env.mail import check_arrived, compose, message_id, picture


def cancel(peer, data, receiver=None):
    """{receiver: (state, answer)} of `restante cancel`."""
    command = ["cancel", "--json", peer.outbox_of(data)["id"]] + ([receiver] if receiver else [])
    answer = json.loads(peer.cli(*command))
    return {r["to"]: (r["state"], r["answer"]) for r in answer["receivers"]}


def states(peer, data):
    return {r["to"]: r["state"] for r in peer.outbox_of(data)["receivers"]}


def fetch(peer, path, octets=100):
    """Begins to fetch, as a receiver does; the status."""
    conn = http.client.HTTPConnection("127.0.0.1", peer.http_port, timeout=10)
    conn.request("GET", path, headers={"Range": f"bytes=0-{octets - 1}"})
    status = conn.getresponse().status
    conn.close()
    return status


def send(alice, receivers, subject, **more):
    data = compose(alice.address, [r.address for r in receivers], subject,
                   attachment=picture(40_000), **more)
    alice.send(data, [r.address for r in receivers])
    return data


def gone(alice, bob, data):
    """Bob's stub is gone, both sides say cancelled, and nothing is left anywhere."""
    wait_for(lambda: bob.find(data) == [], 20, "the stub to go", bob.logs)
    alice.wait_idle()
    bob.wait_idle()
    assert states(alice, data)[bob.address] == "cancelled"
    assert bob.stub_of(data)["state"] == "cancelled"


def test_nobody_ever_began(alice, bob):
    """P-14.1, P-14.3, P-14.5: cancelled at once; the stub disappears wherever it was moved."""
    data = send(alice, [bob], "Taken back")
    uid = bob.wait_message(data)
    with bob.imap() as box:
        box.move(uid, "Archive")
    blob = alice.outbox_of(data)["hash"]
    state, answer = cancel(alice, data)[bob.address]
    assert (state, answer) == ("cancelled", "cancelled, nobody ever began to fetch it")
    assert fetch(alice, f"/outbox/{blob}") == 404
    wait_for(lambda: bob.find(data, "Archive") == [], 20, "the stub to go", bob.logs)
    gone(alice, bob, data)
    # asked again, it says the same; for a person too
    assert cancel(alice, data)[bob.address] == (state, answer)
    assert alice.cli("cancel", alice.outbox_of(data)["id"][:8]) == f"{bob.address}: {answer}\n"


@pytest.mark.parametrize("path", ["", "/chunks"])
def test_after_a_fetch_was_begun(alice, bob, path):
    """P-14.3: whoever asked for anything of it makes the answer *withdrawing*, also after kill -9."""
    data = send(alice, [bob], f"Begun {path}")
    bob.wait_message(data)
    bob.stop()
    assert fetch(alice, f"/outbox/{alice.outbox_of(data)['hash']}{path}", 10) in (200, 206)
    alice.kill9()
    alice.start()
    alice.wait_ready()
    state, answer = cancel(alice, data)[bob.address]
    assert state == "withdrawing" and answer.startswith("withdrawing")
    assert fetch(alice, f"/outbox/{alice.outbox_of(data)['hash']}") == 404
    bob.start()
    bob.wait_ready()
    gone(alice, bob, data)
    state, answer = cancel(alice, data)[bob.address]
    assert state == "cancelled" and "confirmed" in answer


def test_too_late(alice, bob):
    """P-14.2: pulled wins, whether the sender knows it already or not."""
    data = send(alice, [bob], "Read already")
    uid = bob.wait_message(data)
    with bob.imap() as box:
        box.open(uid)
    alice.wait_idle()
    state, answer = cancel(alice, data)[bob.address]
    assert state == "pulled" and answer.startswith("too late, pulled at "), answer
    with bob.imap() as box:
        check_arrived(data, box.open(uid))

    data = send(alice, [bob], "Read while the sender looked away")
    bob.wait_message(data)
    # the receipt is put, and alice is not there to take it
    nid = bob.stub_of(data)["id"]
    bob.stop()
    bob.start({"RESTANTE_CRASH_AT": "answer.before"})
    bob.wait_up()
    bob.run_cli("pull", nid)
    assert bob.process.wait(20) is not None
    bob.process = None
    answers = cancel(alice, data)
    assert answers[bob.address][0] in ("withdrawing", "pulled")
    bob.start()
    bob.wait_ready()
    alice.wait_idle()
    bob.wait_idle()
    assert cancel(alice, data)[bob.address][0] == "pulled"
    uid = bob.wait_message(data)
    with bob.imap() as box:
        check_arrived(data, box.open(uid))


def test_one_of_several(alice, bob, carol):
    """P-14.2: the blob stays for the others, so nothing is certain until the receiver says so."""
    data = send(alice, [bob, carol], "For one of two")
    for p in (bob, carol):
        p.wait_message(data)
    bob.stop()
    assert cancel(alice, data, bob.address)[bob.address][0] == "withdrawing"
    assert states(alice, data)[carol.address] == "announced"
    uid = carol.wait_message(data)
    with carol.imap() as box:
        check_arrived(data, box.open(uid))
    assert states(alice, data)[bob.address] == "withdrawing"
    bob.start()
    bob.wait_ready()
    gone(alice, bob, data)
    carol.wait_idle()
    assert states(alice, data) == {bob.address: "cancelled", carol.address: "pulled"}
    done = alice.run_cli("cancel", alice.outbox_of(data)["id"], "nobody@demo")
    assert done.returncode == 1 and "no such recipient" in done.stderr


def test_all_of_several_at_once(alice, bob, carol):
    data = send(alice, [bob, carol], "For none of two")
    for p in (bob, carol):
        p.wait_message(data)
    answers = cancel(alice, data)
    assert {a for _, a in answers.values()} == {"cancelled, nobody ever began to fetch it"}
    for p in (bob, carol):
        gone(alice, p, data)


def test_before_its_notification_was_seen(alice, bob):
    """P-14.5: the receiver was away: it finds a cancellation, perhaps before the notification."""
    bob.stop()
    data = send(alice, [bob], "Never seen")
    wait_for(lambda: states(alice, data)[bob.address] == "announced", 20, "the notification")
    assert cancel(alice, data)[bob.address][0] == "cancelled"
    bob.start()
    bob.wait_ready()
    wait_for(lambda: alice.status()["pending"] == 0, 20, "nothing pending", alice.logs)
    assert bob.find(data) == []
    bob.wait_idle()  # P-14.4: the cancellation is remembered, and not left in the DHT


def test_begun_and_never_seen(alice, bob):
    """P-14.4: somebody fetched of it, and its receiver finds the cancellation only."""
    bob.stop()
    data = send(alice, [bob], "Fetched and never seen")
    wait_for(lambda: states(alice, data)[bob.address] == "announced", 20, "the notification")
    assert fetch(alice, f"/outbox/{alice.outbox_of(data)['hash']}") == 206
    assert cancel(alice, data)[bob.address][0] == "withdrawing"
    bob.start()
    bob.wait_ready()
    wait_for(lambda: states(alice, data)[bob.address] == "cancelled", 30, "the end", alice.logs)
    assert "confirmed" in cancel(alice, data)[bob.address][1]
    assert bob.find(data) == []
    alice.wait_idle()
    bob.wait_idle()


def test_receiver_away_until_it_expires(net, bob):
    """P-14.6: withdrawn, unconfirmed."""
    sender = net.peer("wim@demo", {"mail.validity": "8", "timing.expiry_grace": "1"})
    other = net.peer("away@demo")
    data = send(sender, [other], "Away")
    other.wait_message(data)
    other.stop()
    assert fetch(sender, f"/outbox/{sender.outbox_of(data)['hash']}") == 206
    assert cancel(sender, data)[other.address][0] == "withdrawing"
    sender.stop()
    sender.start({"RESTANTE_CRASH_AT": "cancel.over"})
    assert sender.process.wait(30) == -signal.SIGKILL
    sender.process = None
    sender.start()
    sender.wait_up()
    wait_for(lambda: states(sender, data)[other.address] == "unconfirmed", 30, "the end",
             sender.logs)
    assert cancel(sender, data)[other.address][1] == "withdrawn, unconfirmed"
    wait_for(lambda: sender.status()["pending"] == 0, 20, "nothing pending", sender.logs)
    sender.stop()
