# SPDX-License-Identifier: GPL-3.0-or-later
"""What restante-mime renders from a skeleton is what Dovecot itself says of the full message.

Each message goes through the helper twice, as it will at two peers: parsed to a skeleton, and
rendered from that skeleton and the header alone. Dovecot reads the same messages from a Maildir,
without our plugin."""

import glob
import os
import pathlib
import random
import socket
import struct
import subprocess

import pytest

from env import program
from env.plain import plain_structures

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORPUS = sorted(glob.glob(str(ROOT / ".corpus" / "mail" / "*.eml")))
SAMPLE = 300  # of them without RESTANTE_CORPUS=all


FROM_LEN = 325  # of what an answer says of the From fields: their number, the address
NESTED = 105  # Dovecot's parser stops looking inside at 100


def part(kind, body, *fields):
    return "\n".join([f"Content-Type: {kind}", *fields]) + "\n\n" + body


def multipart(kind, boundary, *parts, end=True):
    lines = "".join(f"--{boundary}\n{p}\n" for p in parts)
    return part(f'multipart/{kind}; boundary="{boundary}"', lines + (f"--{boundary}--\n" * end))


def nested(kind, body):
    for i in range(NESTED):
        body = multipart("mixed", f"b{i:03}", body) if kind == "multipart" else part(kind, body)
    return body


TEXT = part("text/plain; charset=utf-8", "Good morning.\n")
FOLDED = 'text/plain;\n name*0*=utf-8\'\'%C3%A4;\n name*1="b";\n\tformat=flowed'
MAIL = "From: a <a@b>\nTo: c@d, e@f\nSubject: =?utf-8?q?x?=\nMIME-Version: 1.0\n"
CRAFTED = {  # the header's first lines are put before each
    "no-body": "Subject: nothing\n\n",
    "no-empty-line": "Subject: nothing\n",
    "header-cut": "Subject: noth",
    "plain": TEXT,
    "not-mime": "Subject: x\n\nContent-Type: text/html\n",
    "broken-type": part("text", "x\n"),
    "empty-type": part("", "x\n"),
    "odd-type": part("multipart/", "x\n"),
    "two-types": "Content-Type: text/html\n" + TEXT,
    "folded": part(FOLDED, "x\n", "Content-Disposition: attachment;\n filename*=utf-8''%e4",
                   "Content-Language: de, en", "Content-MD5: abc", "Content-Location: x y"),
    "eight-bit": part('text/plain; name="gr\u00fc\u00df"', "x\n", "Content-Description: \u00e4\u00f6"),
    "no-boundary": part("multipart/mixed", TEXT),
    "empty-boundary": multipart("mixed", "", TEXT, TEXT),
    "no-parts": multipart("mixed", "b"),
    "unused-boundary": part('multipart/mixed; boundary="b"', "nothing here\n"),
    "open-end": multipart("mixed", "b", TEXT, TEXT, end=False),
    "epilogue": multipart("mixed", "b", TEXT) + "after\n--b\n\nstill after\n",
    "same-boundary": multipart("mixed", "b", multipart("mixed", "b", TEXT), TEXT),
    "prefix-boundary": multipart("mixed", "b", multipart("mixed", "bb", TEXT), TEXT),
    "boundary-in-header": part('multipart/mixed; boundary="b"',
                               "--b\nContent-Type: text/html\n--b\nX: y\n--b\n--b--\n"),
    "alternative": multipart("alternative", "b", TEXT, part("text/html", "<p>\n")),
    "digest": multipart("digest", "b", "\n" + MAIL + "\nhello\n", TEXT, "X: y\n\n" + MAIL),
    "digest-text": multipart("digest", "b", TEXT, part("message/rfc822", MAIL + "\nhi\n")),
    "message": part("message/rfc822", MAIL + TEXT),
    "message-empty": part("message/rfc822", ""),
    "message-not-mime": part("message/rfc822", "From: x\nContent-Length: 3\n\nhi\n"),
    "message-in-parts": multipart("mixed", "b", part("message/rfc822", MAIL + multipart(
        "mixed", "c", TEXT, part("message/rfc822", MAIL))), TEXT),
    "message-cut-by-boundary": multipart("mixed", "b", part("message/rfc822", "From: x"), TEXT),
    "message-encoded": part("message/rfc822", "RnJvbTogeAoK\n", "Content-Transfer-Encoding: base64"),
    "external": part("message/external-body; access-type=x", MAIL),
    "nested-parts": nested("multipart", TEXT),
    "nested-messages": nested("message/rfc822", "X: y\n\nhello\n"),
    "long-lines": part("text/plain; name=" + "n" * 20000, "y" * 100000,
                       "Content-Description: " + "word " * 5000),
    "long-name": part("text/plain", "x\n", "Content-" + "x" * 2000 + ": y"),
    "many-addresses": part("message/rfc822", "To: " + "a," * 20000 + "\n\nx\n"),
    "many-parts": multipart("mixed", "b", *[TEXT] * 990),
    "bare-cr": part("text/plain", "x\ry\r\r\n\r"),
}


