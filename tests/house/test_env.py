# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests' own tools: what judges must be judged."""

import os
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peer"))

from env.imap import parse  # noqa: E402
from env.mail import check_arrived, compose, fields, message_id, split_trace  # noqa: E402
from env.wait import Timeout, wait_for  # noqa: E402

TRACE = (b"Received: from a by b;\r\n\tMon, 2 Nov 2026 10:00:00 +0000\r\n"
         b"Authentication-Results: bob@demo;\r\n restante=pass\r\n")


def test_fetch_answers_are_read():
    assert parse([b'1 (UID 5 FLAGS (\\Seen) ENVELOPE ("a \\"b\\" \\\\" NIL (("x" NIL "y" "z"))))']) \
        == [b"1", [b"UID", b"5", b"FLAGS", [b"\\Seen"], b"ENVELOPE",
                   [b'a "b" \\', None, [[b"x", None, b"y", b"z"]]]]]
    assert parse([(b"2 (UID 6 BODY[HEADER] {6}", b"A: b\r\n"), b" RFC822.SIZE 9)"]) \
        == [b"2", [b"UID", b"6", b"BODY[HEADER]", b"A: b\r\n", b"RFC822.SIZE", b"9"]]
    assert parse([b"3 (BODY[HEADER.FIELDS (FROM SUBJECT)] NIL BODYSTRUCTURE ((\"a\" 1)(\"b\" 2) \"c\"))"]) \
        == [b"3", [b"BODY[HEADER.FIELDS (FROM SUBJECT)]", None, b"BODYSTRUCTURE",
                   [[b"a", b"1"], [b"b", b"2"], b"c"]]]


def test_fields_are_taken_apart():
    head, end = fields(b"A: 1\r\n b\r\nodd line\r\nC : \r2\r\n\r\nbody: no\r\n")
    assert head == [(b"a", b"A: 1\r\n b\r\n"), (b"", b"odd line\r\n"), (b"c", b"C : \r2\r\n")]
    assert end == len(b"A: 1\r\n b\r\nodd line\r\nC : \r2\r\n")


def test_arrival_is_judged():
    m = compose("alice@demo", "bob@demo", "Hello", attachment=b"12345", Bcc="carol@demo")
    assert message_id(m).endswith("@demo>")
    without = m.replace(b"Bcc: carol@demo\r\n", b"")
    assert without != m
    assert split_trace(TRACE + m) == (TRACE, m)
    check_arrived(m, TRACE + without)
    check_arrived(m, TRACE + b"Sender: <alice@demo>\r\n" + without, "alice@demo")
    bare = b"From: alice@demo\r\n\r\nx\r\n"
    check_arrived(bare, TRACE + b"Date: now\r\nMessage-ID: <1@demo>\r\n" + bare)
    for wrong in (without, TRACE + without + b"\r\n", TRACE + without.replace(b"Hello", b"Hallo"),
                  TRACE + b"X-New: 1\r\n" + without, TRACE + without.replace(b"MTIz", b"MTIy"),
                  TRACE + b"Date: now\r\n" + without):
        with pytest.raises(AssertionError):
            check_arrived(m, wrong)
    with pytest.raises(AssertionError):
        check_arrived(m, TRACE + without, "alice@demo")


def test_waits_end():
    assert wait_for(lambda: 5, 1, "five") == 5
    with tempfile.NamedTemporaryFile("w") as log:  # pytest's own folders would stay
        log.write("the last line\n")
        log.flush()
        with pytest.raises(Timeout, match="(?s)for six.*the last line"):
            wait_for(lambda: 1 // 0, 0.1, "six", [log.name])
