# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are empty or half after a power cut: what can be made anew is, and the rest is named
with what to do, in one sentence."""

import os
import shutil

import pytest

from env import Network
from env.mail import check_arrived, compose


@pytest.fixture(scope="module")
def homes():
    """alice, who has run, with a mail in her inbox, and bob."""
    with Network(nodes=2) as network:
        yield network.peer("alice@demo"), network.peer("bob@demo")


def empty(data):
    return b""


def half(data):
    return data[:len(data) // 2]


def other(data):
    return bytes(b ^ 0x5A for b in data)


class Damaged:
    """alice's file while she is stopped; put back at the end."""

    def __init__(self, alice, name, how):
        self.alice, self.path, self.how = alice, os.path.join(alice.home, name), how

    def __enter__(self):
        self.alice.stop()
        shutil.copy2(self.path, self.path + ".kept")
        with open(self.path, "rb") as f:
            data = self.how(f.read())
        with open(self.path, "wb") as f:
            f.write(data)
        return self

    def __exit__(self, *_):
        if os.path.exists(self.path + ".kept"):
            os.replace(self.path + ".kept", self.path)
        if not self.alice.process:
            self.alice.start()
            self.alice.wait_ready()

    def refused(self):
        """restanted does not start; its last words, in one line."""
        with open(self.alice.output, "rb") as f:
            before = len(f.read())
        self.alice.start()
        assert self.alice.process.wait(20) == 1
        self.alice.process = None
        with open(self.alice.output, encoding="utf-8") as f:
            text = f.read()[before:].strip()
        assert "ull pointer" not in text and "\n" not in text and ".." not in text, text
        return text


@pytest.mark.parametrize("how", [empty, half, other])
def test_the_public_key_is_made_anew(homes, how):
    alice, bob = homes
    with Damaged(alice, "secret/pub.pgp", how) as d:
        alice.start()
        alice.wait_ready()
        assert "secret/pub.pgp was damaged; it was made again" in alice.log_text()
        with open(d.path, "rb") as now, open(d.path + ".kept", "rb") as before:
            assert now.read() == before.read()
    data = compose(bob.address, alice.address, f"After {how.__name__}")
    bob.send(data, [alice.address])
    uid = alice.wait_message(data)
    with alice.imap() as box:
        check_arrived(data, box.open(uid))


@pytest.mark.parametrize("name", ["tls/ca.pem", "tls/ca.key", "tls/leaf.pem", "tls/leaf.key"])
@pytest.mark.parametrize("how", [empty, half])
def test_certificates_are_made_anew(homes, name, how):
    """Clients can connect, and who must trust another authority is told how."""
    alice, _ = homes
    with Damaged(alice, name, how) as d:
        before = alice.log_text().count("must be told of it: `restante mua")
        alice.start()
        alice.wait_ready()
        with alice.imap() as box:  # checks the certificate
            box.uids("ALL")
        told = alice.log_text().count("must be told of it: `restante mua") - before
        assert told == (1 if "/ca." in name else 0)
        os.remove(d.path + ".kept")


@pytest.mark.parametrize("name,how,words", [
    ("secret/key.pgp", empty, "is empty. It cannot be made again"),
    ("secret/key.pgp", half, "It cannot be made again"),
    ("secret/stub.key", empty, "it has 0 bytes of 32"),
    ("secret/stub.key", half, "it has 16 bytes of 32"),
    ("state.db", empty, "a new one would know of no message"),
    ("state.db", half, "is damaged"),
    ("state.db", other, "is damaged"),
])
def test_what_needs_the_backup_is_named(homes, name, how, words):
    alice, _ = homes
    with Damaged(alice, name, how) as d:
        text = d.refused()
        assert d.path in text and words in text and "backup" in text


def test_the_exported_key_is_as_good_as_the_backup(homes):
    """As the sentence about a damaged key says."""
    alice, _ = homes
    key = alice.cli("key", "export", "--secret")
    with Damaged(alice, "secret/key.pgp", empty) as d:
        assert "key export --secret" in d.refused()
        with open(d.path, "w", encoding="ascii") as f:
            f.write(key)
        alice.start()
        alice.wait_ready()
        alice.stop()
