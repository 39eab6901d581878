# SPDX-License-Identifier: GPL-3.0-or-later
"""What is fetched and when (P-7.12, P-7.13): by client, by sender, on arrival, and all of it."""

import json
import os
import pty
import re
import subprocess

import pytest

from env import program, wait_for
from env.imap import ImapError
from env.mail import check_arrived, compose

BACKGROUND = "(UID RFC822.SIZE BODY.PEEK[])"
PREVIEW = ("(UID BODY.PEEK[HEADER.FIELDS (Content-Type Content-Transfer-Encoding)] "
           "BODY.PEEK[TEXT]<0.2048>)")


@pytest.fixture
def letter(alice, bob):
    """A message that stands in bob's inbox as a stub, its UID, and what becomes of it."""
    made = []

    def make(subject, **kw):
        data = compose(alice.address, bob.address, subject, **kw)
        alice.send(data, [bob.address])
        uid = bob.wait_message(data)
        made.append(data)
        return data, uid

    yield make
    for data in made:
        if bob.stub_of(data)["state"] in ("stub", "pulling"):
            bob.pull(bob.stub_of(data)["id"])
    bob.wait_idle()


def state(bob, data):
    return bob.stub_of(data)["state"]


def rules(bob):
    return json.loads(bob.cli("policy", "--json"))


def test_a_client_that_fetches_in_advance(bob, letter):
    """An untouched Thunderbird pulls only what a person opens; a refusal changes nothing."""
    data, uid = letter("Not in advance")
    with bob.imap(client="Thunderbird") as box:
        for _ in range(3):  # it tries a few times by itself, on one connection
            with pytest.raises(ImapError) as e:
                box.fetch(uid, BACKGROUND)
            assert e.value.text.startswith("[UNAVAILABLE] This message is still with its sender: ")
        assert box.fetch(uid, PREVIEW) == {}
        assert box.fetch(uid, "(FLAGS)")[uid]["FLAGS"] in (
            [b"\\Recent", b"$Unfetched"], [b"$Unfetched"])
        assert state(bob, data) == "stub"
        check_arrived(data, box.open(uid))
        assert b"\\Seen" in box.fetch(uid, "(FLAGS)")[uid]["FLAGS"]
        check_arrived(data, box.fetch(uid, BACKGROUND)[uid]["BODY[]"])
    seen = {c["name"]: c for c in rules(bob)["clients"]}["Thunderbird"]
    assert (seen["policy"], seen["set"], seen["ahead"]) == ("on-open", False, True)
    assert seen["seen_ms"] > 0
    assert "Thunderbird  on-open (default)" in bob.cli("policy")


@pytest.mark.parametrize("items, key", [("BODY.PEEK[]<0.65536>", "BODY[]<0>"),
                                        ("BODY.PEEK[1]", "BODY[1]")])
def test_a_persons_other_ways_to_read(bob, letter, items, key):
    """Forwarding and editing read ranges; attachments are parts."""
    _, uid = letter("Opened by a range", text="Only this.\n")
    with bob.imap(client="Thunderbird") as box:
        assert b"Only this." in box.fetch(uid, items)[uid][key]


def test_an_unknown_client_pulls(bob, letter):
    data, uid = letter("For mutt")
    with bob.imap(client="NeoMutt") as box:
        check_arrived(data, box.fetch(uid, "BODY.PEEK[]")[uid]["BODY[]"])


def test_rules_for_clients_and_contacts(bob, alice, letter):
    data, uid = letter("Ruled")
    bob.cli("policy", "client", "some client", "refuse-background")
    with bob.imap(client="Some Client") as box:
        with pytest.raises(ImapError):
            box.fetch(uid, "BODY.PEEK[]")
        assert box.fetch(uid, "BODY.PEEK[TEXT]<0.100>") == {}
        bob.cli("policy", "client", "SOME_CLIENT", "default")
        bob.cli("policy", "contact", alice.address, "refuse-background")
        bob.restart()  # rules are durable
    assert rules(bob)["clients"] == []
    assert rules(bob)["contacts"] == [{"address": alice.address, "policy": "refuse-background"}]
    with bob.imap(client="Some Client") as box:
        with pytest.raises(ImapError):
            box.fetch(uid, "BODY.PEEK[]")
        assert state(bob, data) == "stub"
    with bob.imap(client="Thunderbird") as box:
        bob.cli("policy", "contact", alice.address, "pull-all")
        check_arrived(data, box.fetch(uid, BACKGROUND)[uid]["BODY[]"])
    bob.cli("policy", "contact", alice.address, "default")
    assert rules(bob)["contacts"] == []
    data, uid = letter("All for Thunderbird")
    bob.cli("policy", "client", "Thunderbird", "pull-all")
    with bob.imap(client="Thunderbird") as box:
        assert b"Content-Type" in b"".join(
            v for v in box.fetch(uid, PREVIEW)[uid].values() if isinstance(v, bytes))
    assert state(bob, data) == "pulled"
    bob.cli("policy", "client", "Thunderbird", "default")


