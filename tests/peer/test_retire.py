# SPDX-License-Identifier: GPL-3.0-or-later
"""`restante retire`: contacts are told, what waits is taken back, and the peer is gone for good."""

import email
import email.policy
import subprocess

from env import Network, program, wait_for
from test_cli import refused
from test_restore import read, send


def goodbye(receiver, address):
    """The text of the goodbye in the receiver's inbox."""
    uids = wait_for(lambda: receiver.search("SUBJECT", f'"{address} is given up"'), 30,
                    "the goodbye", receiver.logs)
    assert len(uids) == 1
    with receiver.imap() as box:
        m = email.message_from_bytes(box.open(uids[0]), policy=email.policy.default)
    assert m["From"] == address and m["To"] == receiver.address
    return m.get_body(("plain",)).get_content()


def test_contacts_are_told_and_nothing_is_left():
    with Network(nodes=4) as net:
        alice, bob = net.peer("alice@demo"), net.peer("bob@demo")
        for wait in ("5x", "", "86401"):
            assert "--wait wants seconds" in refused(2, "--home", alice.home, "retire", "--yes", "--wait", wait)
        carol = net.peer("carol@demo")
        for p in (bob, carol):
            read(p, send(alice, p, "So that we know each other"))
        pending = send(alice, carol, "Taken back again")
        carol.wait_message(pending)
        bob.cli("policy", "arrival", "all", "any")
        carol.stop()  # away, and stays so
        text = alice.cli("retire", "--yes", "--wait", "30", "--message", "Write to alice@new, gr\u00fc\u00dfe!",
                         seconds=120)
        assert "Messages withdrawn: 1" in text and "Contacts told: 2" in text
        assert "1 of them have not fetched it" in text
        assert alice.process.wait(20) == 0
        alice.process = None
        said = goodbye(bob, "alice@demo")
        assert "alice@demo is given up" in said and "Write to alice@new, gr\u00fc\u00dfe!" in said
        carol.start()
        carol.wait_ready()
        wait_for(lambda: carol.search("SUBJECT", '"alice@demo is given up"'), 30,
                 "the goodbye's subject", carol.logs)
        done = subprocess.run([program("restanted"), "--home", alice.home], capture_output=True,
                              text=True, timeout=30)
        assert done.returncode == 1 and "given up" in done.stderr
        assert "given up" in refused(1, "--home", alice.home, "retire", "--yes")


def test_it_is_not_done_by_accident(alice):
    done = alice.run_cli("retire")
    assert done.returncode == 1 and "say --yes if it is meant" in done.stderr
    assert alice.status()["ready"]
