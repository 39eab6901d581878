# SPDX-License-Identifier: GPL-3.0-or-later
"""IMAP extensions on stubs behave as on the messages that the stubs stand for, and none pulls (P-7.6). What
the installed Dovecot does not offer is left out: REPLACE and COMPRESS came with 2.4."""

import re
import threading
import zlib

import pytest

from env.face_fixtures import SENTENCE, dovecot, face, mail  # noqa: F401
from env.wait import wait_for

NEW = mail(99, subject="the new one")


def offered(face, name):
    raw = face.raw()
    words = raw.run("c", "CAPABILITY")[1][0].decode().split()
    raw.close()
    if name not in words:
        pytest.skip(f"this Dovecot offers no {name}")


def fresh(face, name):
    """An empty mailbox of this name."""
    raw = face.raw(None)
    raw.run("d", f"DELETE {name}")
    assert raw.run("c", f"CREATE {name}")[0].startswith("c OK")
    raw.close()


def same_words(lines):
    """Without what differs from one message to the next: UIDs, times, how long it took."""
    text = b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines)
    text = re.sub(rb"\[(APPENDUID|COPYUID|HIGHESTMODSEQ|UIDNEXT|UIDVALIDITY) [^]]*\]", rb"[\1]", text)
    return re.sub(rb"\([0-9.+ ]* secs\)", b"", text)


def replace(face, box, command, target):
    """The responses to REPLACE in a mailbox with one message, to a NOOP after it, and what stands in the
    two mailboxes then."""
    raw = face.raw(box)
    uid = re.search(rb"UID (\d+)", raw.run("u", "FETCH 1 UID")[1][0])[1].decode()
    what = command.replace("N", uid if command.startswith("UID") else "1")
    raw.send(f"r {what} {target} (\\Seen) {{{len(NEW)}+}}")
    raw.sock.sendall(NEW + b"\r\n")
    text, lines = raw.until("r")
    out = [text, *lines, "noop", *raw.run("n", "NOOP")[1]]
    for name in sorted({box, target}):
        raw.run("s", f"SELECT {name}")
        out += [raw.run("f", "FETCH 1:* (FLAGS RFC822.SIZE ENVELOPE)")[1]]
    raw.close()
    out[-1] = b"\n".join(out[-1])
    if isinstance(out[-2], list):
        out[-2] = b"\n".join(out[-2])
    return same_words(out)


@pytest.mark.parametrize("command", ["REPLACE N", "UID REPLACE N"])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_replace(face, command, elsewhere):
    offered(face, "REPLACE")
    said = {}
    for kind in ("plain", "stub"):
        fresh(face, "Work")
        fresh(face, "Other")
        raw = face.raw()
        if kind == "stub":
            nid = face.add(mail(1))
            raw.run("n", "NOOP")
        else:
            raw.send(f"a APPEND INBOX {{{len(mail(1))}+}}")
            raw.sock.sendall(mail(1) + b"\r\n")
            raw.until("a")
        assert raw.run("m", "MOVE 1 Work")[0].startswith("m OK")
        raw.close()
        said[kind] = replace(face, "Work", command, "Other" if elsewhere else "Work")
    assert said["stub"].splitlines() == said["plain"].splitlines()
    assert b"r OK" in said["stub"] and b"the new one" in said["stub"]
    wait_for(lambda: [line for line in face.standin.of("EXPUNGED") if nid in line], 5, "the hint of its end")
    assert face.standin.of("PULL") == []


def test_replace_waits_for_a_fetch_that_may_renumber(face):
    """Behind a UID FETCH that waits for its message (P-7.8), with the literal on its way."""
    offered(face, "REPLACE")
    nids = [face.add(mail(1)), face.add(mail(2))]
    go = threading.Event()

    def answer(nid, _fields):
        go.wait(15)
        return face.fill(nid)

    face.standin.answer = answer
    raw = face.raw()
    raw.send("a UID FETCH 1:* (UID BODY.PEEK[])")
    wait_for(lambda: face.standin.of("PULL"), 10, "the question")
    raw.send(f"r REPLACE 2 INBOX {{{len(NEW)}+}}")
    raw.sock.sendall(NEW + b"\r\n")
    raw.send("n NOOP")
    go.set()
    answers = {}
    while len(answers) < 3:
        line = raw.line()
        assert not line.startswith(b"* BAD"), line
        if line[:2] in (b"a ", b"r ", b"n "):
            answers[line[:1]] = line[2:4]
    assert answers == {b"a": b"OK", b"r": b"OK", b"n": b"OK"}
    subjects = b"".join(raw.run("f", "FETCH 1:* ENVELOPE")[1])
    assert b"letter 1" in subjects and b"the new one" in subjects and b"letter 2" not in subjects
    assert len(face.standin.of("PULL")) == 2 and nids
    raw.close()