def test_on_arrival(bob, alice, letter):
    def arrives(subject, **kw):
        data, _ = letter(subject, **kw)
        return data

    bob.cli("policy", "arrival", "all", "3k")
    small, large = arrives("Small"), arrives("Large", text=("x" * 70 + "\n") * 60)
    wait_for(lambda: state(bob, small) == "pulled", 20, "a pull on arrival", bob.logs)
    assert state(bob, large) == "stub"
    bob.cli("policy", "arrival", "contacts", "any")  # bob has pinned nobody
    assert state(bob, arrives("From no contact", text="y" * 5000)) == "stub"
    bob.send(compose(bob.address, alice.address, "Pins alice"), [alice.address])
    now = arrives("From a contact", text="z" * 5000)
    wait_for(lambda: state(bob, now) == "pulled", 20, "a pull on arrival", bob.logs)
    bob.cli("policy", "arrival", alice.address, "none")  # the closest rule counts
    assert state(bob, arrives("From one who waits")) == "stub"
    assert rules(bob)["arrival"] == [
        {"who": alice.address, "octets": 0}, {"who": "all", "octets": 3000},
        {"who": "contacts", "octets": (1 << 63) - 1}]
    text = bob.cli("policy")
    assert "up to 3.0 KB" in text and "any" in text and "none" in text
    for who in ("all", "contacts", alice.address):
        bob.cli("policy", "arrival", who, "default")
    assert rules(bob)["arrival"] == []
    alice.cli("pull", alice.inbox()[0]["id"])


def test_everything_for_a_journey(bob, alice, carol, letter):
    some = [letter(f"Journey {n}")[0] for n in range(5)]
    lost = compose(carol.address, bob.address, "Carol is away")
    carol.send(lost, [bob.address])
    bob.wait_message(lost)
    carol.stop()
    shown, theirs = pty.openpty()
    done = subprocess.run([program("restante"), "--home", bob.home, "policy", "offline"], check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs, text=True,
                          timeout=60)
    os.close(theirs)
    progress = os.read(shown, 65536).decode()
    os.close(shown)
    assert done.returncode == 1, progress
    assert done.stdout.startswith("5 of 6 messages are here."), done.stdout
    assert re.search(r" of \d[^,]*, \d of 6 messages", progress), progress
    assert [state(bob, m) for m in some] == ["pulled"] * 5
    assert state(bob, lost) == "pulling"  # it goes on trying
    carol.start()
    carol.wait_ready()
    wait_for(lambda: state(bob, lost) == "pulled", 60, "the one that was away", bob.logs)
    assert bob.cli("policy", "offline") == "Nothing waits elsewhere: every message is here.\n"
    carol.wait_idle()


@pytest.mark.parametrize("words, status, sentence", [
    (("client", "x", "sometimes"), 1, "A policy is on-open"),
    (("client", "x" * 41, "pull-all"), 1, "1 to 40 printable"),
    (("contact", "nobody", "pull-all"), 1, "An address is name@group"),
    (("arrival", "some", "3k"), 1, "An address is name@group"),
    (("arrival", "all", "3x"), 2, "not a size"),
    (("arrival", "all", "9999999999G"), 2, "not a size"),
    (("folder", "x", "pull-all"), 2, "A rule is for"),
    (("client", "x"), 2, "policy takes"),
])
def test_wrong_words(bob, words, status, sentence):
    done = bob.run_cli("policy", *words)
    assert done.returncode == status and sentence in done.stderr
    assert "  x " not in bob.cli("policy")
