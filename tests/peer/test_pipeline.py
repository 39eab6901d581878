# SPDX-License-Identifier: GPL-3.0-or-later
"""The plugin under any order of commands and many sessions (P-7.8, P-7.9): what clients may send without
waiting, with answers of the daemon that come early, late, wrong or not at all. Every tag is answered
once, what is given is exact, and Dovecot has nothing to say."""

import os
import random
import re
import socket
import threading
import time

import pytest

from env.face import StandIn
from env.face_fixtures import SENTENCE, dovecot, face, mail  # noqa: F401

ROUNDS = int(os.environ.get("RESTANTE_PIPELINE", "20"))  # per session
SESSIONS = 8
BODIES = ("BODY[]", "BODY.PEEK[]", "BODY.PEEK[1]", "(UID FLAGS BODY.PEEK[TEXT]<0.2048>)", "RFC822",
          "(BODY.PEEK[]<0.10> BODYSTRUCTURE)", "BINARY.PEEK[1]", "RFC822.TEXT")


def command(dice, count):
    """One command of a client that waits for nothing, and what its tagged answer may be."""
    numbers = dice.choice([str(dice.randint(1, count)), "1:*", f"{dice.randint(1, count)}:*",
                           ",".join(str(dice.randint(1, count)) for _ in range(4))])
    prefix = dice.choice(("", "UID "))
    if prefix and "," in numbers:
        numbers = "1:*"
    return dice.choice([
        lambda: f"{prefix}FETCH {numbers} {dice.choice(BODIES)}",
        lambda: f"{prefix}FETCH {numbers} {dice.choice(BODIES)}",
        lambda: f"{prefix}FETCH {numbers} (FLAGS ENVELOPE BODYSTRUCTURE)",
        lambda: f"{prefix}STORE {numbers} {dice.choice('+-')}FLAGS (\\Flagged k{dice.randint(1, 3)})",
        lambda: f"{prefix}SEARCH TEXT letter",
        lambda: f"{prefix}COPY {dice.randint(1, count)} Archive",
        lambda: "NOOP", lambda: "CHECK", lambda: "STATUS Archive (MESSAGES)",
        lambda: "SELECT INBOX", lambda: "EXAMINE INBOX", lambda: "UNSELECT",
        lambda: "SELECT Archive", lambda: "SELECT INBOX",
        lambda: f"FETCH {numbers} BODY[", lambda: "FETCH 1", lambda: 'ID ("name" "x")',
        lambda: "NOTIFY NONE", lambda: "ENABLE CONDSTORE", lambda: "FETCH 999 BODY[]",
    ])()


def talk(face, seed, wrong):
    """Sends everything at once, then reads; or vanishes in the middle."""
    dice = random.Random(seed)
    raw = face.raw()
    try:
        for round_ in range(ROUNDS):
            tags = [f"t{round_}x{n}" for n in range(dice.randint(1, 14))]
            text = "".join(f"{tag} {command(dice, 12)}\r\n" for tag in tags)
            raw.sock.sendall(text.encode())
            if dice.random() < 0.1:  # the client is gone, whatever it asked for
                raw.close()
                raw = face.raw()
                continue
            left, line = set(tags), b""
            while left:
                before, line = line, raw.line()
                word = line.split(b" ", 1)[0].decode("ascii", "replace")
                if word in left:
                    left.remove(word)
                    assert line.split(b" ")[1] in (b"OK", b"NO", b"BAD"), line
                else:
                    assert word in ("*", "+"), f"{line[:200]!r} after {before[-200:]!r}"
                    check(line)
            raw.run(f"s{round_}", "SELECT INBOX")
    except Exception as e:  # pylint: disable=broad-except
        wrong.append(f"{seed}: {e!r}")
    finally:
        raw.close()


def check(line):
    """A whole message is exact: its own subject names its body. And nobody is blamed for asking on."""
    assert b"CLIENTBUG" not in line, line[:300]
    whole = re.search(rb"BODY\[\] \{\d+\}\r\n(.*)", line, re.S)
    if whole:
        n = re.search(rb"Subject: letter (\d+)", whole.group(1)).group(1).decode()
        assert mail(n) in whole.group(1), line[:300]


