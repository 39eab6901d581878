# SPDX-License-Identifier: GPL-3.0-or-later
"""The Dovecot plugin by itself (P-7): stubs and FETCH, with a real private Dovecot and a stand-in
for the daemon."""

import os
import threading
import time

import pytest

from env.face import StandIn, stub_bytes
from env.face_fixtures import SENTENCE, all_metadata, dovecot, face, mail  # noqa: F401
from env.wait import wait_for


def flags(face, uid):
    with face.imap() as box:
        return box.fetch(uid, "(FLAGS)")[uid]["FLAGS"]


def test_a_stub_looks_like_its_message_and_opening_changes_nothing(face):
    """P-7.2, P-7.3."""
    letter = mail(1)
    nid = face.add(letter)
    stub = all_metadata(face)
    (uid,) = stub
    assert face.standin.lines == []
    assert stub[uid]["BODY[HEADER]"] == letter[:letter.index(b"\r\n\r\n") + 4]
    assert stub[uid]["RFC822.SIZE"] == str(len(letter)).encode()
    with face.imap(client="Some Client") as box:
        got = box.fetch(uid, "(BODY[])")[uid]
    assert got["BODY[]"] == letter
    assert face.standin.of("PULL") == [
        f"PULL {nid} n=1 peek=0 partial=0 octets=0 client=Some_Client part=whole"]
    assert b"\\Seen" in flags(face, uid)
    assert all_metadata(face) == stub
    for folder, _, names in os.walk(os.path.join(face.home, "Maildir")):
        for name in names:
            if name.startswith("dovecot.index"):
                os.unlink(os.path.join(folder, name))
    assert all_metadata(face) == stub
    assert len(face.standin.of("PULL")) == 1


def test_listing_without_caches_is_the_same(face):
    for number in range(5):
        face.add(mail(number))
    first = all_metadata(face)
    for name in os.listdir(os.path.join(face.home, "Maildir")):
        if name.startswith("dovecot.index"):
            os.unlink(os.path.join(face.home, "Maildir", name))
    assert all_metadata(face) == first
    assert face.standin.lines == []


def test_nothing_but_fetch_pulls(face):
    """P-7.6."""
    for number in range(3):
        face.add(mail(number, body=f"needle {number}\r\n"))
    raw = face.raw()
    raw.run("c", "CREATE Other")
    assert raw.run("1", "UID SEARCH BODY needle")[1][0] == b"* SEARCH"
    assert raw.run("2", "SEARCH TEXT letter")[1][0] == b"* SEARCH 1 2 3"
    assert raw.run("3", "SORT (SUBJECT) UTF-8 ALL")[1][0] == b"* SORT 1 2 3"
    assert raw.run("4", "THREAD REFERENCES UTF-8 ALL")[0].startswith("4 OK")
    assert raw.run("5", "FETCH 1:* (FLAGS PREVIEW)")[0].startswith("5 OK")
    assert raw.run("6", "SEARCH LARGER 100")[1][0] == b"* SEARCH 1 2 3"
    assert raw.run("7", "COPY 1 Other")[0].startswith("7 OK")
    assert raw.run("8", "MOVE 2 Other")[0].startswith("8 OK")
    assert raw.run("9", "FETCH 1:* (BODYSTRUCTURE BODY ENVELOPE INTERNALDATE RFC822.SIZE "
                        "BODY.PEEK[HEADER])")[0].startswith("9 OK")
    raw.run("s", "SELECT Other")
    copies = raw.run("f", "FETCH 1:* (RFC822.SIZE)")[1]
    assert len(copies) == 2
    assert face.standin.of("PULL") == []
    text, lines = raw.run("g", "FETCH 1 BODY[1]")
    assert text.startswith("g OK") and any(b"needle" in line for line in lines)
    assert len(face.standin.of("PULL")) == 1
    raw.run("d", "STORE 1:* +FLAGS.SILENT (\\Deleted)")
    raw.run("e", "EXPUNGE")
    raw.close()


