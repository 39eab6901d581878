# SPDX-License-Identifier: GPL-3.0-or-later
"""*Sent* ends with exactly one copy, whether the mail client saves its own or not."""

import time

import pytest

from env import wait_for
from env.mail import compose

WAIT = 1.0  # mail.sent_wait of these peers


@pytest.fixture(autouse=True)
def leave_idle(alice, bob):
    """What these tests sent is declined, so that the next file finds both peers with nothing left."""
    yield
    wait_for(lambda: not any(m["state"] == "noticed" for m in bob.inbox())
             and all(r["state"] != "waiting" for m in alice.outbox() for r in m["receivers"]),
             20, "the messages to be announced", alice.logs)
    bob.wait_stubs(len([m for m in alice.outbox() if m["state"] != "done"]))
    for m in bob.inbox():
        if m["state"] == "stub":
            bob.decline(m["id"])
    alice.wait_idle()
    bob.wait_idle()


def submit(alice, bob, subject):
    data = compose(alice.address, bob.address, subject, Bcc="secret@demo")
    alice.send(data, [bob.address])
    return data


def test_client_that_saves_no_copy_gets_ours(alice, bob):
    data = submit(alice, bob, "No copy of my own")
    uid = alice.wait_message(data, 15, "Sent")
    with alice.imap("Sent") as box:
        copy = box.open(uid)
        assert rb"\Seen" in box.fetch(uid, "FLAGS")[uid]["FLAGS"]
    body = data[data.index(b"\r\n\r\n"):]
    assert copy.endswith(body)
    time.sleep(2 * WAIT)
    assert len(alice.find(data, "Sent")) == 1


def test_client_that_saves_its_copy_keeps_it(alice, bob):
    data = submit(alice, bob, "My own copy")
    with alice.imap("Sent") as box:
        box.append("Sent", data)
    mine = alice.find(data, "Sent")
    assert len(mine) == 1
    time.sleep(3 * WAIT)
    assert alice.find(data, "Sent") == mine


def test_late_copy_of_the_client_replaces_ours(alice, bob):
    data = submit(alice, bob, "A late copy")
    ours = alice.wait_message(data, 15, "Sent")
    with alice.imap("Sent") as box:
        box.append("Sent", data)

    def only_the_client_s():
        found = alice.find(data, "Sent")
        return len(found) == 1 and found[0] != ours

    wait_for(only_the_client_s, 10, "our copy to go", alice.logs)


def test_the_wait_survives_a_restart(alice, bob):
    data = submit(alice, bob, "Restarted in between")
    alice.kill9()
    alice.start()
    alice.wait_ready()
    alice.wait_message(data, 15, "Sent")
    time.sleep(2 * WAIT)
    assert len(alice.find(data, "Sent")) == 1
