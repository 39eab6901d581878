# SPDX-License-Identifier: GPL-3.0-or-later
"""The private Dovecot as a whole: hints to the daemon, its doors, many clients at once, its life."""

import imaplib
import os
import signal
import re
import smtplib
import threading
import time

import pytest

from env.face import ADDRESS, PASSWORD, Face
from env.face_fixtures import all_metadata, dovecot, face, mail  # noqa: F401
from env.imap import Imap, ImapError
from env.wait import wait_for


def test_hints(face):
    """P-7.10."""
    nids = [face.add(mail(number)) for number in range(2)]
    raw = face.raw()
    raw.run("c", 'CREATE "with space% &AOk-"')
    assert raw.run("v", 'COPY 2 "with space% &AOk-"')[0].startswith("v OK")
    raw.run("d", "STORE 1 +FLAGS (\\Deleted)")
    assert face.standin.lines == []
    raw.run("e", "EXPUNGE")
    wait_for(lambda: face.standin.of("EXPUNGED"), 20, "a hint")
    raw.run("s", 'SELECT "with space% &AOk-"')
    raw.run("d", "STORE 1 +FLAGS (\\Deleted)")
    raw.run("e", "EXPUNGE")
    wait_for(lambda: len(face.standin.of("EXPUNGED")) == 2, 20, "another hint")
    assert face.standin.lines == [
        f"EXPUNGED {nids[0]} INBOX client=- n=1 listed=0 number=1 refused=0",
        f"EXPUNGED {nids[1]} with%20space%25%20\u00e9 client=- n=2 listed=0 number=1 refused=0"]
    letter = mail("sent 1")
    with face.imap("Sent") as box:
        box.conn.append("Sent", "(\\Seen)", None, letter)
        box.conn.append("Drafts", None, None, mail("draft"))
        box.conn.append("Sent", None, None, b"Subject: no id\r\n\r\nx\r\n")
    wait_for(lambda: face.standin.of("SAVED"), 20, "a hint")
    with face.imap("Drafts") as box:
        box.conn.copy("1", "Sent")
    wait_for(lambda: len(face.standin.of("SAVED")) == 2, 20, "another hint")
    assert face.standin.of("SAVED") == ["SAVED Sent <sent1@demo>", "SAVED Sent <draft@demo>"]
    raw.close()


def test_only_imap_opens_the_mailbox(face):
    """P-7.11."""
    with open(os.path.join(face.home, "dovecot/dovecot.conf"), encoding="ascii") as f:
        conf = f.read()
    assert "\nprotocols = imap submission\n" in conf
    imap = re.search(r"^protocol imap \{\n(.*?)^\}\n", conf, re.M | re.S)
    assert "mail_plugins" in imap[1] and "restante" in imap[1] and "notify" in imap[1]
    assert not re.search(r"mail_plugins\b(?! =$)", conf.replace(imap[0], ""), re.M)
    assert os.stat(os.path.join(face.home, "dovecot/dovecot.conf")).st_mode & 0o77 == 0
    assert PASSWORD not in conf


def test_submission_wants_a_login_and_the_relay(face):
    with smtplib.SMTP_SSL("127.0.0.1", face.submission_port, context=face.tls()) as s:
        s.ehlo()
        assert "auth" in s.esmtp_features and "chunking" in s.esmtp_features
        assert "starttls" not in s.esmtp_features
        with pytest.raises(smtplib.SMTPAuthenticationError):
            s.login(ADDRESS, "wrong")
    with pytest.raises(imaplib.IMAP4.error):
        Imap("127.0.0.1", face.imap_port, face.tls()).login(ADDRESS, PASSWORD + "x")