def test_a_failed_pull_keeps_session_and_flags(face):
    face.add(mail(1))
    face.standin.answer = lambda nid, fields: f"NO {nid} {SENTENCE}"
    raw = face.raw()
    for tag in ("a", "b", "c"):
        text, lines = raw.run(tag, "FETCH 1 BODY[]")
        assert text == f"{tag} NO [UNAVAILABLE] {SENTENCE}"
        assert not any(b"FETCH (" in line for line in lines)
    assert b"\\Seen" not in raw.run("f", "FETCH 1 FLAGS")[1][0]
    face.standin.answer = face.fill
    text, lines = raw.run("g", "FETCH 1 BODY[]")
    assert text.startswith("g OK") and b"Hello" in lines[0]
    raw.close()


@pytest.mark.parametrize("command", ["FETCH 1:*", "UID FETCH 1:*"])
def test_what_can_be_given_is_given(face, command):
    """P-7.9."""
    ids = [face.add(mail(number)) for number in range(6)]
    missing = {ids[1], ids[5]}
    face.standin.answer = lambda nid, fields: (
        f"NO {nid} {SENTENCE}" if nid in missing else face.fill(nid))
    raw = face.raw()
    text, lines = raw.run("a", command + " (UID BODY[])")
    assert text == f"a NO [UNAVAILABLE] {SENTENCE}"
    given = [line for line in lines if b"BODY[]" in line]
    assert [int(line.split()[1]) for line in given] == [1, 3, 4, 5]
    assert all(b"Hello" in line for line in given)
    seen = [b"\\Seen" in line for line in raw.run("b", "FETCH 1:* FLAGS")[1]]
    assert seen == [True, False, True, True, True, False]
    raw.close()


def test_a_mail_that_is_here_is_given_without_a_daemon(face):
    face.add(mail(1))
    with face.imap() as box:
        box.conn.append("INBOX", None, None, mail(2))
        uid = max(box.uids())
    face.standin.answer = None
    path = os.path.join(face.home, "run/plugin.sock")
    os.rename(path, path + ".away")
    try:
        raw = face.raw()
        text, lines = raw.run("a", "FETCH 1:2 BODY[]")
        assert text.startswith("a NO [UNAVAILABLE] Restante is not running")
        assert [line.split()[1] for line in lines if b"BODY[]" in line] == [b"2"]
        assert raw.run("b", f"UID FETCH {uid} BODY[]")[0].startswith("b OK")
        raw.close()
    finally:
        os.rename(path + ".away", path)


def test_a_waiting_fetch_holds_up_nobody(face):
    """P-7.8."""
    nids = [face.add(mail(number)) for number in range(2)]
    go = threading.Event()
    face.standin.answer = lambda nid, fields: (
        face.fill(nid) if nid != nids[0] or go.wait(15) else None)
    raw = face.raw()
    raw.send("a UID FETCH 1:* (FLAGS)")
    uids = [line.split(b"UID ")[1].split(b" ")[0].decode() for line in raw.until("a")[1]]
    raw.send(f"w UID FETCH {uids[0]} BODY[]")
    assert raw.run("x", f"UID FETCH {uids[1]} (BODY[])")[0].startswith("x OK")
    assert raw.run("y", "UID SEARCH ALL")[0].startswith("y OK")
    other = face.raw()
    assert other.run("z", "NOOP")[0].startswith("z OK")
    assert other.run("z2", f"UID STORE {uids[0]} +FLAGS (\\Flagged)")[0].startswith("z2 OK")
    other.close()
    raw.send("q SELECT Sent")  # must wait for the FETCH
    raw.send("q2 STATUS INBOX (MESSAGES)")
    time.sleep(0.3)
    go.set()
    text, lines = raw.until("w")
    assert text.startswith("w OK") and any(b"Hello" in line for line in lines)
    assert raw.until("q")[0].startswith("q OK")
    assert raw.until("q2")[0].startswith("q2 OK")
    raw.close()


