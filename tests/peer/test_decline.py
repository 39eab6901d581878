# SPDX-License-Identifier: GPL-3.0-or-later
"""A stub that the user throws away unread is declined: the sender learns it, nothing is pulled (P-10.2,
P-10.5)."""

import os
import time

from env import wait_for
from env.mail import check_arrived, compose, picture


def deliver_stub(alice, bob, subject):
    data = compose(alice.address, bob.address, subject, attachment=picture(40_000))
    alice.send(data, [bob.address])
    return data, bob.wait_message(data)


def declined(alice, bob, data):
    """Both sides end with declined, and nothing of the body was fetched."""
    wait_for(lambda: not alice.waits(data), 20, "the decline to reach alice", alice.logs)
    entry = alice.outbox_of(data)
    assert not entry or entry["receivers"][0]["state"] == "declined"
    alice.wait_idle()
    bob.wait_idle()
    entry = bob.stub_of(data)
    assert entry is None or entry["state"] == "declined"


def test_expunged_unread(alice, bob):
    data, uid = deliver_stub(alice, bob, "Expunged unread")
    with bob.imap() as box:
        box.expunge(uid)
    declined(alice, bob, data)
    assert bob.find(data) == []


def test_by_the_command_line(alice, bob):
    data, _ = deliver_stub(alice, bob, "Declined by hand")
    bob.decline(bob.stub_of(data)["id"][:10])
    declined(alice, bob, data)
    wait_for(lambda: bob.find(data) == [], 10, "the stub to go", bob.logs)


def test_moved_is_not_declined(alice, bob):
    data, uid = deliver_stub(alice, bob, "Only moved")
    with bob.imap() as box:
        box.move(uid, "Archive")
    time.sleep(3)  # decline_grace is 1 s, the sweep 0.5 s
    assert alice.outbox_of(data)["receivers"][0]["state"] == "announced"
    uid = bob.wait_message(data, mailbox="Archive")
    with bob.imap("Archive") as box:
        check_arrived(data, box.open(uid))
    alice.wait_idle()


def test_in_trash_after_its_grace_unless_taken_back(alice, bob):
    kept, uid = deliver_stub(alice, bob, "Taken back from Trash")
    with bob.imap() as box:
        box.move(uid, "Trash")
    with bob.imap("Trash") as box:
        box.move(bob.find(kept, "Trash")[0], "INBOX")
    gone, uid = deliver_stub(alice, bob, "Left in Trash")
    with bob.imap() as box:
        box.move(uid, "Trash")

    wait_for(lambda: not alice.waits(gone), 20, "the decline",
             lambda: alice.logs() + bob.logs())
    assert alice.outbox_of(kept)["receivers"][0]["state"] == "announced"
    with bob.imap() as box:
        check_arrived(kept, box.open(bob.wait_message(kept)))
    alice.wait_idle()
    bob.wait_idle()


def test_what_was_fetched_of_it_goes(alice, bob):
    """A try to open it failed, and left its part file; then it is declined."""
    data, _ = deliver_stub(alice, bob, "Declined after a try")
    parts = os.path.join(bob.home, "inbox/parts")
    alice.stop()
    try:
        assert bob.run_cli("pull", bob.stub_of(data)["id"][:10], seconds=60).returncode != 0
        assert len(os.listdir(parts)) == 1
        bob.decline(bob.stub_of(data)["id"][:10])
    finally:
        alice.start()
        alice.wait_ready()
    declined(alice, bob, data)
    wait_for(lambda: os.listdir(parts) == [], 10, "the part file to go", bob.logs)


def deliver_many(alice, bob, name, count):
    sent = [compose(alice.address, bob.address, f"{name} {i}") for i in range(count)]
    for data in sent:
        alice.send(data, [bob.address])
    for data in sent:
        bob.wait_message(data)
    return sent


def test_a_morning_of_thirty(alice, bob):
    """A client without a name that flags by number, all at once (P-10.25)."""
    sent = deliver_many(alice, bob, "Thirty", 30)
    with bob.imap() as box:
        assert box.conn.store("1:*", "+FLAGS", "(\\Deleted)")[0] == "OK"
        assert box.conn.expunge()[0] == "OK"
    for data in sent:
        declined(alice, bob, data)


def test_what_a_synchronizing_program_deletes_waits_for_a_word(alice, bob):
    """Flags by UID, reads no header, gives no name: the user confirms with one command."""
    sent = deliver_many(alice, bob, "Synchronized away", 24)
    with bob.imap() as box:
        uids = ",".join(str(bob.find(data)[0]) for data in sent)
        box.command("STORE", uids, "+FLAGS", "(\\Deleted)")
        box.command("EXPUNGE", uids)
    wait_for(lambda: bob.status()["inbox"]["vanished"] == 24, 20, "the guard", bob.logs)
    text = bob.run_cli("status").stdout
    assert "restante decline --all-deleted" in text, text
    check = bob.run_cli("fsck")
    assert check.returncode != 0 and "restante decline --all-deleted" in check.stdout, check.stdout
    time.sleep(3)  # decline_grace is 1 s, the sweep 0.5 s
    assert all(alice.waits(data) for data in sent)

    said = bob.run_cli("decline", "--all-deleted")
    assert said.returncode == 0 and "24 deleted messages" in said.stdout, said.stdout
    for data in sent:
        declined(alice, bob, data)
    assert bob.status()["inbox"]["vanished"] == 0
    assert "nothing is declined" in bob.run_cli("decline", "--all-deleted").stdout
