# SPDX-License-Identifier: GPL-3.0-or-later
"""The mailbox Outgoing: a line for each message that has not reached everybody, and deleting one takes
the message back (P-14.7)."""

import json
import os
import signal
import time

import pytest

from env import wait_for
from env.mail import check_arrived, compose, fields, picture


def send(sender, receivers, subject):
    data = compose(sender.address, [r.address for r in receivers], subject,
                   attachment=picture(20_000))
    sender.send(data, [r.address for r in receivers])
    return data


def line(peer, data):
    """(uid, subject, text) of the one line, or None."""
    uids = peer.find(data, "Outgoing")
    if not uids:
        return None
    assert len(uids) == 1, f"{len(uids)} lines"
    with peer.imap("Outgoing", readonly=True) as box:
        text = box.open(uids[0])
    subject = dict(fields(text)[0])[b"subject"].split(b":", 1)[1].strip().decode()
    return uids[0], subject, text.decode()


def wait_line(peer, data, start):
    def check():
        try:
            found = line(peer, data)
        except (AssertionError, KeyError):
            return None  # just being replaced
        return found if found and found[1].startswith(start) else None
    return wait_for(check, 15, f"a line {start}", peer.logs, every=0.2)


def keywords(peer, uid):
    with peer.imap("Outgoing", readonly=True) as box:
        return set(box.fetch(uid, "FLAGS")[uid]["FLAGS"]) - {b"\\Recent"}


def states(peer, data):
    return {r["to"]: r["state"] for r in peer.outbox_of(data)["receivers"]}


def leave(*peers):
    for p in peers:
        p.wait_idle()


def test_line_follows_the_state(alice, bob, carol):
    data = send(alice, [bob, carol], "Seen in the Outgoing")
    uid, subject, text = wait_line(alice, data, "[2 announced]")
    assert keywords(alice, uid) == {b"\\Seen", b"$Announced"}
    assert subject == "[2 announced] Seen in the Outgoing"
    assert f"{bob.address}: announced since" in text
    header = dict(fields(text.encode())[0])
    sent = dict(fields(data)[0])
    for name in (b"from", b"to", b"date", b"message-id"):
        assert header[name].split() == sent[name].split()
    uid = bob.wait_message(data)
    with bob.imap() as box:
        check_arrived(data, box.open(uid))
    uid, _, text = wait_line(alice, data, "[1 announced, 1 pulled]")
    assert f"{bob.address}: pulled since" in text
    assert keywords(alice, uid) == {b"\\Seen", b"$Announced", b"$Pulled"}
    uid = carol.wait_message(data)
    with carol.imap() as box:
        check_arrived(data, box.open(uid))
    wait_for(lambda: line(alice, data) is None, 15, "the line to go", alice.logs)
    leave(alice, bob, carol)
    assert states(alice, data) == {bob.address: "pulled", carol.address: "pulled"}
    assert os.listdir(os.path.join(alice.home, "inbox", "lines")) == []


@pytest.mark.parametrize("way", ["expunged", "to Trash"])
def test_deleting_the_line_cancels(alice, bob, way):
    data = send(alice, [bob], f"Taken back, {way}")
    bob.wait_message(data)
    uid = wait_line(alice, data, "[announced]")[0]
    with alice.imap("Outgoing") as box:
        if way == "expunged":
            box.expunge(uid)
        else:
            box.move(uid, "Trash")
    wait_for(lambda: states(alice, data)[bob.address] == "cancelled", 20, "the end", alice.logs)
    wait_for(lambda: bob.find(data) == [], 20, "the stub to go", bob.logs)
    leave(alice, bob)
    assert line(alice, data) is None


def test_only_the_others_are_taken_back(alice, bob, carol):
    data = send(alice, [bob, carol], "One has it")
    uid = bob.wait_message(data)
    with bob.imap() as box:
        check_arrived(data, box.open(uid))
    uid = wait_line(alice, data, "[1 announced, 1 pulled]")[0]
    with alice.imap("Outgoing") as box:
        box.expunge(uid)
    wait_for(lambda: states(alice, data)[carol.address] == "cancelled", 30, "the end", alice.logs)
    assert states(alice, data)[bob.address] == "pulled"
    leave(alice, bob, carol)


def test_what_the_daemon_does_never_cancels(alice, bob, carol):
    """Its own replacing, flags, a restart, a move to another folder, the whole mailbox deleted."""
    data = send(alice, [bob, carol], "Left alone")
    uid = wait_line(alice, data, "[2 announced]")[0]
    with alice.imap("Outgoing") as box:
        box.command("STORE", str(uid), "+FLAGS", r"(\Flagged)")
    alice.kill9()
    alice.start()
    alice.wait_ready()
    uid = bob.wait_message(data)
    with bob.imap() as box:
        box.open(uid)
    wait_line(alice, data, "[1 announced, 1 pulled]")
    with alice.imap("INBOX") as box:
        box._ok(box.conn.delete("Outgoing"))
    wait_line(alice, data, "[1 announced, 1 pulled]")
    time.sleep(3)
    assert states(alice, data)[carol.address] == "announced"
    uid = carol.wait_message(data)
    with carol.imap() as box:
        check_arrived(data, box.open(uid))
    leave(alice, bob, carol)
    wait_for(lambda: line(alice, data) is None, 15, "the line to go", alice.logs)