def test_logout_and_vanishing_while_a_fetch_waits(face):
    face.add(mail(1))
    go = threading.Event()
    face.standin.answer = lambda nid, fields: face.fill(nid) if go.wait(15) else None
    raws = [face.raw() for _ in range(3)]
    for raw in raws:
        raw.send("a FETCH 1 BODY[]")
    wait_for(lambda: len(face.standin.of("PULL")) == 3, 20, "three questions")
    gone = face.standin.gone
    raws[0].close()
    raws[1].sock.sendall(b"b LOGOUT\r\n")
    wait_for(lambda: face.standin.gone == gone + 1, 20, "the vanished client's question to end")
    go.set()
    assert raws[1].until("a")[0].startswith("a OK")
    assert raws[1].until("b")[0].startswith("b OK")
    assert raws[2].until("a")[0].startswith("a OK")
    raws[1].close()
    raws[2].close()


def test_an_answer_during_another_output_waits_for_it(face):
    """The second FETCH's message comes while the first one's literal is half sent."""
    big = mail(1, body="".join(f"line {n} {'x' * 60}\r\n" for n in range(200000)))
    with face.imap() as box:
        box.conn.append("INBOX", None, None, big)
    nids = [face.add(mail(2)), face.add(mail(3))]
    go = threading.Event()

    def answer(nid, _fields):
        go.wait(15)
        return face.fill(nid) if nid == nids[0] else f"NO {nid} {SENTENCE}"

    face.standin.answer = answer
    raw = face.raw()
    raw.send("a FETCH 2 BODY[]")
    raw.send("b FETCH 3 BODY[]")
    wait_for(lambda: len(face.standin.of("PULL")) == 2, 20, "two questions")
    raw.send("c FETCH 1 BODY.PEEK[]")
    time.sleep(0.5)  # its literal now fills every buffer up to us
    go.set()
    time.sleep(0.5)
    answers = {}
    while len(answers) < 3:
        line = raw.line()
        if line[:2] in (b"a ", b"b ", b"c "):
            answers[line[:1]] = line
        elif b"BODY[]" in line and line.startswith(b"* 1 "):
            assert line.endswith(b")") and big in line
    assert answers[b"a"].startswith(b"a OK")
    assert answers[b"b"] == b"b NO [UNAVAILABLE] " + SENTENCE.encode()
    assert answers[b"c"].startswith(b"c OK")
    raw.close()


@pytest.mark.parametrize("fault", ["hang up", "unknown id", "twice", "long line"])
def test_a_daemon_that_misbehaves(face, fault):
    """P-7.4, P-7.7."""
    nid = face.add(mail(1))
    other = "0" * 64

    def answer(_nid, _fields):
        if fault == "hang up":
            raise StandIn.Hangup
        return {"unknown id": f"OK {other}", "twice": f"NO {nid} one\nNO {nid}x two",
                "long line": "N" * 5000}[fault]

    face.standin.answer = answer
    raw = face.raw()
    text, _ = raw.run("a", "FETCH 1 BODY[]")
    assert text.startswith("a NO [UNAVAILABLE] " + ("one" if fault == "twice" else "Restante"))
    face.standin.answer = face.fill
    assert raw.run("b", "FETCH 1 BODY[]")[0].startswith("b OK")
    raw.close()
    if fault == "unknown id":  # said once in the log, on purpose
        assert "not in the protocol" in face.complaints()[-1]
        with open(face.log_path(), "w", encoding="ascii"):
            pass