def answers(face, dice):
    """The daemon as bad as it can be."""
    def answer(nid, _fields):
        way = dice.random()
        if way < 0.02:
            return face.fill(nid)
        if way < 0.6:
            return f"NO {nid} {SENTENCE}"
        if way < 0.75:
            return f"SKIP {nid}"
        if way < 0.8:
            raise StandIn.Hangup
        if way < 0.85:
            return f"OK {nid}"  # and it is not there
        time.sleep(dice.random() / 10)
        return face.fill(nid) if way < 0.87 else f"NO {nid} {SENTENCE}"
    return answer


@pytest.mark.parametrize("seed", [1, 2])
def test_any_order_of_commands(face, seed):
    structure = face.structure(mail(0))
    for n in range(12):
        face.add(mail(n), structure)
    face.standin.answer = answers(face, random.Random(seed))
    wrong = []
    hands = [threading.Thread(target=talk, args=(face, 100 * seed + n, wrong))
             for n in range(SESSIONS)]
    for h in hands:
        h.start()
    for h in hands:
        h.join(120)
    assert not any(h.is_alive() for h in hands), "a session hangs"
    assert wrong == []
    assert len(face.standin.of("PULL")) > 20 * SESSIONS
    face.standin.answer = face.fill
    raw = face.raw()
    text, lines = raw.run("z", "FETCH 1:* BODY.PEEK[]")
    assert text.startswith("z OK")
    given = [li for li in lines if b"BODY[]" in li]
    assert len(given) == 12
    for line in given:
        check(line)
    raw.close()


def test_a_session_ends_at_any_moment(face):
    """While questions are open, half answered, or a literal is half sent."""
    structure = face.structure(mail(0))
    for n in range(6):
        face.add(mail(n), structure)
    dice = random.Random(5)

    def slow(nid, _fields):
        time.sleep(dice.random() / 5)
        return face.fill(nid) if dice.random() < 0.5 else f"NO {nid} {SENTENCE}"

    face.standin.answer = slow
    for n in range(25):
        raw = face.raw()
        raw.sock.sendall(b"a FETCH 1:* BODY.PEEK[]\r\nb FETCH 1:3 BODY.PEEK[1]\r\nc SELECT Archive\r\n")
        time.sleep(dice.random() / 4)
        if n % 3 == 0:
            raw.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        elif n % 3 == 1:
            raw.sock.sendall(b"d LOGOUT\r\n")
        raw.close()
    face.standin.answer = face.fill
    raw = face.raw()
    assert raw.run("z", "FETCH 1:* BODY.PEEK[]")[0].startswith("z OK")
    raw.close()


@pytest.mark.parametrize("then", ["FETCH 1:* BODY.PEEK[]", "STORE 2 +FLAGS (k)", "SEARCH 1:2 ALL",
                                  "COPY 1 Archive", "MOVE 1 Archive", "SORT (SUBJECT) UTF-8 1:2",
                                  "THREAD REFERENCES UTF-8 ALL", "FETCH 1 BODY[",
                                  "SEARCH SUBJECT {6+}\r\nletter"])
def test_numbers_behind_a_fetch_that_waits(face, then):
    """It may renumber them, so they wait; but not for good, and without a word."""
    for n in range(2):
        face.add(mail(n))
    go = threading.Event()
    face.standin.answer = lambda nid, fields: face.fill(nid) if go.wait(15) else None
    raw = face.raw()
    raw.sock.sendall(f"a UID FETCH 1:* BODY.PEEK[]\r\nb {then}\r\nc NOOP\r\nd {then}\r\n".encode())
    time.sleep(0.2)
    go.set()
    tags = []
    while len(tags) < 4:
        line = raw.line()
        check(line)
        if line[:1] in b"abcd":
            tags.append(line[:4].decode())
    want = "b BA" if then.endswith("[") else "b OK"
    assert sorted(tags) == ["a OK", want, "c OK", want.replace("b", "d")]
    assert want == "b BA" or tags.index("a OK") < tags.index("b OK")
    raw.sock.sendall(b"e UID FETCH 1:* BODY.PEEK[]\r\nf FETCH 1 FLAGS\r\n")
    raw.close()