@pytest.mark.parametrize("point", ["outbox_line.added", "outbox_line.replaced", "outbox_line.before", "outbox_line.after"])
@pytest.mark.parametrize("nth", [1, 2])
def test_killed_while_a_line_changes(net, bob, carol, point, nth):
    """One line again afterwards, and nothing is taken back."""
    name = f"kl{point.split('.')[1]}{nth}@demo"
    sender = net.peer(name, start=False)
    sender.start({"RESTANTE_CRASH_AT": f"{point}:{nth}"})
    sender.wait_ready()
    data = send(sender, [bob, carol], f"Killed at {point} {nth}")
    if nth == 2:
        wait_for(lambda: bob.find(data), 20, "the stub", bob.logs)
        wait_for(lambda: not sender.process.running() or line(sender, data), 10, "the line")
        if sender.process.running():
            with bob.imap() as box:
                box.open(bob.find(data)[0])
    assert sender.process.wait(30) == -signal.SIGKILL
    sender.process = None
    sender.start()
    sender.wait_ready()
    wait_line(sender, data, "[")
    time.sleep(3)
    assert "withdrawing" not in states(sender, data).values()
    assert "cancelled" not in states(sender, data).values()
    assert line(sender, data)
    for p in (bob, carol):
        uid = p.wait_message(data)
        with p.imap() as box:
            check_arrived(data, box.open(uid))
    leave(sender, bob, carol)
    wait_for(lambda: line(sender, data) is None, 15, "the line to go", sender.logs)
    sender.stop()


@pytest.mark.parametrize("point", ["outbox_deleted.before", "outbox_deleted.after"])
def test_killed_while_a_deletion_is_taken_up(net, bob, point):
    sender = net.peer(f"kd{point.split('.')[1]}@demo")
    data = send(sender, [bob], f"Deleted, killed at {point}")
    bob.wait_message(data)
    uid = wait_line(sender, data, "[announced]")[0]
    sender.stop()
    sender.start({"RESTANTE_CRASH_AT": f"{point}:2"})
    sender.wait_ready()
    with sender.imap("Outgoing") as box:
        box.expunge(uid)
    assert sender.process.wait(30) == -signal.SIGKILL
    sender.process = None
    sender.start()
    sender.wait_ready()
    wait_for(lambda: states(sender, data)[bob.address] == "cancelled", 20, "the end", sender.logs)
    wait_for(lambda: bob.find(data) == [], 20, "the stub to go", bob.logs)
    leave(sender, bob)
    sender.stop()


def test_a_home_from_when_it_was_called_outbox(alice, bob):
    """Mail clients have an Outbox of their own: the mailbox has another name since, and its lines and
    its subscription go along."""
    bob.stop()
    data = compose(alice.address, bob.address, "Under the old name")
    alice.send(data, [bob.address])
    wait_for(lambda: alice.find(data, "Outgoing"), 15, "its line", alice.logs)
    alice.stop()
    mail = os.path.join(alice.home, "Maildir")
    os.rename(os.path.join(mail, ".Outgoing"), os.path.join(mail, ".Outbox"))
    with open(os.path.join(mail, "subscriptions"), "r+", encoding="utf-8") as f:
        text = f.read().replace("Outgoing", "Outbox")
        f.seek(0)
        f.truncate()
        f.write(text)
    alice.start()
    alice.wait_ready()
    assert len(alice.find(data, "Outgoing")) == 1
    with alice.imap() as box:
        names = b"\n".join(box.conn.lsub()[1] + box.conn.list()[1])
    assert b"Outgoing" in names and b"Outbox" not in names, names
    bob.start()
    bob.wait_ready()
    uid = bob.wait_message(data)
    with bob.imap() as box:
        box.open(uid)
    wait_for(lambda: not alice.find(data, "Outgoing"), 15, "its line to go", alice.logs)


def test_json_is_readable_and_every_id_is_the_whole_one(alice, bob):
    """Subjects without encoded words; what a command takes, by its beginning, it answers in full."""
    subject = "Gr\u00fc\u00dfe aus \u6771\u4eac"
    data = send(alice, [bob], subject)
    assert b"=?utf-8?" in data
    bob.wait_message(data)
    sent, = [m for m in alice.outbox() if m["subject"] == subject]
    came, = [m for m in bob.inbox() if m["subject"] == subject]
    assert len(sent["id"]) == 32 and len(came["id"]) == 64
    answer = json.loads(alice.cli("cancel", "--json", sent["id"][:12]))
    assert answer["id"] == sent["id"]
    other = send(alice, [bob], "To be declined")
    bob.wait_message(other)
    nid = bob.stub_of(other)["id"]
    assert bob.decline(nid[:12]) == f"Declined {nid}.\n"
    leave(alice, bob)