def test_many_hands_on_the_same_stubs(face):
    """Pullers, flag writers, copiers and a mover at once: every message exact, no UID changed."""
    letters = {}
    structure = face.structure(mail(0))
    for number in range(60):
        letter = mail(number, body=f"{number:05}\r\n", subject=f"letter {number:05}")
        letters[face.add(letter, structure)] = letter
    before = all_metadata(face)
    uids = sorted(before)
    moved = uids[::10]
    by_subject = {x[:x.index(b"\r\n\r\n") + 4]: x for x in letters.values()}
    failures = []

    def hand(work):
        def run():
            try:
                with face.imap() as box:
                    work(box)
            except Exception as e:  # pylint: disable=broad-except
                failures.append(repr(e))
        t = threading.Thread(target=run)
        t.start()
        return t

    def pull(box, shift):
        for uid in uids[shift:] + uids[:shift]:
            try:
                got = box.fetch(uid, "(BODY.PEEK[])")
            except ImapError as e:
                assert uid in moved and "EXPUNGEISSUED" in e.text
                continue
            for data in (item.get("BODY[]") for item in got.values()):
                assert (data is None and uid in moved) or \
                    data == by_subject[data[:data.index(b"\r\n\r\n") + 4]]

    def flag(box, name):
        for uid in uids:
            for sign in "+-":
                try:
                    box.command("STORE", str(uid), sign + "FLAGS", f"({name})")
                except ImapError as e:
                    assert uid in moved and "EXPUNGEISSUED" in e.text

    def copy(box):
        for uid in uids[1::5]:
            box.command("COPY", str(uid), "Archive")

    def move(box):
        for uid in moved:
            box.command("MOVE", str(uid), "Junk")

    hands = [hand(lambda box, n=n: pull(box, n * 9)) for n in range(5)]
    hands += [hand(lambda box, n=n: flag(box, n)) for n in ("\\Flagged", "\\Answered", "k1")]
    hands += [hand(copy), hand(copy), hand(move)]
    for h in hands:
        h.join()
    assert failures == []
    after = all_metadata(face)
    assert sorted(after) == [u for u in uids if u not in moved]
    assert all(after[u] == before[u] for u in after)
    for box_name, count in (("Archive", 24), ("Junk", 6)):
        with face.imap(box_name) as box:
            got = box.fetch("1:*", "(BODY.PEEK[])")
            assert len(got) == count
            for item in got.values():
                data = item["BODY[]"]
                assert data == by_subject[data[:data.index(b"\r\n\r\n") + 4]]
            box.command("STORE", "1:*", "+FLAGS.SILENT", "(\\Deleted)")
            box.conn.expunge()


@pytest.mark.quiet
def test_a_fetch_does_not_wait_for_ever():
    face = Face(wait=1).start()
    try:
        face.add(mail(1))
        face.standin.answer = lambda nid, fields: None
        raw = face.raw()
        start = time.monotonic()
        text, _ = raw.run("a", "FETCH 1 BODY[]")
        assert text.startswith("a NO [UNAVAILABLE] The message is still on its way")
        assert 5 < time.monotonic() - start < 9
        raw.close()
        assert face.complaints() == []
    finally:
        face.close()


def test_dovecot_is_started_again_and_never_outlives_us():
    face = Face(wait=5).start()
    try:
        os.kill(face.master, signal.SIGKILL)
        face.expect("died")
        # The killed master's children may hold its ports for a moment: it may need more than one try.
        second = face.expect("ready", skip="died")
        assert second != face.master
        with face.imap() as box:
            assert box.uids() == []
        face.process.kill()
        face.process.wait()
        wait_for(lambda: not os.path.exists(f"/proc/{second}"), 10, "Dovecot to end with its parent")
        face.start()
        with face.imap() as box:
            assert box.uids() == []
    finally:
        face.close()
    assert not os.path.exists(f"/proc/{face.master}")


def test_a_home_with_spaces_in_its_path(folder):
    """What the daemon tells the plugin comes whole, although 2.4 splits what is imported at spaces."""
    home = os.path.join(folder, "h o m e")
    os.mkdir(home)
    face = Face(home).start()
    try:
        letter = mail(1)
        nid = face.add(letter)
        with face.imap() as box:
            (uid,) = box.uids()
            assert box.fetch(uid, "(BODY[])")[uid]["BODY[]"] == letter
        assert nid in face.standin.of("PULL")[0]
        assert face.complaints() == []
    finally:
        face.close()
