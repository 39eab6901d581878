# SPDX-License-Identifier: GPL-3.0-or-later
"""scripts/opendht.py where the system has no OpenDHT: real apt, on an archive in a folder that is signed with a key of
the test's own."""

import gzip
import hashlib
import os
import shutil
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts"))

import opendht  # noqa: E402

CONTENT = b"what the archive holds"
pytestmark = pytest.mark.skipif(not shutil.which("apt-get"), reason="needs apt")


def digest(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """(gpg's home with a secret key, the public key's file)"""
    home = tmp_path_factory.mktemp("k")
    home.chmod(0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet"]
    subprocess.run([*gpg, "--passphrase", "", "--quick-gen-key", "archive@example", "rsa2048", "sign", "never"],
                   check=True, stderr=subprocess.DEVNULL)
    public = home / "public.gpg"
    public.write_bytes(subprocess.run([*gpg, "--export"], check=True, stdout=subprocess.PIPE).stdout)
    yield gpg, str(public)
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)


class Archive:
    """One that has OpenDHT's source in testing; apt here knows it, and no other, as the system's own."""

    def __init__(self, folder, keys, monkeypatch):
        self.folder, self.gpg = folder, keys[0]
        self.pool = folder / "repo" / "pool" / opendht.ARCHIVE
        self.pool.parent.mkdir(parents=True)
        self.pool.write_bytes(CONTENT)
        config = folder / "apt.conf"
        config.write_text(f'Dir::Etc::SourceList "{folder}/sources.list";\nDir::Etc::SourceParts "/dev/null";\n'
                          f'Dir::State::Lists "{folder}/lists";\nAPT::Sandbox::User "root";\n')
        (folder / "lists" / "partial").mkdir(parents=True)
        (folder / "sources.list").write_text(f"deb file:{folder}/repo {opendht.release()[2]} main\n")
        for name, value in (("APT_CONFIG", config), ("RESTANTE_CACHE", folder / "cache"), ("TMPDIR", folder),
                            ("PKG_CONFIG_LIBDIR", "/nonexistent")):
            monkeypatch.setenv(name, str(value))
        monkeypatch.setattr(opendht, "KEYS", [keys[1]])
        monkeypatch.setattr(opendht, "SHA256", digest(CONTENT))
        self.index(digest(CONTENT))

    def index(self, named, sign=True):
        """Its source index names this hash for the archive."""
        dist = self.folder / "repo" / "dists" / "testing"
        sources = (f"Package: opendht\nBinary: libopendht-dev\nVersion: {opendht.VERSION}-1\nArchitecture: any\n"
                   f"Directory: pool\nFormat: 3.0 (quilt)\nChecksums-Sha256:\n {named} {len(CONTENT)} {opendht.ARCHIVE}\n"
                   f" {digest(b'')} 0 opendht_{opendht.VERSION}-1.dsc\n\n").encode()
        packed = gzip.compress(sources)
        path = dist / "main" / "source" / "Sources.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(packed)
        (dist / "Release").write_text(
            "Origin: Debian\nSuite: testing\nCodename: testing\nComponents: main\nDate: Mon, 30 Nov 2026 00:00:00 UTC\n"
            f"SHA256:\n {digest(packed)} {len(packed)} main/source/Sources.gz\n"
            f" {digest(sources)} {len(sources)} main/source/Sources\n")
        if sign:
            subprocess.run([*self.gpg, "--yes", "--clearsign", "-o", str(dist / "InRelease"), str(dist / "Release")],
                           check=True)
        else:
            (dist / "InRelease").unlink()


@pytest.fixture
def archive(tmp_path, keys, monkeypatch):
    return Archive(tmp_path, keys, monkeypatch)


def test_the_archive_that_was_tested_is_taken(archive):
    assert opendht.mirrors() == [f"file:{archive.folder}/repo/"]
    path = opendht.fetch()
    with open(path, "rb") as f:
        assert f.read() == CONTENT
    archive.pool.unlink()
    assert opendht.fetch() == path  # once is enough


def refused(reason):
    with pytest.raises(opendht.Missing, match=reason):
        opendht.fetch()
    assert not os.path.exists(os.path.join(opendht.cache_folder(), opendht.ARCHIVE))


def test_an_unsigned_index_is_refused(archive):
    archive.index(digest(CONTENT), sign=False)
    refused("cannot read the index of testing .*not signed")


def test_another_archive_in_the_index_is_refused(archive):
    archive.index(digest(b"another"))
    refused("does not name the .* that Restante was tested with")


def test_another_file_in_the_archive_is_refused(archive):
    archive.pool.write_bytes(CONTENT[::-1])
    refused("cannot download")


def test_a_file_that_was_cut_off_is_got_again(archive):
    path = opendht.fetch()
    with open(path, "wb") as f:
        f.write(CONTENT[:5])
    assert opendht.fetch() == path and opendht.sha256(path) == digest(CONTENT)


def said(*arguments):
    done = subprocess.run([os.path.join(ROOT, "scripts", "opendht.py"), *arguments], capture_output=True, text=True)
    assert done.returncode == 1 and not done.stdout and "Traceback" not in done.stderr
    return done.stderr


def test_without_any_archive_one_sentence_names_the_ways_out(archive):
    (archive.folder / "sources.list").write_text("")
    text = said("ready").splitlines()[-1]
    assert text.startswith("OpenDHT is missing: apt here knows no Debian archive. Install libopendht-dev")
    assert "make OPENDHT=PATH" in text
    assert "`make`, which gets it, was not said yet" in said("find")


@pytest.mark.parametrize("given, reason", [("nowhere", "there is no"), (".", "no source of OpenDHT"),
                                           ("sources.list", "no archive that tar can read")])
def test_what_is_given_must_be_one(archive, given, reason):
    assert reason in said("find", str(archive.folder / given))


def test_an_installed_one_that_is_given_is_taken(archive):
    for path in ("include/opendht.h", "lib/libopendht.a"):
        (archive.folder / path).parent.mkdir()
        (archive.folder / path).touch()
    assert opendht.find(str(archive.folder)) == (f"{archive.folder}/include", f"{archive.folder}/lib/libopendht.a")