def test_what_is_passed_over_is_no_error(face):
    """P-7.7, P-7.9: SKIP."""
    ids = [face.add(mail(number)) for number in range(3)]
    face.standin.answer = lambda nid, fields: (
        f"SKIP {nid}" if nid != ids[1] else face.fill(nid))
    raw = face.raw()
    text, lines = raw.run("a", "FETCH 1 (UID BODY.PEEK[TEXT]<0.2048>)")
    assert text.startswith("a OK") and lines == []
    text, lines = raw.run("b", "FETCH 1:* (UID BODY.PEEK[TEXT]<0.2048>)")
    assert text.startswith("b OK")
    assert [line.split()[1] for line in lines if b"BODY[TEXT]<0>" in line] == [b"2"]
    face.standin.answer = lambda nid, fields: (
        f"SKIP {nid}" if nid == ids[0] else f"NO {nid} {SENTENCE}")
    text, lines = raw.run("c", "FETCH 1,3 BODY[]")
    assert text == f"c NO [UNAVAILABLE] {SENTENCE}"
    assert not any(b"\\Seen" in line for line in raw.run("d", "FETCH 1:* FLAGS")[1])
    raw.close()


@pytest.mark.parametrize("command", ["FETCH 1:2", "UID FETCH 1:*"])
def test_an_ok_without_a_message_is_a_failure(face, command):
    nids = [face.add(mail(number)) for number in range(2)]
    face.standin.answer = lambda nid, fields: f"OK {nid}" if nid == nids[1] else face.fill(nid)
    raw = face.raw()
    text, lines = raw.run("a", command + " BODY[]")
    assert text.startswith("a NO [UNAVAILABLE] The message is still on its way")
    assert [line.split()[1] for line in lines if b"BODY[]" in line] == [b"1"]
    assert [b"\\Seen" in li for li in raw.run("b", "FETCH 1:2 FLAGS")[1]] == [True, False]
    face.standin.answer = face.fill
    assert raw.run("c", command + " BODY[]")[0].startswith("c OK")
    raw.close()


def test_sentences_are_cleaned(face):
    face.add(mail(1))
    face.standin.answer = lambda nid, fields: f"NO {nid} caf\u00e9\r\x07" + "y" * 1000
    raw = face.raw()
    text, _ = raw.run("a", "FETCH 1 BODY[]")
    assert text == "a NO [UNAVAILABLE] caf????" + "y" * (400 - 7)
    raw.close()


def test_kinds_of_question(face):
    """P-7.5."""
    nid = face.add(mail(1))
    face.standin.answer = lambda nid, fields: f"NO {nid} {SENTENCE}"
    raw = face.raw()
    raw.run("i", 'ID ("name" "Thunderbird" "version" "153")')
    for item in ("BODY.PEEK[]", "BODY[]<0.100>", "BODY.PEEK[TEXT]<0.2048>", "BODY.PEEK[1.MIME]",
                 "(FLAGS RFC822)", "(BODY[] BODY[]<0.5>)", "(BODY.PEEK[1]<0.5> BODY.PEEK[2]<7.4>)",
                 "BINARY.PEEK[2]", "RFC822.TEXT"):
        assert raw.run("a", f"FETCH 1 {item}")[0].startswith("a NO [UNAVAILABLE]")
    wanted = [(1, 0, 0, "whole"), (0, 1, 100, "whole"), (1, 1, 2048, "text"), (1, 0, 0, "part"),
              (0, 0, 0, "whole"), (0, 0, 0, "whole"), (1, 1, 9, "part"), (1, 0, 0, "part"),
              (0, 0, 0, "text")]
    assert face.standin.of("PULL") == [
        f"PULL {nid} n=1 peek={peek} partial={partial} octets={octets} client=Thunderbird "
        f"part={part}" for peek, partial, octets, part in wanted]
    for item in ("BODY.PEEK[HEADER]", "RFC822.HEADER", "(UID RFC822.SIZE)", "ALL", "FULL",
                 "BODY.PEEK[HEADER.FIELDS (SUBJECT)]<0.10>"):
        assert raw.run("b", f"FETCH 1 {item}")[0].startswith("b OK"), item
    assert len(face.standin.of("PULL")) == 9
    raw.close()


