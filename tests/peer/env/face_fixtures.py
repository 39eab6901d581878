# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the IMAP face share: one Dovecot per file, an empty inbox per test, a letter."""

import pytest

from .face import Face

SENTENCE = "The sender of this message is offline. It will be fetched as soon as that changes"


def mail(number, body="Hello\r\n", subject=None):
    return (f"Received: by bob; Mon, 23 Nov 2026 20:58:00 +0000\r\nFrom: Alice <alice@demo>\r\n"
            f"To: bob@demo\r\nSubject: {subject or f'letter {number}'}\r\n"
            f"Date: Mon, 23 Nov 2026 20:58:00 +0000\r\nMessage-ID: <{number}@demo>\r\n"
            f"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=b\"\r\n\r\n"
            f"--=b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n"
            f"--=b\r\nContent-Type: application/pdf; name=\"a b.pdf\"\r\n"
            f"Content-Disposition: attachment; filename=\"a b.pdf\"\r\n"
            f"Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\r\n--=b--\r\n").encode()


@pytest.fixture(scope="module")
def dovecot():
    f = Face(wait=20).start()
    yield f
    f.close()


@pytest.fixture
def face(dovecot):
    """An empty inbox and a stand-in that fills stubs; Dovecot must not have complained after it."""
    with dovecot.imap() as box:
        if box.uids():
            box.command("STORE", "1:*", "+FLAGS.SILENT", "(\\Deleted)")
            box.conn.expunge()
    dovecot.standin.answer = dovecot.fill
    dovecot.standin.lines.clear()
    before = len(dovecot.complaints())
    yield dovecot
    assert dovecot.complaints()[before:] == []


def all_metadata(face):
    with face.imap() as box:
        out = box.metadata()
        for uid, item in box.fetch("1:*", "(BODY BODY.PEEK[HEADER.FIELDS (SUBJECT MESSAGE-ID)] "
                                          "BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT)])").items():
            out[uid].update(item)
        return out