class Refused(Exception):
    pass


class Helper:
    """restante-mime and our end of its socket (src/mime/wire.h)."""

    def __init__(self):
        self.sock, theirs = socket.socketpair()
        self.popen = subprocess.Popen([program("restante-mime")], stdin=theirs,
                                      stdout=subprocess.DEVNULL)
        theirs.close()
        assert self.take(struct.unpack(">I", self.take(4))[0]) == b"H"  # it runs, and is confined

    def close(self):
        self.sock.close()
        return self.popen.wait(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def take(self, n):
        out = b""
        while len(out) < n:
            piece = self.sock.recv(n - len(out))
            if not piece:
                raise EOFError("restante-mime is gone")
            out += piece
        return out

    def answer(self, verb):
        payload = self.take(struct.unpack(">I", self.take(4))[0])
        if payload[:1] == b"N":
            raise Refused(payload[1:].decode())
        assert payload[:1] == verb
        count, address = struct.unpack(">I321s", payload[1:FROM_LEN + 1])
        address, zeros = address.split(b"\0", 1)
        assert not zeros.strip(b"\0") and (count == 1) == (address != b"")
        self.sender = count, address.decode("utf-8", "surrogateescape")
        return payload[FROM_LEN + 1:]

    def parse(self, path):
        """(octets of the header, octets of the message, skeleton)"""
        with open(path, "rb") as f:
            socket.send_fds(self.sock, [struct.pack(">I", 1) + b"S"], [f.fileno()])
            answer = self.answer(b"P")
        return (*struct.unpack(">QQ", answer[:16]), answer[16:])

    def render(self, header, skeleton):
        body = b"R" + struct.pack(">I", len(header)) + header + skeleton
        self.sock.sendall(struct.pack(">I", len(body)) + body)
        return self.answer(b"B")

    def both_ways(self, path):
        header, octets, skeleton = self.parse(path)
        message = pathlib.Path(path).read_bytes()
        assert octets == len(message)
        sender = self.sender
        rendered = self.render(message[:header], skeleton)
        assert self.sender == sender
        return rendered


def dovecot_says(folder, messages):
    """{name: BODYSTRUCTURE}; a fresh Maildir, so that nothing comes from a cache."""
    files = pathlib.Path(folder) / "files"
    files.mkdir()
    for name, text in messages.items():
        (files / f"{name}:2,").write_bytes(text)
    return plain_structures(folder, files.iterdir())


def compare(folder, messages, paths):
    theirs = dovecot_says(folder, messages)
    assert len(theirs) == len(messages)
    differ = {}
    with Helper() as helper:
        for name, path in paths.items():
            ours = helper.both_ways(path)
            if ours != theirs[name]:
                differ[name] = (ours, theirs[name])
    return differ


def test_real_mail(tmp_path):
    if not CORPUS:
        pytest.skip("the corpus is not there: scripts/fetch-corpus")
    chosen = CORPUS
    if os.environ.get("RESTANTE_CORPUS") != "all":
        chosen = CORPUS[::len(CORPUS) // SAMPLE][:SAMPLE]
    paths = {os.path.basename(p)[:-4].replace(".", "-"): p for p in chosen}
    messages = {n: pathlib.Path(p).read_bytes() for n, p in paths.items()}
    differ = compare(tmp_path, messages, paths)
    print(f"structure: {len(paths)} messages, {len(differ)} differ from Dovecot's")
    assert not differ, f"{len(differ)} of {len(paths)}, e.g. {next(iter(differ.items()))}"


def crlf(text):
    return text.encode("utf-8").replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def check(tmp_path, messages):
    paths = {}
    for name, text in messages.items():
        paths[name] = tmp_path / f"{name}.eml"
        paths[name].write_bytes(text)
    differ = compare(tmp_path, messages, paths)
    assert not differ, f"{len(differ)} of {len(paths)}, e.g. {next(iter(differ.items()))}"


def test_crafted_mail(tmp_path):
    check(tmp_path, {n: crlf(MAIL + t) for n, t in CRAFTED.items()})


def test_garbled_mail(tmp_path):
    """Lines lost, doubled and moved: broken MIME is rendered as Dovecot renders it, too."""
    dice = random.Random(2026)
    texts = [crlf(MAIL + t) for t in CRAFTED.values()]
    texts += [t for p in CORPUS if b"multipart" in (t := pathlib.Path(p).read_bytes())][:300]
    garbled = {}
    for n, text in enumerate(texts * 3):
        lines = text.split(b"\r\n")[:2000]
        for _ in range(dice.randint(1, 8)):
            line = dice.choice(lines)
            if dice.random() < 0.5 and lines.count(line) > 0 and len(lines) > 2:
                lines.remove(line)
            lines.insert(dice.randrange(len(lines) + 1), dice.choice([line, b"", line[:9], line * 2]))
        garbled[f"g{n}"] = b"\r\n".join(lines)
    check(tmp_path, garbled)


REFUSED = {
    "nul": (crlf(MAIL + "\n\0\n"), "NUL"),
    "lf": (b"Subject: x\r\n\r\nhello\n", "without CR"),
    "header": (b"Subject: x\r\n" + b"X: y\r\n" * 50000 + b"\r\n", "header is too large"),
    "endless-line": (b"Content-Type: " + b"x" * 4000000, "header is too large"),
    "parts": (crlf(MAIL + multipart("mixed", "b", *["\n"] * 1000)), "too many parts"),
    "part-header": (crlf(MAIL + multipart("mixed", "b", "X: " + "y" * 1100000 + "\n\nx\n")),
     "header is too large"),
    "part-headers": (crlf(MAIL + multipart("mixed", "b", *["X: " + "y" * 300000 + "\n\nx\n"] * 4)),
     "headers of the message's parts are too large"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(tmp_path, name):
    text, words = REFUSED[name]
    path = tmp_path / f"{name}.eml"
    path.write_bytes(text)
    (tmp_path / "good.eml").write_bytes(b"Subject: x\r\n\r\nhello\r\n")
    with Helper() as helper:
        with pytest.raises(Refused, match=words):
            helper.parse(path)
        assert helper.both_ways(tmp_path / "good.eml").startswith(b'"text" "plain"')


def test_a_position_of_the_file_does_not_matter(tmp_path):
    (tmp_path / "m.eml").write_bytes(b"Subject: x\r\n\r\nhello\r\n")
    with Helper() as helper, open(tmp_path / "m.eml", "rb") as f:
        f.read(5)
        socket.send_fds(helper.sock, [struct.pack(">I", 1) + b"S"], [f.fileno()])
        assert struct.unpack(">QQ", helper.answer(b"P")[:16]) == (14, 21)


@pytest.mark.parametrize("sent", [
    b"\0\0\0\0", b"\xff\xff\xff\xffS", struct.pack(">I", 9) + b"R",
], ids=["empty", "huge", "cut"])
def test_a_broken_frame_ends_it(sent):
    with Helper() as helper:
        helper.sock.sendall(sent)
        helper.sock.shutdown(socket.SHUT_WR)
        try:
            assert helper.sock.recv(1) == b""
        except ConnectionResetError:
            pass
        assert helper.popen.wait(10) == 1


@pytest.mark.parametrize("sent", [b"S", b"Q", b"R", b"R\0\0\0\5abc", b"R\0\0\0\0\x81\x80"],
                         ids=["no-file", "unknown", "short", "cut", "no-skeleton"])
def test_a_bad_request_is_refused(sent):
    with Helper() as helper:
        helper.sock.sendall(struct.pack(">I", len(sent)) + sent)
        with pytest.raises(Refused):
            helper.answer(b"?")
        assert helper.close() == 0


def test_it_is_confined():
    if b"__asan" in pathlib.Path(program("restante-mime")).read_bytes():
        pytest.skip("sanitizers need more system calls")
    with Helper() as helper:
        helper.sock.sendall(struct.pack(">I", 1) + b"S")
        with pytest.raises(Refused):  # so it is past its start
            helper.answer(b"?")
        status = pathlib.Path(f"/proc/{helper.popen.pid}/status").read_text()
        assert "NoNewPrivs:\t1\n" in status
        assert "Seccomp:\t2\n" in status
        limits = pathlib.Path(f"/proc/{helper.popen.pid}/limits").read_text().splitlines()
        assert any(row.startswith("Max address space") and "536870912" in row for row in limits)
