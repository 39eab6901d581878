# SPDX-License-Identifier: GPL-3.0-or-later
"""`restante key import`: an address keeps its key in a new home; what is refused changes nothing."""

import os
import subprocess

from env import Network
from test_cli import INIT, home, ok, refused  # noqa: F401
from test_restore import read, send


def export(home, folder):  # noqa: F811
    path = os.path.join(folder, "key.asc")
    with open(path, "w", encoding="ascii") as f:
        f.write(ok("--home", home, "key", "export", "--secret"))
    return path


def keys(home):  # noqa: F811
    return [open(os.path.join(home, "secret", n), "rb").read() for n in ("key.pgp", "pub.pgp")]


def test_who_lost_the_home_but_not_the_key_goes_on(folder):
    """Bob, who has pinned alice's key, goes on reading her mail and writing to her."""
    with Network(nodes=4) as net:
        alice, bob = net.peer("alice@demo"), net.peer("bob@demo")
        read(bob, send(alice, bob, "Before"))
        read(alice, send(bob, alice, "So that the key is pinned"))
        bob.wait_idle()
        fingerprint = alice.cli("key", "fingerprint")
        key = export(alice.home, folder)
        alice.stop()
        os.rename(alice.home, alice.home + ".lost")
        alice.init()
        assert alice.cli("key", "fingerprint") != fingerprint
        alice.cli("key", "import", key)
        assert alice.cli("key", "fingerprint") == fingerprint
        alice.start()
        alice.wait_ready(60)
        read(alice, send(bob, alice, "To the new home"))
        read(bob, send(alice, bob, "From the new home"))
        assert b"not the one" not in bob.cli("contacts").encode()


def test_armored_or_not_and_a_new_revocation(folder, home):  # noqa: F811
    other = os.path.join(folder, "o")
    ok("--home", other, "init", "alice@demo", *INIT)
    before = open(os.path.join(other, "secret", "revocation"), "rb").read()
    ok("--home", other, "key", "import", export(home, folder))
    assert keys(other)[1] == keys(home)[1]
    assert open(os.path.join(other, "secret", "revocation"), "rb").read() != before
    assert ok("--home", other, "key", "export") == ok("--home", home, "key", "export")
    ok("--home", other, "key", "import", os.path.join(home, "secret", "key.pgp"))


def test_what_is_no_key_of_this_address_changes_nothing(folder, home):  # noqa: F811
    other, public = os.path.join(folder, "o"), os.path.join(folder, "public.asc")
    ok("--home", other, "init", "mallory@demo", *INIT)
    with open(public, "w", encoding="ascii") as f:
        f.write(ok("--home", home, "key", "export"))
    nonsense = os.path.join(folder, "nonsense")
    with open(nonsense, "wb") as f:
        f.write(os.urandom(500))
    empty = os.path.join(folder, "empty")
    with open(empty, "wb"):
        pass
    before = keys(home)
    assert "The secret key is empty" in refused(1, "--home", home, "key", "import", empty)
    for path in (export(other, folder), public, nonsense, os.path.join(folder, "missing")):
        refused(1, "--home", home, "key", "import", path)
        assert keys(home) == before


def test_a_key_with_a_passphrase_is_named_so(folder, home):  # noqa: F811
    gnupg = os.path.join(folder, "g")
    os.mkdir(gnupg, 0o700)
    gpg = ["gpg", "--homedir", gnupg, "--batch", "--pinentry-mode", "loopback", "--passphrase", "x"]
    subprocess.run([*gpg, "--quick-gen-key", "alice@demo", "ed25519", "sign,cert", "never"],
                   check=True, capture_output=True, timeout=60)
    secret = subprocess.run([*gpg, "--export-secret-keys"], check=True, capture_output=True,
                            timeout=60).stdout
    path = os.path.join(folder, "k")
    with open(path, "wb") as f:
        f.write(secret)
    subprocess.run(["gpgconf", "--homedir", gnupg, "--kill", "gpg-agent"], check=False, timeout=60)
    assert "passphrase" in refused(1, "--home", home, "key", "import", path)


def test_a_peer_that_has_run_keeps_its_key(folder, alice):
    key = export(alice.home, folder)
    assert "is running" in refused(1, "--home", alice.home, "key", "import", key)
    alice.stop()
    before = keys(alice.home)
    assert "has run with the key it has" in refused(1, "--home", alice.home, "key", "import", key)
    assert keys(alice.home) == before
    alice.start()
    alice.wait_ready()
