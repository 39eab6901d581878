# SPDX-License-Identifier: GPL-3.0-or-later
"""Several keys at one address: which counts, who decides, and how it ends (P-10.30)."""

import glob
import json
import os
import re
import shutil
import time

from env import wait_for
from env.dhtclient import DhtClient
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


def revocation_in(text):
    """Where `init` says that the revocation is."""
    return re.search(r"The key's revocation is in (\S+)\.\n", text).group(1)


def test_a_revocation_ends_the_former_key(net, alice, bob):
    """The home is lost, its revocation is not: whoever is new needs not choose, whoever had pinned
    the key is told, and is not moved to the new one silently."""
    dora = net.peer("dora@demo")
    dora.wait_ready()
    first = fingerprint(dora)
    file = next(glob.iglob(os.path.expanduser(f"~/.local/share/restante/revocation-dora@demo-{first[:16]}")))
    assert os.stat(file).st_mode & 0o777 == 0o600
    quick = net.peer("quick@demo", {"timing.reput": "1"})
    quick.wait_ready()
    data = compose(quick.address, dora.address, "Pins the first key")
    quick.send(data, [dora.address])
    uid = dora.wait_message(data)
    with dora.imap() as box:
        box.open(uid)
    quick.wait_idle()
    dora.stop()
    shutil.rmtree(dora.home)
    text = dora.init()
    assert f"restante key revoke {file}" in text and revocation_in(text) != file
    dora.start()
    dora.wait_ready()
    # its owner is told that another key stands there, which, and until when
    wait_for(lambda: dora.status()["other_key"], 20, "the other key in the status", dora.logs)
    other = dora.status()["other_key"]
    assert other["fingerprint"] == first and other["until_s"] > time.time() + 80 * 86400
    assert "key revoke" in dora.cli("status") and "another key is announced for dora@demo" in dora.log_text()
    refused = dora.run_cli("key", "revoke")
    assert refused.returncode == 2 and "Nothing was revoked" in refused.stderr
    assert dora.run_cli("key", "revoke", dora.home + "/config").returncode == 1
    own = dora.run_cli("key", "revoke", revocation_in(text))
    assert own.returncode == 1 and "own key" in own.stderr
    done = dora.cli("key", "revoke", file)
    assert first in done and "everybody can see it" in done, done
    wait_for(lambda: dora.status()["other_key"] is None, 20, "the end of the other key", dora.logs)
    # who has pinned neither writes as to anybody
    data = compose(bob.address, dora.address, "There is one key only")
    bob.send(data, [dora.address])
    uid = dora.wait_message(data)
    with dora.imap() as box:
        box.open(uid)
    bob.wait_idle()
    assert contact(bob, dora.address)["fingerprint"] == fingerprint(dora)
    # who had pinned the first one stops, is told, and decides
    time.sleep(1.5)

    def held():
        quick.send(compose(quick.address, dora.address, "Looks again"), [dora.address])
        return [r for m in quick.outbox() for r in m["receivers"] if "revoked" in (r.get("why") or "")]
    wait_for(held, 30, "the revocation to be met", quick.logs)
    why = held()[0]["why"]
    assert first in why and fingerprint(dora) in why
    assert contact(quick, dora.address)["fingerprint"] == first
    told = quick.run_cli("contacts", "add", dora.address, first)
    assert told.returncode == 1 and "revoked" in told.stderr
    data = compose(quick.address, dora.address, "Waits until it is decided")
    quick.send(data, [dora.address])
    quick.cli("contacts", "add", dora.address, fingerprint(dora))
    dora.wait_message(data)
    # and the own key ends only for good: the peer says so and stands still
    dora.cli("key", "revoke", "--yes")
    wait_for(lambda: "revoked" in (dora.status()["stopped"] or ""), 20, "the end", dora.logs)
    dora.stop()
    dora.start()
    dora.wait_up()
    wait_for(lambda: "revoked" in (dora.status()["stopped"] or ""), 20, "the end again", dora.logs)
    dora.stop()
    quick.stop()


def words(text):
    return [line.split() for line in text.splitlines() if line.startswith("    ")]


def test_two_people_compare_words(net, alice, bob):
    """P-10.32: both ends show the same 16 words; nothing is verified before somebody says so."""
    refused = alice.run_cli("contacts", "verify", "nobody@demo")
    assert refused.returncode == 1 and "No key of nobody@demo is pinned" in refused.stderr
    for a, b in (alice, bob), (bob, alice):
        data = compose(a.address, b.address, "Pins the key")
        a.send(data, [b.address])
        uid = b.wait_message(data)
        with b.imap() as box:
            box.open(uid)
        a.wait_idle()
    shown = alice.cli("contacts", "verify", bob.address)
    assert "Nothing was changed" in shown and contact(alice, bob.address)["trust"] == "seen"
    assert [len(line) for line in words(shown)] == [4] * 4
    assert words(shown) == words(bob.cli("contacts", "verify", alice.address))
    assert "verified" in alice.cli("contacts", "verify", "--yes", bob.address)
    assert contact(alice, bob.address)["trust"] == "verified"


def test_a_rival_moves_nobody_who_has_pinned(net):
    """The pinned key is the one that is written to, though the only identity that stands for its
    address now is a stranger's (P-10.31)."""
    ida = net.peer("ida@demo", {"timing.reput": "1"})
    erik = net.peer("erik@demo")
    data = compose(ida.address, erik.address, "Pins erik's key")
    ida.send(data, [erik.address])
    uid = erik.wait_message(data)
    with erik.imap() as box:
        box.open(uid)
    ida.wait_idle()
    pinned = contact(ida, erik.address)["fingerprint"]
    erik.stop()
    shutil.move(erik.home, erik.home + "-own")
    own_ports = erik.imap_port, erik.submission_port
    erik.init()  # a stranger under the same address
    erik.start()
    erik.wait_ready()
    rival = fingerprint(erik)
    erik.stop()
    shutil.rmtree(erik.home)
    shutil.move(erik.home + "-own", erik.home)
    erik.imap_port, erik.submission_port = own_ports
    time.sleep(1.5)
    for n in range(2):  # the second after the look that the first has begun
        data = compose(ida.address, erik.address, f"To the pinned key, {n}")
        ida.send(data, [erik.address])
        wait_for(lambda: receiver(ida.outbox_of(data))["state"] == "announced", 20, "announced",
                 ida.logs)
        time.sleep(1)
    assert contact(ida, erik.address)["fingerprint"] == pinned != rival
    erik.start()
    uid = erik.wait_message(data)
    with erik.imap() as box:
        check_arrived(data, box.open(uid))
    erik.stop()
    ida.stop()


def test_a_flooded_key_waits_for_a_fingerprint(net, alice):
    """What stands there cannot all be looked at: nothing is refused, nothing is chosen by chance,
    and a named fingerprint is found in the end."""
    fred = net.peer("fred@demo")
    with DhtClient(net.nodes[0].socket) as dht:
        for _ in range(90):
            dht.put(f"key:{fred.address}", os.urandom(40))
    data = compose(alice.address, fred.address, "Through the flood")
    alice.send(data, [fred.address])
    wait_for(lambda: "Too many keys are announced" in (receiver(alice.outbox_of(data)).get("why") or ""), 20,
             "the reason", alice.logs)
    assert contact(alice, fred.address) is None
    alice.cli("contacts", "add", fred.address, fingerprint(fred))
    fred.wait_message(data, seconds=60)
    assert contact(alice, fred.address)["trust"] == "verified"
    fred.stop()
