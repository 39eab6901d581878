# SPDX-License-Identifier: GPL-3.0-or-later
"""What restante-mime renders from a skeleton is what Dovecot itself says of the full message.

Each message goes through the helper twice, as it will at two peers: parsed to a skeleton, and
rendered from that skeleton and the header alone. Dovecot reads the same messages from a Maildir,
without our plugin."""

import glob
import json
import os
import pathlib
import pwd
import socket
import struct
import subprocess

import pytest

from env import program

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORPUS = sorted(glob.glob(str(ROOT / ".corpus" / "mail" / "*.eml")))
SAMPLE = 300  # of them without RESTANTE_CORPUS=all


class Refused(Exception):
    pass


class Helper:
    """restante-mime and our end of its socket (src/mime/wire.h)."""

    def __init__(self):
        self.sock, theirs = socket.socketpair()
        self.popen = subprocess.Popen([program("restante-mime")], stdin=theirs,
                                      stdout=subprocess.DEVNULL)
        theirs.close()

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
        return payload[1:]

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
        return self.render(message[:header], skeleton)


def dovecot_says(folder, messages):
    """{name: BODYSTRUCTURE}; a fresh Maildir, so that nothing comes from a cache."""
    folder = pathlib.Path(folder)
    for sub in ("new", "cur", "tmp"):
        (folder / "mail" / sub).mkdir(parents=True)
    for name, text in messages.items():
        (folder / "mail" / "cur" / f"{name}:2,").write_bytes(text)
    conf = folder / "dovecot.conf"
    user = pwd.getpwuid(os.getuid()).pw_name
    conf.write_text(f"""base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
mail_location = maildir:{folder}/mail
mail_home = {folder}
ssl = no
first_valid_uid = 1
mail_uid = {os.getuid()}
mail_gid = {os.getgid()}
maildir_stat_dirs = no
namespace inbox {{
  inbox = yes
}}
""")
    out = subprocess.run(["/usr/bin/doveadm", "-c", str(conf), "-f", "json", "fetch",
                          "guid imap.bodystructure", "mailbox", "INBOX"],
                         env={**os.environ, "USER": user, "HOME": str(folder)},
                         stdout=subprocess.PIPE, check=True).stdout
    return {row["guid"]: row["imap.bodystructure"].encode("utf-8", "surrogateescape")
            for row in json.loads(out.decode("utf-8", "surrogateescape"), strict=False)}


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
