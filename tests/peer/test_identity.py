# SPDX-License-Identifier: GPL-3.0-or-later
"""Several keys at one address: which counts, who decides, and how it ends (P-10.30)."""

import json
import shutil

from env import wait_for
from env.mail import check_arrived, compose


def fingerprint(peer):
    return peer.cli("key", "fingerprint").strip().lower()


def contact(peer, address):
    return next((c for c in json.loads(peer.cli("contacts", "--json"))["contacts"]
                 if c["address"] == address), None)


def made_again(peer):
    """init, start, rm -rf, init, start: everybody does it once. The two fingerprints."""
    peer.wait_ready()
    first = fingerprint(peer)
    peer.stop()
    shutil.rmtree(peer.home)
    peer.init()
    peer.start()
    peer.wait_ready()
    return first, fingerprint(peer)


def receiver(entry):
    return entry["receivers"][0]


def test_a_new_correspondent_chooses_by_fingerprint(net, alice):
    """A home was made twice: mail to it waits with both keys shown, and goes when one is named."""
    carol = net.peer("carol@demo")
    first, second = made_again(carol)
    data = compose(alice.address, carol.address, "To which of the two?")
    alice.send(data, [carol.address])
    wait_for(lambda: receiver(alice.outbox_of(data)).get("why"), 20, "the reason", alice.logs)
    to = receiver(alice.outbox_of(data))
    assert to["state"] == "waiting" and first in to["why"] and second in to["why"], to
    assert "contacts add" in to["why"]
    assert contact(alice, carol.address) is None  # nothing chose
    grouped = [second[i:i + 4].upper() for i in range(0, 40, 4)]
    assert "verified" in alice.cli("contacts", "add", carol.address, *grouped)
    uid = carol.wait_message(data)
    with carol.imap() as box:
        check_arrived(data, box.open(uid))
    found = contact(alice, carol.address)
    assert (found["fingerprint"], found["trust"]) == (second, "verified")
    alice.wait_idle()
    # carol pins by a fingerprint whose key has not been met: the mail's header says so
    carol.cli("contacts", "add", alice.address, fingerprint(alice))
    data = compose(alice.address, carol.address, "From a verified one")
    alice.send(data, [carol.address])
    uid = carol.wait_message(data)
    with carol.imap() as box:
        head = box.fetch(uid, "BODY.PEEK[HEADER.FIELDS (AUTHENTICATION-RESULTS)]")
        assert "verified" in next(v for k, v in head[uid].items() if k.startswith("BODY[")).decode()
        box.open(uid)
    alice.wait_idle()
    carol.stop()


def test_a_fingerprint_is_pinned_before_its_key_is_known(net, alice):
    late = net.peer("late@demo")
    late.stop()
    bad = alice.run_cli("contacts", "add", "never@demo", "12 34")
    assert bad.returncode == 1 and "40 digits" in bad.stderr
    assert alice.run_cli("contacts", "add", alice.address, "0" * 40).returncode == 1
    assert "looked for" in alice.cli("contacts", "add", "never@demo", "AB" * 20)
    pin = contact(alice, "never@demo")
    assert (pin["fingerprint"], pin["trust"], pin["checked_ms"]) == ("ab" * 20, "verified", 0)
    alice.cli("contacts", "forget", "never@demo")
    assert contact(alice, "never@demo") is None
