# SPDX-License-Identifier: GPL-3.0-or-later
"""The mailbox Requests, contacts and blocked senders, as the user makes them with a mail client: by
moving messages (P-10.12, P-10.15, P-10.16)."""

import json
import os
import re
import sqlite3
import time

import pytest

from env import Network, wait_for
from env.mail import check_arrived, compose
from test_kill import crash_and_restart


@pytest.fixture(scope="module")
def net():
    with Network(nodes=3) as network:
        yield network


@pytest.fixture(scope="module")
def me(net):
    return net.peer("me@demo", {"mail.strangers": "requests"})


def send(sender, to, subject, **more):
    data = compose(more.pop("From", sender.address), to.address, subject, **more)
    sender.send(data, [to.address])
    return data


def flags(peer, uid, mailbox):
    with peer.imap(mailbox, readonly=True) as box:
        return box.fetch(uid, "FLAGS")[uid]["FLAGS"]


def contacts(peer):
    answer = json.loads(peer.cli("contacts", "--json"))
    return [c["address"] for c in answer["contacts"]], answer["blocked"]


def wait_contact(peer, address):
    wait_for(lambda: address in contacts(peer)[0], 15, f"{address} to be a contact", peer.logs)


def end_of(peer, data):
    return peer.outbox_of(data)["receivers"][0]["state"]


def test_mailboxes_appear_by_themselves(me):
    """With the attributes of RFC 6154; for Outgoing and Requests there are none."""
    with me.imap() as box:
        have = box.mailboxes()
        subscribed = {line.split()[-1].decode().strip('"') for line in box._ok(box.conn.lsub())}
    uses = {name: next((f for f in have[name] if f in (
        "\\Drafts", "\\Sent", "\\Trash", "\\Junk", "\\Archive")), None) for name in have}
    assert uses == {"INBOX": None, "Outgoing": None, "Requests": None, "Drafts": "\\Drafts",
                    "Sent": "\\Sent", "Trash": "\\Trash", "Junk": "\\Junk", "Archive": "\\Archive"}
    assert subscribed >= set(have) - {"INBOX"}
    assert me.status()["strangers"] == "requests" and "Requests" in me.cli("status")
    assert "Mail of strangers goes to the mailbox Requests." in me.cli("policy")


@pytest.mark.parametrize("opened", [False, True])
def test_moving_to_the_inbox_makes_a_contact(net, me, opened):
    other = net.peer("eva@demo" if opened else "ada@demo")
    data = send(other, me, "May I introduce myself")
    uid = me.wait_message(data, mailbox="Requests")
    assert me.find(data) == [] and b"$Foreign" not in flags(me, uid, "Requests")
    again = send(other, me, "Did you get it?")
    me.wait_message(again, mailbox="Requests")
    with me.imap("Requests") as box:
        if opened:
            check_arrived(data, box.open(uid))
        assert other.address not in contacts(me)[0]
        box.move(uid, "INBOX")
    wait_contact(me, other.address)
    third = send(other, me, "Now we know each other")
    with me.imap() as box:
        box.see(me.wait_message(third))
        check_arrived(data, box.open(me.find(data)[0]))
        check_arrived(third, box.open(me.find(third)[0]))
    with me.imap("Requests") as box:  # what was there stays there
        check_arrived(again, box.open(me.find(again, "Requests")[0]))
    me.send(compose(me.address, other.address, "Indeed"), [other.address])  # its key is known
    other.stop()


def test_a_foreign_author_is_marked(net, me):
    """Also for a contact: a client shows whom From names, not who has signed."""
    relay = net.peer("relay@demo", {"mail.allow_foreign_from": "yes"})
    me.send(compose(me.address, relay.address, "Hello"), [relay.address])
    with me.imap("Requests") as box:  # whatever keywords there are already
        box.append("Requests", compose("x@y", me.address, "Noted"), "(blue)")
    data = send(relay, me, "From the bank", From="bank@demo")
    uid = me.wait_message(data, mailbox="Requests")
    assert b"$Foreign" in flags(me, uid, "Requests") and me.find(data) == []
    with me.imap("Requests") as box:
        assert box.uids("KEYWORD", "$Foreign") == [uid]
        assert len(box.uids("KEYWORD", "blue")) == 1
        check_arrived(data, box.open(uid), relay.address)
        box.command("STORE", str(uid), "+FLAGS", "(blue)")
    assert {b"$Foreign", b"blue", b"\\Seen"} <= set(flags(me, uid, "Requests"))
    with me.imap("Requests") as box:
        box.move(uid, "Archive")
    uid = me.wait_message(data, mailbox="Archive")
    assert b"$Foreign" in flags(me, uid, "Archive")
    own = send(relay, me, "From myself")
    uid = me.wait_message(own)
    assert b"$Foreign" not in flags(me, uid, "INBOX")
    relay.stop()


