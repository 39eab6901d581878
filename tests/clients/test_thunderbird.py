# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading with Thunderbird as Debian delivers it: the account comes from the installed settings, its
preferences about mail are untouched, and it is driven through its windows."""

import os
import time

from desk import harbour
from env import wait_for
from env.mail import picture
from letters import letter, outcome, send, state, wait_state

LATER = "open the message again later"
NOT_YET = "This message is still with its sender: open it to fetch it"


def test_the_account_is_found_and_trusted(bird, bob):
    assert str(bob.imap_port) in bird.found and str(bob.submission_port) in bird.found
    names = bird.run("return server().rootFolder.descendants.map(f => f.localizedName)")
    assert {"Inbox", "Drafts", "Sent", "Trash", "Outgoing"} <= set(names), names
    # No certificate was asked about, and none is an exception.
    assert not os.path.exists(os.path.join(bird.profile, "cert_override.txt"))


def test_listing_popup_and_no_background_pull(bird, alice, bob):
    plain = letter("Lunch on Friday?", "Shall we meet at noon?\n")
    minutes = letter("Minutes of Tuesday", "Here they are.\n", attachment=picture(88000),
                     name="minutes.pdf")
    night = letter("The harbour at night", "As promised.\n", attachment=harbour(), name="harbour.png")
    letters = ((plain, None), (minutes, "minutes.pdf"), (night, "harbour.png"))
    send(alice, bob, bird, plain)
    title, text = bird.desktop.wait_notice("Lunch on Friday?")
    assert "1 new message" in title and "Alice" in text
    send(alice, bob, bird, minutes, night)
    listed = bird.listing()
    with bob.imap(readonly=True) as box:
        for m, name in letters:
            uid, = bob.find(m)
            entry = box.metadata(uid)[uid]
            row = listed[bob.stub_of(m)["subject"]]
            assert row["size"] == int(entry["RFC822.SIZE"]) > len(m)
            assert row["attachment"] == (name is not None) and not row["read"]
            assert name is None or name in str(entry["BODYSTRUCTURE"])
    bird.show_column("sizeCol")
    # Thunderbird wants every body in the background. Two minutes: nothing was pulled, nothing said.
    end = time.monotonic() + 120
    while time.monotonic() < end:
        time.sleep(12)
        bird.check_mail()
    assert [state(bob, m) for m, _ in letters] == ["stub"] * 3
    assert not [row for row in bird.listing().values() if row["offline"]]
    assert [n for n in bird.desktop.notices() if "new message" not in n[0]] == []
    bird.picture("listing.png")


def test_open_pulls_and_shows(bird, alice, bob):
    bird.click("The harbour at night")
    bird.wait_text("As promised.")
    (name, size), = wait_for(bird.attachments, 30, "the attachment")
    assert name == "harbour.png" and abs(size - len(harbour())) < len(harbour()) // 50
    wait_for(lambda: bird.listing()["The harbour at night"]["read"], 30, "the message to be read")
    states = {e["subject"]: e["state"] for e in bob.inbox()}
    assert states == {"The harbour at night": "pulled", "Minutes of Tuesday": "stub",
                      "Lunch on Friday?": "stub"}
    bird.wait_images(1)
    bird.picture("message.png")


def test_offline_sender_is_told_and_the_second_click_works(bird, alice, bob):
    before = len(bird.desktop.notices())
    alice.stop()
    bird.click_nothing()
    bird.click("Lunch on Friday?")
    title, text = bird.desktop.wait_notice(LATER, after=before)
    assert "alice@demo" in text
    assert not bird.listing()["Lunch on Friday?"]["read"]
    bird.picture("offline.png")
    # Other mail is there meanwhile.
    bird.click("The harbour at night")
    bird.wait_text("As promised.")
    alice.start()
    alice.wait_ready()
    # It was said that it is tried again by itself.
    wait_for(lambda: [e["state"] for e in bob.inbox() if e["subject"] == "Lunch on Friday?"]
             == ["pulled"], 60, "the peer to have pulled it", bob.logs, every=0.5)
    bird.click("Lunch on Friday?")
    bird.wait_text("Shall we meet at noon?")
    assert len(bird.desktop.notices()) == before + 1


def test_delete_unread_declines_after_the_grace_and_undo_restores(bird, alice, bob):
    advert, important = letter("Advert", "Buy.\n"), letter("Important", "Do read.\n")
    send(alice, bob, bird, advert, important)
    bird.hide_message_pane()  # deleting selects the next message, which would open it
    bird.click("Important")
    bird.command("cmd_delete")
    wait_for(lambda: "Important" not in bird.listing(), 30, "the message to leave the inbox")
    bird.wait_listed("Important", "Trash")
    bird.command("cmd_undo")
    bird.wait_listed("Important")
    bird.click("Advert")
    bird.command("cmd_delete")
    wait_for(lambda: "Advert" not in bird.listing(), 30, "the message to leave the inbox")
    assert state(bob, advert) == "stub"
    wait_state(bob, advert, "declined")
    wait_for(lambda: outcome(alice, advert) == "declined", 30, "alice to know", alice.logs)
    time.sleep(12)  # as long as the other would have had
    assert state(bob, important) == "stub"
    bird.show_message_pane()
    bird.click("Important")
    bird.wait_text("Do read.")
    wait_for(lambda: outcome(alice, important) == "pulled", 30, "alice to know", alice.logs)


def test_to_a_folder_of_thunderbirds_own(bird, alice, bob):
    """A copy to Local Folders asks like the background does. It is refused, with a sentence, and the
    source is kept; after opening it works."""
    bird.make_local_folder("Kept")
    bird.hide_message_pane()
    for subject, move in (("A copy", False), ("A move", True)):
        m = letter(subject, f"Body of {subject}.\n")
        send(alice, bob, bird, m)
        before = len(bird.desktop.notices())
        bird.to_local(subject, "Kept", move)
        bird.desktop.wait_notice(NOT_YET, after=before)
        time.sleep(5)  # in which Thunderbird says nothing a second time
        assert bird.listing("Local/Kept").get(subject) is None
        assert subject in bird.listing() and state(bob, m) == "stub"
    bird.show_message_pane()
    for subject, move in (("A copy", False), ("A move", True)):
        bird.click(subject)
        bird.wait_text(f"Body of {subject}.")
        bird.to_local(subject, "Kept", move)
        bird.wait_listed(subject, "Local/Kept")
        assert f"Body of {subject}.".encode() in bird.local_file("Kept")
        wait_for(lambda: (subject in bird.listing()) != move, 30, "the source to stay or go")


def test_save(bird, alice, bob):
    """Saving is a person's: it pulls what was not opened."""
    m = letter("To be saved", "Body of a file.\n")
    send(alice, bob, bird, m)
    bird.hide_message_pane()
    bird.click("To be saved")
    path = os.path.join(bird.folder, "saved.eml")
    bird.save(path)
    wait_for(lambda: os.path.exists(path) and os.path.getsize(path) > 0, 30, "the file")
    with open(path, "rb") as f:
        data = f.read()
    assert b"Body of a file." in data and b"Subject: To be saved" in data
    assert state(bob, m) == "pulled"
    bird.show_message_pane()


def test_dovecot_has_nothing_to_complain_about(bob):
    bad = [line for line in bob.log_text("dovecot.log").splitlines()
           if any(f" {word}: " in line for word in ("Warning", "Error", "Panic", "Fatal"))]
    assert not bad, "\n".join(bad)
