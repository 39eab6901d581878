# SPDX-License-Identifier: GPL-3.0-or-later
"""What travels is OpenPGP: gpg, with bob's exported key, reads a notification out of the DHT,
decrypts its session-key packet and the blob as one message and verifies alice's signature (P-1.1,
P-2.2, P-2.3, P-2.4, P-5.2 to P-5.5)."""

import hashlib
import os
import shutil
import subprocess
import tempfile
import urllib.request

import cbor2
import pytest

from env import wait_for
from env.dhtclient import DhtClient
from env.mail import compose, picture


@pytest.fixture
def gpg():
    """Runs gpg with a key ring of its own: gpg(arguments, input) -> (output, status lines)."""
    home = tempfile.mkdtemp(prefix="g", dir="/tmp")

    def run(*arguments, data=b""):
        done = subprocess.run(["gpg", "--homedir", home, "--batch", "--no-tty", "--status-fd", "2",
                               "--trust-model", "always", *arguments],
                              input=data, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout, done.stderr.decode()

    yield run
    subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)
    shutil.rmtree(home, ignore_errors=True)


def test_gpg_reads_a_message(net, alice, bob, gpg):
    gpg("--import", data=bob.cli("key", "export", "--secret").encode())
    gpg("--import", data=alice.cli("key", "export").encode())
    data = compose(alice.address, bob.address, "For two programs", attachment=picture(70_000))
    alice.send(data, [bob.address])
    bob.wait_message(data)
    wait_for(lambda: alice.outbox_of(data)["state"] == "published", 10, "the blob")
    found = None
    with DhtClient(net.nodes[-1].socket) as dht:
        for _, _, _, value in dht.get("ns:" + bob.address):
            plain, _ = gpg("--decrypt", data=value)
            payload, _signature = cbor2.loads(plain)
            kind, network, key, body = cbor2.loads(payload)
            assert (kind, network, key) == ("restante/ns/1", net.id, "ns:" + bob.address)
            if body[6][0][0].hex() == alice.outbox_of(data)["hash"]:
                found = body
    assert found, "no notification of this message"
    assert (found[2], found[3]) == (alice.address, bob.address)
    digest, size = found[6][0]
    url = f"http://127.0.0.1:{alice.http_port}/outbox/{digest.hex()}"
    with urllib.request.urlopen(url) as answer:
        blob = answer.read()
    with urllib.request.urlopen(url + "/chunks") as answer:
        assert answer.read() == digest, "the list of one chunk"
    assert len(blob) == size and hashlib.sha256(blob).digest() == digest
    message, status = gpg("--decrypt", data=found[7] + blob)
    assert f"VALIDSIG {alice.cli('key', 'fingerprint').split()[-1].replace(' ', '')}" in status
    assert message == data
    assert (hashlib.sha256(message).digest(), len(message)) == (found[8], found[9])
    assert bob.stub_of(data)["state"] == "stub", "reading along changes nothing"
    with bob.imap() as box:
        box.open(bob.find(data)[0])
    alice.wait_idle()


def test_export_says_what_it_exports(alice):
    assert "BEGIN PGP PUBLIC KEY BLOCK" in alice.cli("key", "export")
    done = alice.run_cli("key", "export", "--secret")
    assert "BEGIN PGP PRIVATE KEY BLOCK" in done.stdout and done.stderr
    assert oct(os.stat(os.path.join(alice.home, "secret")).st_mode & 0o777) == "0o700"
