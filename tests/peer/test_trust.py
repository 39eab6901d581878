# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys are pinned by writing to somebody, and another key never passes silently (P-10.11)."""

import json
import shutil

from env import wait_for
from env.mail import check_arrived, compose


def test_another_key_at_a_known_address(net, alice):
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
    accept_the_new_key(alice, mallory, back)
    mallory.stop()


def accept_the_new_key(alice, mallory, back):
    """P-10.11: the user decides; what waited apart arrives, and nothing is decided twice."""
    second = mallory.cli("key", "fingerprint").strip().lower()

    def contact():
        return next((c for c in json.loads(alice.cli("contacts", "--json"))["contacts"]
                     if c["address"] == mallory.address), None)

    before = contact()
    assert before["trust"] == "seen" and before["other"] == second != before["fingerprint"]
    assert f"accept {mallory.address}" in alice.cli("contacts")
    assert alice.run_cli("contacts", "accept", mallory.address, "00ff").returncode == 1
    alice.cli("contacts", "accept", mallory.address, second[:16])
    assert (contact()["fingerprint"], contact()["other"]) == (second, None)
    uid = alice.wait_message(back)
    with alice.imap() as box:
        check_arrived(back, box.open(uid))
    mallory.wait_idle()
    assert alice.run_cli("contacts", "accept", mallory.address).returncode == 1
    alice.cli("contacts", "forget", mallory.address)
    assert contact() is None
    done = alice.run_cli("contacts", "forget", mallory.address)
    assert done.returncode == 1 and "no such contact" in done.stderr


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