class Deflated:
    """Puts zlib between a Raw and its socket."""

    def __init__(self, sock):
        self.sock = sock
        self.into = zlib.decompressobj(-15)
        self.outof = zlib.compressobj(9, zlib.DEFLATED, -15)

    def sendall(self, data):
        self.sock.sendall(self.outof.compress(data) + self.outof.flush(zlib.Z_SYNC_FLUSH))

    def recv(self, n):
        out = b""
        while not out:
            piece = self.sock.recv(n)
            if not piece:
                return b""
            out = self.into.decompress(piece)
        return out

    def close(self):
        self.sock.close()


@pytest.mark.parametrize("while_it_waits", [False, True])
def test_compress(face, while_it_waits):
    offered(face, "COMPRESS=DEFLATE")
    letter = mail(1, body="compressible " * 5000)
    nid = face.add(letter)
    missing = face.add(mail(2))
    go = threading.Event()

    def answer(asked, _fields):
        go.wait(15)
        return face.fill(asked) if asked == nid else f"NO {asked} {SENTENCE}"

    face.standin.answer = answer
    raw = face.raw()
    if while_it_waits:
        raw.send("a FETCH 1 BODY[]")
        raw.send("b FETCH 2 BODY[]")
        wait_for(lambda: len(face.standin.of("PULL")) == 2, 10, "the questions")
    assert raw.run("z", "COMPRESS DEFLATE")[0].startswith("z OK")
    raw.sock = Deflated(raw.sock)
    if not while_it_waits:
        raw.send("a FETCH 1 BODY[]")
        raw.send("b FETCH 2 BODY[]")
    go.set()
    got, answers = [], {}
    while len(answers) < 2:
        line = raw.line()
        if line[:2] in (b"a ", b"b "):
            answers[line[:1]] = line
        got.append(line)
    assert any(letter in line for line in got)
    assert answers[b"a"].startswith(b"a OK")
    assert answers[b"b"] == b"b NO [UNAVAILABLE] " + SENTENCE.encode()
    assert raw.run("n", "NOOP")[0].startswith("n OK")
    raw.close()


def test_multiappend_beside_a_stub(face):
    face.add(mail(1))
    raw = face.raw()
    one, two = mail(2), mail(3)
    raw.send(f"a APPEND INBOX (\\Seen) {{{len(one)}+}}")
    raw.sock.sendall(one)
    raw.send(f" (\\Flagged) {{{len(two)}+}}")
    raw.sock.sendall(two + b"\r\n")
    text, lines = raw.until("a")
    assert re.match(r"a OK \[APPENDUID \d+ \d+:\d+\]", text) and b"* 3 EXISTS" in lines
    subjects = b"".join(raw.run("f", "FETCH 1:* ENVELOPE")[1])
    assert all(b"letter %d" % n in subjects for n in (1, 2, 3))
    assert face.standin.of("PULL") == []
    raw.close()


def test_a_stub_in_catenate_is_refused_and_nothing_is_kept(face):
    """Only FETCH pulls: a part of what waits elsewhere cannot become part of another message."""
    offered(face, "CATENATE")
    face.add(mail(1))
    raw = face.raw()
    uid = re.search(rb"UID (\d+)", raw.run("u", "FETCH 1 UID")[1][0])[1].decode()
    text, _ = raw.run("a", f'APPEND INBOX CATENATE (URL "/INBOX/;UID={uid}/;SECTION=1")')
    assert text.startswith("a NO")
    assert raw.run("s", "STATUS INBOX (MESSAGES)")[1][-1].endswith(b"(MESSAGES 1)")
    assert face.standin.of("PULL") == []
    raw.close()


def test_preview_is_empty_before_and_right_after(face):
    letter = mail(1, body="The first words of it.\r\n")
    face.add(letter)
    raw = face.raw()
    for item in ("PREVIEW", "PREVIEW (LAZY)"):
        assert re.search(rb'PREVIEW (""|NIL)', raw.run("p", f"FETCH 1 ({item})")[1][0])
    assert face.standin.of("PULL") == []
    assert raw.run("f", "FETCH 1 BODY.PEEK[]")[0].startswith("f OK")
    assert b"The first words of it." in raw.run("q", "FETCH 1 (PREVIEW)")[1][0]
    raw.close()


@pytest.mark.parametrize("use", ["(USE (\\Sent))", "(use (\\Archive \\Junk))"])
def test_create_with_a_use_is_not_ignored(face, use):
    """RFC 6154, 3: the attribute cannot be set, so the mailbox is not made without it."""
    raw = face.raw()
    raw.run("d", "DELETE Special")
    text, _ = raw.run("c", f"CREATE Special {use}")
    assert text.startswith("c NO [USEATTR] ")
    assert raw.run("l", 'LIST "" Special')[1] == []
    assert raw.run("e", "CREATE Special")[0].startswith("e OK")
    assert raw.run("l", 'LIST "" Special')[1] != []
    raw.run("d", "DELETE Special")
    raw.close()
