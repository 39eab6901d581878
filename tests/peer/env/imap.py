# SPDX-License-Identifier: GPL-3.0-or-later
"""An IMAP session as a mail client has it: imaplib for the connection, and a reader of FETCH answers
that gives every item as Python lists, bytes and None, so that two answers can be compared."""

import imaplib
import re

imaplib._MAXLINE = 64 * 1024 * 1024  # a BODYSTRUCTURE of a thousand parts is one line

METADATA = "(INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER])"
_ATOM = re.compile(rb'BODY(?:\.PEEK)?\[[^\]]*\](?:<\d+>)?|[^\s()"{}]+')


class ImapError(Exception):
    """A tagged NO or BAD; .text is the server's sentence."""

    def __init__(self, text):
        super().__init__(text)
        self.text = text


def parse(pieces):
    """One untagged FETCH answer, as imaplib hands it over ((line, literal) pairs and a rest), to
    nested lists. Strings and literals are bytes, NIL is None."""
    out, stack, pos = [], [], 0
    current = out
    tokens = []
    for piece in pieces:
        if isinstance(piece, tuple):
            line, literal = piece
            tokens.append((line[:line.rindex(b"{")], literal))
        else:
            tokens.append((piece, None))
    for line, literal in tokens:
        pos = 0
        while pos < len(line):
            c = line[pos:pos + 1]
            if c in b" \r\n":
                pos += 1
            elif c == b"(":
                stack.append(current)
                inner = []
                current.append(inner)
                current = inner
                pos += 1
            elif c == b")":
                current = stack.pop()
                pos += 1
            elif c == b'"':
                end = pos + 1
                text = bytearray()
                while line[end:end + 1] != b'"':
                    if line[end:end + 1] == b"\\":
                        end += 1
                    text += line[end:end + 1]
                    end += 1
                current.append(bytes(text))
                pos = end + 1
            else:
                m = _ATOM.match(line, pos)
                if not m:
                    raise ValueError(f"not understood: {line[pos:pos + 60]!r}")
                word = m.group()
                current.append(None if word.upper() == b"NIL" else word)
                pos = m.end()
        if literal is not None:
            current.append(literal)
    return out


def _answers(data):
    """imaplib's flat list into one list of pieces per untagged answer."""
    pieces = []
    for item in data:
        if item is None:
            continue
        pieces.append(item)
        if not isinstance(item, tuple):
            yield pieces
            pieces = []
    if pieces:
        yield pieces


class Imap:
    def __init__(self, host, port, context, seconds=90):
        self.conn = imaplib.IMAP4_SSL(host, port, ssl_context=context, timeout=seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.conn.logout()
        except (OSError, imaplib.IMAP4.error):
            self.conn.shutdown()

    @staticmethod
    def _ok(answer):
        kind, data = answer
        if kind != "OK":
            raise ImapError(b" ".join(d for d in data if isinstance(d, bytes)).decode(
                "utf-8", "replace"))
        return data

    def login(self, user, password):
        return self._ok(self.conn.login(user, password))

    def before_login(self, command):
        name, arguments = command.split(" ", 1)
        imaplib.Commands.setdefault(name, ("NONAUTH", "AUTH", "SELECTED"))
        return self._ok(self.conn._simple_command(name, arguments))

    def identify(self, name):
        """IMAP ID (RFC 2971), by which a policy knows the client."""
        imaplib.Commands.setdefault("ID", ("NONAUTH", "AUTH", "SELECTED"))
        return self._ok(self.conn._simple_command("ID", f'("name" "{name}")'))

    def select(self, mailbox="INBOX", readonly=False):
        return int(self._ok(self.conn.select(f'"{mailbox}"', readonly))[0])

    def mailboxes(self):
        """{name: flags} of LIST."""
        out = {}
        for line in self._ok(self.conn.list()):
            m = re.match(rb'\((.*?)\) (?:"."|NIL) "?(.*?)"?$', line)
            out[m.group(2).decode()] = m.group(1).decode().split()
        return out

    def command(self, name, *arguments):
        """A UID command; raises ImapError on NO."""
        return self._ok(self.conn.uid(name, *arguments))

    def uids(self, *criteria):
        data = self.command("SEARCH", *(criteria or ("ALL",)))
        return [int(u) for u in (data[0] or b"").split()]

    def fetch(self, uids, items):
        """UID FETCH: {uid: {item: value}}."""
        if isinstance(uids, (list, tuple)):
            uids = ",".join(str(u) for u in uids)
        out = {}
        for pieces in _answers(self.command("FETCH", str(uids), items)):
            values = parse(pieces)[1]
            item = {values[i].decode(): values[i + 1] for i in range(0, len(values), 2)}
            if "UID" in item:  # others are unasked flag changes
                out.setdefault(int(item["UID"]), {}).update(item)
        return out

    def metadata(self, uids="1:*"):
        """All that must not change by a pull, {uid: {...}}; never opens anything."""
        return self.fetch(uids, METADATA)

    def open(self, uid):
        """The whole message as a person opens it (BODY[])."""
        return self.fetch(uid, "BODY[]")[uid]["BODY[]"]

    def append(self, mailbox, message, flags=r"(\Seen)"):
        return self._ok(self.conn.append(f'"{mailbox}"', flags, None, message))

    def see(self, uid):
        """What came since the last command is in the session only after one that says so; a command
        on a UID that it has not seen yet does nothing, and says OK."""
        self._ok(self.conn.noop())
        assert self.uids("UID", str(uid)), f"there is no message {uid}"

    def move(self, uid, mailbox):
        self.see(uid)
        self.command("MOVE", str(uid), f'"{mailbox}"')

    def expunge(self, uid):
        self.see(uid)
        self.command("STORE", str(uid), "+FLAGS.SILENT", r"(\Deleted)")
        self._ok(self.conn.expunge())
