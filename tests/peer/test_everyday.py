# SPDX-License-Identifier: GPL-3.0-or-later
"""Everyday mail with an IMAP client: what works on stubs as on any message, and what needs the
message itself (P-7.2, P-7.6)."""

import smtplib

import pytest

from env import Network, wait_for
from env.mail import check_arrived, compose, message_id, picture


@pytest.fixture(scope="module")
def net():
    with Network(nodes=3) as network:
        yield network


def send(sender, receiver, subject, **more):
    data = compose(sender.address, receiver.address, subject, **more)
    sender.send(data, [receiver.address])
    return data


def untagged(box, name, *arguments):
    """The numbers of the untagged answer to a UID command."""
    return [int(n) for n in (box._ok(box.conn.uid(name, *arguments))[0] or b"").split()]


def test_threads_and_order_of_stubs(alice, bob):
    """The thread of a stub is known by its References, before and after the pull."""
    first = send(alice, bob, "Lunch?")
    mine = message_id(first)
    a = bob.wait_message(first)  # each before the next: they are numbered as they come
    second = send(alice, bob, "Re: Lunch?", References=mine, In_Reply_To=mine)
    b = bob.wait_message(second)
    c = bob.wait_message(send(alice, bob, "A question"))
    d = bob.wait_message(send(alice, bob, "Quite another subject",
                              References=f"{mine} {message_id(second)}",
                              In_Reply_To=message_id(second)))
    with bob.imap() as box:
        def look():
            thread, = box._ok(box.conn.uid("THREAD", "REFERENCES", "UTF-8", "ALL"))
            return thread, untagged(box, "SORT", "(SUBJECT)", "UTF-8", "ALL"), \
                untagged(box, "SORT", "(REVERSE SIZE)", "UTF-8", "ALL"), \
                untagged(box, "SEARCH", "HEADER", "References", mine)
        before = look()
        assert before[0] in (b"(%d %d %d)(%d)" % (a, b, d, c), b"(%d)(%d %d %d)" % (c, a, b, d))
        assert before[1] == [c, a, b, d] and set(before[3]) == {b, d}
        assert bob.stub_of(first)["state"] == "stub"  # nothing of that pulls
        check_arrived(second, box.open(b))
        assert look() == before
    for uid in (a, c, d):
        with bob.imap() as box:
            box.open(uid)
    alice.wait_idle()


def test_flags_stay_through_the_pull(alice, bob):
    data = send(alice, bob, "Important")
    uid = bob.wait_message(data)
    with bob.imap() as box:
        box.see(uid)
        box.command("STORE", str(uid), "+FLAGS", r"(\Flagged \Answered $Label1 todo)")
    with bob.imap() as box:
        want = {b"\\Flagged", b"\\Answered", b"$Label1", b"todo"}
        assert want <= set(box.fetch(uid, "FLAGS")[uid]["FLAGS"])
        assert box.uids("UNSEEN", "KEYWORD", "todo") == [uid]
        check_arrived(data, box.open(uid))
    with bob.imap() as box:
        assert want | {b"\\Seen"} <= set(box.fetch(uid, "FLAGS")[uid]["FLAGS"])
    alice.wait_idle()


def test_drafts(alice):
    """A draft is kept, changed and sent; nothing of it leaves before."""
    draft = compose(alice.address, "bob@demo", "To be written")
    with alice.imap("Drafts") as box:
        box.append("Drafts", draft, r"(\Draft \Seen)")
        uid = alice.find(draft, "Drafts")[0]
        box.see(uid)
        assert b"\\Draft" in box.fetch(uid, "FLAGS")[uid]["FLAGS"] and box.open(uid) == draft
        box.expunge(uid)
        assert box.uids() == []
    assert alice.outbox_of(draft) is None


def test_body_search_finds_what_was_pulled(alice, bob):
    sent = [send(alice, bob, f"Search {i}", text="The word is xylophone.\n") for i in range(2)]
    here, there = (bob.wait_message(m) for m in sent)
    with bob.imap() as box:
        assert box.uids("BODY", "xylophone") == [] and len(box.uids("SUBJECT", "Search")) == 2
        box.open(here)
        assert box.uids("BODY", "xylophone") == box.uids("TEXT", "xylophone") == [here]
        assert bob.stub_of(sent[1])["state"] == "stub"
        box.open(there)
        assert set(box.uids("BODY", "xylophone")) == {here, there}
    alice.wait_idle()


def test_an_address_outside_is_refused(alice):
    with alice.smtp() as smtp:
        smtp.mail(alice.address)
        for address, words in (("bob@gmail.com", "other mail systems cannot be reached"),
                               ("bob@[192.0.2.1]", "is not a Restante address"),
                               ("bob.smith%x@demo", "is not a Restante address")):
            code, text = smtp.rcpt(address)
            assert 550 <= code < 560 and words in text.decode(), (address, text)
            assert text.decode().rstrip().endswith(".")
    data = compose(alice.address, "bob@gmail.com", "Outside")
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        alice.send(data, ["bob@gmail.com"])


def test_opening_is_a_receipt_and_arrival_hides_it(net, alice):
    """The sender learns when a message is opened; pulled as it comes, when it came."""
    early = net.peer("early@demo")
    early.cli("policy", "arrival", "all", "any")
    data = send(alice, early, "Read?")
    wait_for(lambda: not alice.waits(data), 20, "the receipt", early.logs)
    uid = early.wait_message(data)
    with early.imap() as box:
        assert b"\\Seen" not in box.fetch(uid, "FLAGS")[uid]["FLAGS"]
    bob = net.peer("late@demo")
    data = send(alice, bob, "And this?")
    uid = bob.wait_message(data)
    assert alice.outbox_of(data)["receivers"][0]["state"] == "announced"
    with bob.imap() as box:
        box.open(uid)
    wait_for(lambda: not alice.waits(data), 20, "the receipt", bob.logs)
    assert alice.outbox_of(data)["receivers"][0]["state"] == "pulled"


def unfetched(bob, uid, mailbox="INBOX"):
    with bob.imap(mailbox) as box:
        return b"$Unfetched" in box.fetch(uid, "FLAGS")[uid]["FLAGS"]


@pytest.mark.parametrize("moved", [False, True])
def test_what_waits_carries_a_keyword(alice, bob, moved):
    """Until it is fetched, in whatever folder; its other flags stay, and it comes as recent."""
    data = compose(alice.address, bob.address, f"Keyword {moved}", attachment=picture(30_000))
    alice.send(data, [bob.address])
    uid, mailbox = bob.wait_message(data), "INBOX"
    with bob.imap() as box:
        flags = box.fetch(uid, "FLAGS")[uid]["FLAGS"]
        assert b"$Unfetched" in flags and rb"\Recent" in flags, flags
        box.command("STORE", str(uid), "+FLAGS", r"(\Flagged kept)")
        if moved:
            box.move(uid, "Archive")
    if moved:
        mailbox = "Archive"
        uid = bob.wait_message(data, mailbox=mailbox)
        assert unfetched(bob, uid, mailbox)
    with bob.imap(mailbox) as box:
        check_arrived(data, box.open(uid))
        box.conn.noop()
        assert set(box.fetch(uid, "FLAGS")[uid]["FLAGS"]) - {rb"\Recent"} == {
            rb"\Seen", rb"\Flagged", b"kept"}
    assert not unfetched(bob, uid, mailbox) and bob.find(data, mailbox) == [uid]
