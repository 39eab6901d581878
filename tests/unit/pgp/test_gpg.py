#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interoperation with GnuPG, both ways: what Restante seals, gpg opens, and the other way round.

usage: test_gpg.py PGP_TOOL      (Meson runs it; 77 means that there is no gpg)
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

TOOL = None
TEXT = b"Subject: a test\r\n\r\n" + b"A line of text, as many lines as a short message has.\r\n" * 200


class Gpg:
    """A GnuPG of its own folder."""

    def __init__(self, home):
        self.home = home
        os.mkdir(home, 0o700)

    def __call__(self, *args, data=None, check=True):
        done = subprocess.run(
            ["gpg", "--homedir", self.home, "--batch", "--no-tty", "--yes", "--trust-model", "always",
             "--passphrase", "", "--pinentry-mode", "loopback", "--status-fd", "2", *args],
            input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if check and done.returncode != 0:
            raise AssertionError(done.stderr.decode(errors="replace"))
        return done

    def fingerprint(self, who):
        listing = self("--with-colons", "--list-keys", who).stdout.decode()
        return next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:"))

    def close(self):
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "all"], check=False)


def tool(*args, check=True):
    done = subprocess.run([TOOL, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if check and done.returncode != 0:
        raise AssertionError(done.stderr.decode(errors="replace"))
    return done


class Interoperation(unittest.TestCase):
    """alice and bob have keys made by Restante, gina and gus by gpg."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="pgp-", dir="/tmp")
        os.chdir(cls.folder)
        cls.gpg = Gpg(os.path.join(cls.folder, "gnupg"))
        with open("m", "wb") as f:
            f.write(TEXT)
        for name in ("alice", "bob"):
            tool("generate", f"{name}@demo", f"{name}.sec", f"{name}.pub")
            cls.gpg("--import", f"{name}.sec")
        for name in ("gina", "gus"):
            user = f"<{name}@demo>"
            cls.gpg("--quick-generate-key", user, "ed25519", "sign,cert", "never")
            cls.gpg("--quick-add-key", cls.gpg.fingerprint(f"{name}@demo"), "cv25519", "encr", "never")
            cls.gpg("-o", f"{name}.sec", "--export-secret-keys", f"{name}@demo")
            cls.gpg("-o", f"{name}.pub", "--export-options", "export-minimal", "--export",
                    f"{name}@demo")

    @classmethod
    def tearDownClass(cls):
        cls.gpg.close()
        os.chdir("/")
        shutil.rmtree(cls.folder, ignore_errors=True)

    def read(self, name):
        with open(name, "rb") as f:
            return f.read()

    def write(self, name, data):
        with open(name, "wb") as f:
            f.write(data)

    def test_fingerprints_agree(self):
        for name in ("alice", "bob", "gina", "gus"):
            ours = tool("check", f"{name}.pub", f"{name}@demo").stdout.decode().strip()
            self.assertEqual(ours.upper(), self.gpg.fingerprint(f"{name}@demo"))

    def test_minimal_public_key(self):
        tool("public", "gina.sec", "gina.min")
        self.assertLess(len(self.read("gina.min")), 600)
        self.assertEqual(tool("check", "gina.min", "gina@demo").stdout,
                         tool("check", "gina.pub", "gina@demo").stdout)
        self.assertLess(len(self.read("alice.pub")), 600)

    def seal(self, mode, sender, blob, *receivers):
        tool("seal", f"{sender}.sec", mode, "m", blob, *(f"{r}.pub" for r in receivers))

    def opened_by_gpg(self, data, receiver, signer):
        """Decrypted with this receiver's secret key alone."""
        alone = Gpg(tempfile.mkdtemp(dir=self.folder) + "/g")
        try:
            alone("--import", f"{receiver}.sec")
            alone("--import", f"{signer}.pub")
            done = alone("--decrypt", data=data)
        finally:
            alone.close()
        status = done.stderr.decode(errors="replace")
        self.assertIn(f"VALIDSIG {self.gpg.fingerprint(signer + '@demo')}", status)
        self.assertIn("DECRYPTION_OKAY", status)
        return done.stdout

    def test_gpg_opens_what_we_seal(self):
        for mode in ("cfb", "ocb"):
            for sender in ("alice", "gina"):
                blob = f"{mode}-{sender}"
                self.seal(mode, sender, blob, "bob", "gus")
                for i, receiver in enumerate(("bob", "gus")):
                    with self.subTest(mode=mode, sender=sender, receiver=receiver):
                        data = self.read(f"{blob}.{i}") + self.read(blob)
                        self.assertEqual(self.opened_by_gpg(data, receiver, sender), TEXT)

    def test_gpg_notices_a_change(self):
        for mode in ("cfb", "ocb"):
            self.seal(mode, "alice", "changed", "bob")
            data = bytearray(self.read("changed.0") + self.read("changed"))
            data[-30] ^= 1
            self.assertNotEqual(self.gpg("--decrypt", data=bytes(data), check=False).returncode, 0)

    def gpg_message(self, signer, *args):
        self.gpg("-o", "gm", "--local-user", f"{signer}@demo", "--sign", "--encrypt", *args,
                 "-r", "bob@demo", "-r", "gus@demo", "m")
        tool("split", "gm", "gblob")

    def test_we_open_what_gpg_seals(self):
        for args in ((), ("--compress-algo", "none"), ("--compress-algo", "zip"),
                     ("--rfc4880", "--cipher-algo", "AES256", "--digest-algo", "SHA256")):
            for signer in ("gina", "alice"):
                self.gpg_message(signer, *args)
                for i, receiver in enumerate(("bob", "gus")):
                    with self.subTest(args=args, signer=signer, receiver=receiver):
                        tool("unseal", f"{receiver}.sec", f"{signer}.pub", f"gblob.{i}", "gblob",
                             "out")
                        self.assertEqual(self.read("out"), TEXT)

    def refused(self, because, *args):
        done = tool("unseal", *args, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(because, done.stderr.decode())

    def test_we_refuse_what_gpg_would_not_call_signed(self):
        self.gpg_message("gina")
        self.refused("another key", "bob.sec", "alice.pub", "gblob.0", "gblob", "out")
        self.refused("not encrypted to our key", "bob.sec", "gina.pub", "gblob.1", "gblob", "out")
        self.gpg("-o", "gm", "--encrypt", "-r", "bob@demo", "m")
        tool("split", "gm", "gblob")
        self.refused("exactly one signature", "bob.sec", "gina.pub", "gblob.0", "gblob", "out")
        self.gpg("-o", "gm", "-u", "gina@demo", "-u", "gus@demo", "-se", "-r", "bob@demo", "m")
        tool("split", "gm", "gblob")
        self.refused("signature", "bob.sec", "gina.pub", "gblob.0", "gblob", "out")

    def test_unprotected_encryption_is_refused(self):
        self.gpg("-o", "gm", "--rfc2440", "--cipher-algo", "CAST5", "-u", "gina@demo", "-se", "-r",
                 "bob@demo", "m")
        tool("split", "gm", "gblob")
        self.assertIn(self.read("gblob")[0] & 0x7f, (0x40 | 9, 9 << 2, 9 << 2 | 1, 9 << 2 | 2))
        self.refused("protects its integrity", "bob.sec", "gina.pub", "gblob.0", "gblob", "out")

    def test_detached_signatures(self):
        for name in ("alice", "gina"):
            tool("sign", f"{name}.sec", "m", "m.sig")
            self.assertIn(b"GOODSIG", self.gpg("--verify", "m.sig", "m").stderr)
            self.gpg("-o", "m.sig", "-u", f"{name}@demo", "--detach-sign", "m")
            tool("verify", f"{name}.pub", "m", "m.sig")
            self.assertEqual(tool("verify", "bob.pub", "m", "m.sig", check=False).returncode, 1)

    def test_records(self):
        for name in ("bob", "gus"):
            tool("encrypt", f"{name}.pub", "m", "m.enc")
            self.assertEqual(self.gpg("--decrypt", "m.enc").stdout, TEXT)
            self.gpg("-o", "m.enc", "--encrypt", "-r", f"{name}@demo", "m")
            tool("decrypt", f"{name}.sec", "m.enc", "out")
            self.assertEqual(self.read("out"), TEXT)

    def test_keys_that_are_refused(self):
        self.gpg("--quick-generate-key", "<ed@demo>", "ed25519", "sign,cert", "never")
        self.gpg("-o", "ed.pub", "--export", "ed@demo")
        done = tool("check", "ed.pub", "ed@demo", check=False)
        self.assertIn("no valid subkey for encryption", done.stderr.decode())
        self.gpg("--quick-generate-key", "<dsa@demo>", "dsa2048", "sign,cert", "never")
        self.gpg("-o", "dsa.pub", "--export", "dsa@demo")
        done = tool("check", "dsa.pub", "dsa@demo", check=False)
        self.assertIn("algorithm is not accepted", done.stderr.decode())
        self.gpg("--faked-system-time", "20200101T000000", "--quick-generate-key", "<old@demo>",
                 "ed25519", "sign,cert", "1y")
        self.gpg("-o", "old.pub", "--export", "old@demo")
        done = tool("check", "old.pub", "old@demo", check=False)
        self.assertIn("expired", done.stderr.decode())

    def test_revoked_key_is_refused(self):
        self.gpg("--quick-generate-key", "<rev@demo>", "ed25519", "sign,cert", "never")
        fpr = self.gpg.fingerprint("rev@demo")
        self.gpg("--quick-add-key", fpr, "cv25519", "encr", "never")
        self.gpg("-o", "rev.pub", "--export", "rev@demo")
        tool("check", "rev.pub", "rev@demo")
        path = os.path.join(self.gpg.home, "openpgp-revocs.d", fpr + ".rev")
        self.gpg("--import", data=self.read(path).replace(b":-----BEGIN", b"-----BEGIN"))
        self.gpg("-o", "rev.pub", "--export", "rev@demo")
        done = tool("check", "rev.pub", "rev@demo", check=False)
        self.assertIn("revoked", done.stderr.decode())

    def test_passphrase_is_refused(self):
        self.gpg("--passphrase", "secret", "--quick-generate-key", "<pw@demo>", "ed25519",
                 "sign,cert", "never")
        self.gpg("--passphrase", "secret", "-o", "pw.sec", "--export-secret-keys", "pw@demo")
        done = tool("public", "pw.sec", "pw.pub", check=False)
        self.assertIn("passphrase", done.stderr.decode())


if __name__ == "__main__":
    TOOL = os.path.abspath(sys.argv.pop(1))
    if not shutil.which("gpg"):
        sys.exit(77)
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(Interoperation)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    bad = len(result.failures) + len(result.errors)
    print(f"[  PASSED  ] {result.testsRun - bad} test(s).")
    if bad:
        print(f"[  FAILED  ] {bad} test(s).")
    sys.exit(bool(bad))