def test_junk_offers_to_block(net, me):
    spam = net.peer("spam@demo")
    me.send(compose(me.address, spam.address, "Who are you?"), [spam.address])
    first, second = (send(spam, me, f"Buy {what}") for what in ("this", "that"))
    uid = me.wait_message(first)
    with me.imap() as box:  # one opened, one not
        box.open(uid)
        box.move(uid, "Junk")
        box.move(me.wait_message(second), "Junk")

    def offers():
        return me.search("SUBJECT", '"Block spam@demo?"')

    notice, = wait_for(offers, 15, "the notice", me.logs)
    with me.imap() as box:
        text = box.open(notice).decode()
        assert "restante contacts block spam@demo" in text and "move this notice to Junk" in text
        assert contacts(me)[1] == []
        box.move(notice, "Junk")
    wait_for(lambda: contacts(me)[1] == [spam.address], 15, "the block", me.logs)
    third = send(spam, me, "Buy more")
    wait_for(lambda: end_of(spam, third) == "declined", 20, "the decline",
             lambda: me.logs() + spam.logs())
    assert me.find(third) == me.find(third, "Requests") == offers() == []
    assert spam.address in me.cli("contacts")
    me.cli("contacts", "unblock", spam.address)
    assert not re.search("(Warning|Error|Panic|Fatal):", me.log_text("dovecot.log"))
    me.restart()  # the question is not put again: two messages of this sender are in Junk still
    fourth = send(spam, me, "Sorry")
    me.wait_message(fourth)
    assert offers() == []
    me.cli("contacts", "block", "other@demo")
    assert me.run_cli("contacts", "block", "other@demo").returncode == 1
    assert contacts(me)[1] == ["other@demo"]
    me.cli("contacts", "unblock", "other@demo")
    assert me.run_cli("contacts", "unblock", "other@demo").returncode == 1
    spam.stop()


def test_questions_do_not_pile_up(net, me):
    """A client's own filter may move much at once: five questions wait for an answer, not more."""
    many = net.peer("many@demo")
    sent = [send(many, me, f"Buy {i}") for i in range(7)]
    uids = [me.wait_message(data, mailbox="Requests") for data in sent]
    with me.imap("Requests") as box:
        for uid in uids:
            box.open(uid)
    many.wait_idle()
    me.stop()
    with sqlite3.connect(os.path.join(me.home, "state.db")) as db:  # as if each had its own sender
        db.execute("UPDATE incoming SET sender='many'||n||'@demo' WHERE sender='many@demo'")
    me.start()
    me.wait_ready()
    with me.imap("Requests") as box:
        box.command("MOVE", ",".join(map(str, uids)), "Junk")

    def offers():
        return me.search("SUBJECT", '"Block many"')

    wait_for(lambda: len(offers()) == 5, 15, "five notices", me.logs)
    time.sleep(2)  # some more looks
    assert len(offers()) == 5
    with me.imap() as box:
        box.command("STORE", ",".join(map(str, offers())), "+FLAGS.SILENT", r"(\Deleted)")
        box._ok(box.conn.expunge())
    wait_for(lambda: len(offers()) == 2, 15, "the other two", me.logs)
    assert contacts(me)[1] == []
    many.stop()


@pytest.mark.parametrize("point", ["feedback.before", "feedback.after"])
def test_killed_while_a_move_is_taken_up(net, me, point):
    """The sender is a contact, and the question is put once."""
    other = net.peer(f"kim{len(point)}@demo")
    good, bad = (send(other, me, f"Taken {where}") for where in ("up", "away"))
    uids = [me.wait_message(data, mailbox="Requests") for data in (good, bad)]
    me.stop()
    me.start({"RESTANTE_CRASH_AT": point})
    me.wait_up()
    with me.imap("Requests") as box:
        for uid, where in zip(uids, ("INBOX", "Junk")):
            if me.process.running():
                box.move(uid, where)
    crash_and_restart(me)
    for data, where in ((good, "INBOX"), (bad, "Junk")):
        for uid in me.find(data, "Requests"):  # where the accident came first
            with me.imap("Requests") as box:
                box.move(uid, where)
    question = ("SUBJECT", f'"Block {other.address}?"')
    wait_for(lambda: me.search(*question), 15, "the notice", me.logs)
    wait_contact(me, other.address)
    me.wait_message(send(other, me, "Another one"))  # more looks have passed when that is here
    assert len(me.search(*question)) == 1
    other.stop()


def test_strangers_nowhere(net):
    shy, friend = net.peer("shy@demo", {"mail.strangers": "nowhere"}), net.peer("friend@demo")
    data = send(friend, shy, "Hello?")
    wait_for(lambda: end_of(friend, data) == "declined", 20, "the decline", shy.logs)
    shy.send(compose(shy.address, friend.address, "You may write"), [friend.address])
    data = send(friend, shy, "Hello")
    shy.wait_message(data)
    assert shy.uids("Requests") == []
