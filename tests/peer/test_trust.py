# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys are pinned by writing to somebody, and another key never passes silently (P-10.11)."""

import shutil
import smtplib

import pytest

from env import wait_for
from env.mail import compose


def test_another_key_at_a_known_address(net, alice, bob):
    mallory = net.peer("mallory@demo")
    first = mallory.cli("key", "fingerprint")
    data = compose(alice.address, mallory.address, "Pins mallory's key")
    alice.send(data, [mallory.address])
    uid = mallory.wait_message(data)
    with mallory.imap() as box:
        box.open(uid)
    alice.wait_idle()
    mallory.stop()
    shutil.rmtree(mallory.home)
    mallory.init()  # the same address, another key
    assert mallory.cli("key", "fingerprint") != first
    mallory.start()
    mallory.wait_ready()
    # What the new key signs waits apart: nothing of it reaches alice's inbox.
    back = compose(mallory.address, alice.address, "From the new key")
    mallory.send(back, [alice.address])
    wait_for(lambda: (alice.stub_of(back) or {}).get("state") == "quarantined", 20,
             "the quarantine", alice.logs)
    assert alice.find(back) == []
    assert "key" in alice.stub_of(back)["why"]
    # Who has pinned neither of the two keys is told to compare them.
    data = compose(bob.address, mallory.address, "To whom?")
    with pytest.raises(smtplib.SMTPRecipientsRefused) as e:
        bob.send(data, [mallory.address])
    code, text = e.value.recipients[mallory.address]
    assert 500 <= code < 600 and b"key" in text, text
    mallory.stop()


def test_receiving_pins_nobody(net, alice):
    """A stranger may write; the trace says that the key is not known."""
    stranger = net.peer("stranger@demo")
    data = compose(stranger.address, alice.address, "From a stranger")
    stranger.send(data, [alice.address])
    uid = alice.wait_message(data)
    with alice.imap() as box:
        head = box.fetch(uid, "BODY.PEEK[HEADER.FIELDS (AUTHENTICATION-RESULTS)]")
        text = next(v for k, v in head[uid].items() if k.startswith("BODY[")).decode()
        assert stranger.address in text and "unknown" in text, text
        box.open(uid)
    stranger.wait_idle()
    stranger.stop()
