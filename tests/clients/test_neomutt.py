# SPDX-License-Identifier: GPL-3.0-or-later
"""neomutt in a terminal, with the settings that `restante mua mutt` writes and nothing else."""

import os
import subprocess
import time

import pytest

from desk import Terminal
from env import wait_for
from env.mail import picture
from letters import letter, outcome, state, wait_state


@pytest.fixture(scope="module")
def muttrc(net, bob):
    folder = os.path.join(net.folder, "mutt")
    os.mkdir(folder)
    path = os.path.join(folder, "muttrc")
    bob.cli("mua", "mutt", "--output", path)
    return path


@pytest.fixture(scope="module")
def mutt(muttrc, alice, bob):
    for m in (PLAIN, FILES, SPAM):
        alice.send(m, [bob.address])
    bob.wait_stubs(3)
    terminal = Terminal(os.path.dirname(muttrc), ["neomutt", "-n", "-F", muttrc])
    yield terminal
    terminal.close()


PLAIN = letter("Lunch on Friday?", "Shall we meet at noon?\n")
FILES = letter("Minutes of Tuesday", "Here they are.\n", attachment=picture(40000), name="minutes.pdf")
SPAM = letter("Advert", "Buy.\n")


def go_to(mutt, subject):
    """To the line of the index with this subject."""
    mutt.keys("/", "~s '" + subject + "'", "Enter")
    time.sleep(0.5)


def test_listing_pulls_nothing(mutt, bob):
    screen = mutt.wait("Advert")
    assert "Lunch on Friday?" in screen and "Minutes of Tuesday" in screen and "Alice" in screen
    time.sleep(5)
    assert [state(bob, m) for m in (PLAIN, FILES, SPAM)] == ["stub"] * 3


def test_open_pulls_and_shows(mutt, bob):
    go_to(mutt, "Minutes")
    mutt.keys("Enter")
    mutt.wait("Here they are.")
    assert state(bob, FILES) == "pulled" and state(bob, PLAIN) == "stub"
    mutt.keys("v")
    mutt.wait("minutes.pdf")
    mutt.keys("q", "q")


def test_offline_sender_is_told_and_the_second_open_works(mutt, alice, bob):
    mutt.wait("Advert")
    alice.stop()
    go_to(mutt, "Lunch")
    mutt.keys("Enter")
    mutt.wait("[UNAVAILABLE] alice@demo ")  # the rest is longer than the line
    assert state(bob, PLAIN) != "pulled"
    alice.start()
    alice.wait_ready()
    mutt.keys("Enter")
    mutt.wait("Shall we meet at noon?")
    mutt.keys("q")


def test_delete_unread_declines(mutt, alice, bob):
    mutt.wait("Advert")
    go_to(mutt, "Advert")
    mutt.keys("d", "$")
    mutt.wait("?")  # it asks whether to purge
    mutt.keys("y")
    wait_for(lambda: not bob.find(SPAM), 30, "the message to leave the inbox")
    assert bob.find(SPAM, mailbox="Trash")
    wait_state(bob, SPAM, "declined")
    wait_for(lambda: outcome(alice, SPAM) == "declined", 30, "alice to know", alice.logs)


def test_send_and_one_copy_in_sent(muttrc, alice, bob):
    done = subprocess.run(["neomutt", "-n", "-F", muttrc, "-s", "Yes, gladly", "alice@demo"],
                          input="At noon.\n", env={**os.environ, "HOME": os.path.dirname(muttrc)},
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    uid, = wait_for(lambda: alice.search("SUBJECT", '"Yes, gladly"'), 30, "it at alice's")
    with alice.imap() as box:
        assert b"At noon." in box.open(uid)
    sent = bob.outbox()[0]["date_ms"] / 1000
    wait_for(lambda: time.time() > sent + 32, 40, "the time in which the peer would make its own")
    assert len(bob.search("SUBJECT", '"Yes, gladly"', mailbox="Sent")) == 1