@pytest.mark.parametrize("said, name", [
    ('("name" "Mac OS X Mail" "version" "16.0" "vendor" "Apple Inc.")', "Mac_OS_X_Mail"),
    ('("version" "1" "NAME" "a\\"b\\\\c %u {3}")', 'a"b\\c_%u_{3}'),
    ('("version" "% %{nothing} %Z %" "name" "x")', "x"),
    ('("name" NIL)', "-"), ("NIL", "-"), ('("name" "' + "n" * 60 + '")', "n" * 40),
])
def test_a_name_given_before_the_login(face, said, name):
    """P-7.5."""
    face.add(mail(1))
    raw = face.raw(before=["ID " + said])
    assert raw.run("a", "FETCH 1 BODY.PEEK[]")[0].startswith("a OK")
    assert f" client={name} " in face.standin.of("PULL")[-1]
    raw.close()


def test_bad_fetches_get_dovecots_answers(face):
    face.add(mail(1))
    raw = face.raw()
    for text in ("FETCH 9 BODY[]", "FETCH x BODY[]", "FETCH 1 BODY[", "FETCH 1 (BODY[] NONSENSE)",
                 "FETCH 1", "FETCH", "FETCH 1 (BODY[]) (NONSENSE)", "FETCH (1) BODY[]"):
        assert raw.run("a", text)[0].startswith("a BAD"), text
    assert raw.run("b", "UID FETCH 999 BODY[]")[0].startswith("b OK")
    assert raw.run("c", "FETCH $ BODY[]")[0].startswith("c OK")
    raw.send("d SEARCH RETURN (SAVE) ALL")
    raw.send("e FETCH $ BODY.PEEK[]")
    assert raw.until("d")[0].startswith("d OK")
    text, lines = raw.until("e")
    assert text.startswith("e OK") and any(b"Hello" in line for line in lines)
    raw.close()


def test_changedsince_leaves_unchanged_stubs_alone(face):
    for number in range(2):
        face.add(mail(number))
    raw = face.raw()
    raw.run("e", "ENABLE CONDSTORE")
    modseq = max(int(line.split(b"MODSEQ (")[1].split(b")")[0])
                 for line in raw.run("m", "FETCH 1:* MODSEQ")[1])
    raw.run("t", "STORE 2 +FLAGS (\\Flagged)")
    text, lines = raw.run("f", f"FETCH 1:* (BODY.PEEK[]) (CHANGEDSINCE {modseq})")
    assert text.startswith("f OK") and len([li for li in lines if b"BODY[]" in li]) == 1
    assert len(face.standin.of("PULL")) == 1
    raw.close()


def test_a_forged_stub_is_text(face):
    """P-7.1."""
    forged = stub_bytes("ab" * 32, b"Subject: forged\r\n\r\n", b'"text" "plain"', key=b"k" * 32)
    with face.imap() as box:
        box.conn.append("INBOX", None, None, forged)
        (uid,) = box.uids()
        got = box.fetch(uid, "(BODY[] RFC822.SIZE)")[uid]
    assert got["BODY[]"] == forged and int(got["RFC822.SIZE"]) == len(forged)
    assert face.standin.of("PULL") == []


def test_the_same_message_twice_is_asked_for_once(face):
    nid = face.add(mail(1))
    face.add(mail(1), nid=nid)
    raw = face.raw()
    text, lines = raw.run("a", "FETCH 1:* BODY[]")
    assert text.startswith("a OK") and len([li for li in lines if b"Hello" in li]) == 2
    assert face.standin.of("PULL") == [
        f"PULL {nid} n=2 peek=0 partial=0 octets=0 client=- part=whole"]
    raw.close()


def test_many_at_once(face):
    letter = mail(1)
    structure = face.structure(letter)
    for _ in range(700):  # more than the window
        face.add(letter, structure)
    with face.imap() as box:
        box.conn.append("INBOX", None, None, letter)
    face.standin.answer = lambda nid, fields: f"NO {nid} {SENTENCE}"
    raw = face.raw()
    text, lines = raw.run("a", "FETCH 1:* (BODY.PEEK[])")
    assert text == f"a NO [UNAVAILABLE] {SENTENCE}"
    assert [line.split()[1] for line in lines if b"BODY[]" in line] == [b"701"]
    assert len(set(face.standin.of("PULL"))) == 700
    raw.close()
