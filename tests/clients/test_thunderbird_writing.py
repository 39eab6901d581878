# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing with Thunderbird: answers to what waits at its sender, and a large message of one's own."""

import os
import time

import pytest

from desk import Composer
from env import wait_for
from env.mail import picture
from letters import letter, send, state

NOT_YET = "This message is still with its sender: open it to fetch it"


@pytest.fixture(scope="module")
def opened(bird, alice, bob):
    """A message with an attachment that is shown."""
    m = letter("The harbour", "As promised.\n", attachment=picture(50000), name="harbour.png")
    send(alice, bob, bird, m)
    bird.click("The harbour")
    bird.wait_text("As promised.")
    return m


def test_reply(bird, alice, bob, opened):
    bird.command("cmd_reply")
    window = Composer(bird, has="As promised.")
    assert window.subject() == "Re: The harbour" and window.recipients() == ["alice@demo"]
    window.fill(text="Beautiful!\n").send()
    uid, = alice.wait_stubs(1)
    with alice.imap() as box:
        data = box.open(uid)
    assert b"Subject: Re: The harbour" in data and b"Beautiful!" in data
    assert b"In-Reply-To: <" in data and b"> As promised." in data
    wait_for(lambda: bird.run("return !!(message('INBOX', 'The harbour').flags & "
                              "Ci.nsMsgMessageFlags.Replied)"), 30, "the message to be answered")


def test_forward_inline(bird, opened):
    bird.command("cmd_forwardInline")
    window = Composer(bird, has="As promised.")
    assert window.subject() == "Fwd: The harbour"
    assert [name for name, _ in wait_for(window.attachments, 20, "it")] == ["harbour.png"]
    window.discard()


def test_forward_attached_carries_the_whole_message(bird, alice, bob, opened):
    bird.command("cmd_forwardAttachment")
    window = Composer(bird)
    assert [name for name, _ in wait_for(window.attachments, 20, "it")] == ["The harbour.eml"]
    window.fill(to=["alice@demo"], text="Your own.\n").send()
    uid = wait_for(lambda: alice.search("SUBJECT", '"Fwd: The harbour"'), 30, "it at alice's")[0]
    with alice.imap() as box:
        data = box.open(uid)
    assert b"Content-Type: message/rfc822" in data and b"As promised." in data
    assert b'filename="harbour.png"' in data or b"filename=harbour.png" in data


def test_edit_as_new(bird, opened):
    bird.command("cmd_editAsNew")
    window = Composer(bird, has="As promised.")
    assert window.subject() == "The harbour" and window.recipients() == ["bob@demo"]
    assert [name for name, _ in wait_for(window.attachments, 20, "it")] == ["harbour.png"]
    window.discard()


def test_unopened_with_the_message_pane_hidden(bird, alice, bob):
    """A reply is a person's, and pulls. Forwarding a small message asks like the background does: the
    sentence says to open it first, and then it works."""
    reply, forward = letter("One", "Body of one.\n"), letter("Two", "Body of two.\n")
    send(alice, bob, bird, reply, forward)
    bird.hide_message_pane()
    bird.click("One")
    bird.command("cmd_reply")
    Composer(bird, has="Body of one.").discard()
    assert state(bob, reply) == "pulled"
    before = len(bird.desktop.notices())
    bird.click("Two")
    bird.command("cmd_forwardInline")
    bird.desktop.wait_notice(NOT_YET, after=before)
    assert state(bob, forward) == "stub"
    Composer(bird).discard()
    bird.show_message_pane()
    bird.click("Two")
    bird.wait_text("Body of two.")
    bird.command("cmd_forwardInline")
    Composer(bird, has="Body of two.").discard()


def test_large_message_in_the_outbox_is_cancelled_by_deleting_it(bird, alice, bob):
    film = os.path.join(bird.folder, "film.mov")
    with open(film, "wb") as f:
        f.write(picture(20_000_000, "film"))
    alice.stop()
    bird.command("cmd_newMessage")
    Composer(bird).fill(to=["alice@demo"], subject="Notes for Thursday", text="Read them first.\n").send()
    bird.command("cmd_newMessage")
    Composer(bird).fill(to=["alice@demo"], subject="The film", text="Twenty megabytes.\n",
                        files=[film]).send(seconds=180)
    bird.show_folder("Outgoing")
    bird.wait_line("Outgoing", "Notes for Thursday", "announced")
    line = bird.wait_line("Outgoing", "The film", "announced")
    bird.picture("outbox.png")
    bird.hide_message_pane()
    bird.click(line)
    bird.command("cmd_delete")
    entry = wait_for(lambda: next(e for e in bob.outbox() if e["subject"] == "The film"
                                  and e["receivers"][0]["state"] == "cancelled"), 60,
                     "the message to be cancelled", bob.logs)
    assert len(entry["receivers"]) == 1
    wait_for(lambda: not any("The film" in s for s in bird.listing("Outgoing")), 30, "its line to go")
    assert not [n for n in os.listdir(os.path.join(bob.home, "outbox")) if n == entry["hash"]]
    alice.start()
    alice.wait_ready()


def test_sent_has_one_copy_of_each(bird, bob):
    """The client's own; the peer's, which waits 30 seconds for it, is not made beside it."""
    last = max(e["date_ms"] for e in bob.outbox()) / 1000
    wait_for(lambda: time.time() > last + 32, 40, "the time in which the peer would make its own")
    with bob.imap("Sent", readonly=True) as box:
        subjects = [e["BODY[HEADER.FIELDS (SUBJECT)]"].strip().decode() for e in
                    box.fetch("1:*", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]").values()]
    assert sorted(subjects) == ["Subject: Fwd: The harbour", "Subject: Notes for Thursday",
                                "Subject: Re: The harbour", "Subject: The film"]
