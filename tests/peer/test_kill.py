# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 at every state of a message's way, then a restart: no lost and no doubled message.

RESTANTE_CRASH_AT=POINT ends restanted at once, as by kill -9, when it reaches that point; the points
stand before and after the commit of each transition."""

import os
import signal
import smtplib
import time

import pytest

from env import wait_for
from env.mail import check_arrived, compose, picture

# Filled from the store's own names of its transitions.
SENDER_POINTS = []
RECEIVER_POINTS = []


def crash_and_restart(peer, seconds=30):
    """Waits until the point was reached, and starts the peer again without it."""
    code = peer.process.wait(seconds)
    assert code in (137, -signal.SIGKILL), f"it ended with {code}"
    peer.process = None
    peer.start()
    peer.wait_ready()


def restart_with(peer, point):
    peer.stop()
    peer.start({"RESTANTE_CRASH_AT": point})
    peer.wait_ready()


def whole_way(alice, bob, data, opened=False):
    """After the accident: the message arrives once, is equal, and everything is collected."""
    uid = bob.wait_message(data)
    with bob.imap() as box:
        check_arrived(data, box.open(uid))
    alice.wait_idle(40)
    bob.wait_idle(40)
    assert len(bob.find(data)) == 1
    assert not alice.outbox_of(data)


@pytest.mark.parametrize("point", SENDER_POINTS)
def test_sender_killed(alice, bob, point):
    restart_with(alice, point)
    data = compose(alice.address, bob.address, f"Sender killed at {point}",
                   attachment=picture(30_000))
    accepted = True
    try:
        alice.send(data, [bob.address])
    except (smtplib.SMTPException, OSError):
        accepted = False  # no 250: the client keeps it and sends it again
    if alice.process.running() and accepted:
        try:
            with bob.imap() as box:
                box.open(bob.wait_message(data, 10))
        except AssertionError:
            pass  # the point lies before the announcement
    crash_and_restart(alice)
    if not accepted and not alice.outbox_of(data) and not bob.find(data):
        alice.send(data, [bob.address])
    whole_way(alice, bob, data)


@pytest.mark.parametrize("point", RECEIVER_POINTS)
def test_receiver_killed(alice, bob, point):
    restart_with(bob, point)
    data = compose(alice.address, bob.address, f"Receiver killed at {point}",
                   attachment=picture(30_000))
    alice.send(data, [bob.address])
    try:
        uid = bob.wait_message(data, 5)
        with bob.imap() as box:
            box.open(uid)
    except Exception:  # pylint: disable=broad-except
        pass  # the connection ended with the daemon, or the point lies before the stub
    crash_and_restart(bob)
    whole_way(alice, bob, data)


def test_dht_process_killed(alice, bob):
    """The daemon starts another one, and goes on."""
    data = compose(alice.address, bob.address, "While the DHT process dies")
    for peer in (alice, bob):
        old = peer.children()["restante-dht"]
        os.kill(old, signal.SIGKILL)
        if peer is alice:
            alice.send(data, [bob.address])
        wait_for(lambda: peer.children().get("restante-dht") not in (None, old), 15,
                 "another restante-dht", peer.logs)
    whole_way(alice, bob, data)


def test_dovecot_killed(alice, bob):
    data = compose(alice.address, bob.address, "While Dovecot dies", attachment=picture(9_000))
    alice.send(data, [bob.address])
    bob.wait_message(data)
    old = bob.children()["dovecot"]
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: bob.children().get("dovecot") not in (None, old)
             and bob.status()["imap"]["running"], 20, "another Dovecot", bob.logs)
    wait_for(lambda: bob.find(data), 20, "IMAP to answer", bob.logs)
    whole_way(alice, bob, data)


def test_mime_helper_killed(alice, bob):
    os.kill(alice.children()["restante-mime"], signal.SIGKILL)
    data = compose(alice.address, bob.address, "While the MIME helper dies")
    alice.send(data, [bob.address])
    whole_way(alice, bob, data)


def test_killed_in_the_middle_of_a_pull_resumes(alice, bob):
    data = compose(alice.address, bob.address, "Killed while pulling",
                   attachment=picture(30_000_000))
    alice.send(data, [bob.address])
    bob.wait_message(data, 60)
    nid = bob.stub_of(data)["id"]
    from env.process import Process, program
    Process([program("restante"), "--home", bob.home, "pull", nid],
            os.path.join(bob.network.folder, "pull.out"))
    time.sleep(0.15)
    bob.kill9()
    bob.start()
    bob.wait_ready()
    whole_way(alice, bob, data)
