# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian packages for the tests: ours, as `make deb` builds them, and Dovecot's, under other versions. And a Debian
that has nothing of either installed, but all that they need in its apt's cache: the computers have no network."""

import glob
import os
import re
import shutil
import subprocess

import debian

ARCHIVES = "var/cache/apt/archives"
DOVECOT = ("dovecot-core", "dovecot-imapd", "dovecot-submissiond")
MORE = {"bookworm": (), "trixie": ("dovecot-sieve",)}  # of one version with these


def built(name, where="RESTANTE_PACKAGES"):
    """The path of our package of this name in the folder that this variable names; None when it is not there."""
    found = glob.glob(os.path.join(os.environ.get(where, "/nonexistent"), f"{name}_*.deb"))
    return found[0] if len(found) == 1 else None


def field(deb, name):
    return subprocess.run(["dpkg-deb", "-f", deb, name], check=True, capture_output=True, text=True).stdout.strip()


def versions(root, package):
    """All that apt in this root knows, the newest first."""
    said = subprocess.run(["chroot", root, "apt-cache", "madison", package], check=True, capture_output=True,
                          text=True).stdout
    return [line.split("|")[1].strip() for line in said.splitlines() if "Sources" not in line]


def oldest(root):
    """The revision that the release began with; the newest is its last security update."""
    return versions(root, DOVECOT[0])[-1]


def make(path, suite, packages):
    debian.make(path, suite, ())
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive", LC_ALL="C")
    for deb in packages:
        shutil.copy(deb, os.path.join(path, "tmp"))
    get = ["chroot", path, "apt-get", "-qq", "-y", "--no-install-recommends", "--download-only",
           "-o", "Binary::apt-get::APT::Keep-Downloaded-Packages=true", "install"]
    ours = ["/tmp/" + os.path.basename(deb) for deb in packages]
    for wanted in (ours, [f"{name}={oldest(path)}" for name in (*DOVECOT, *MORE[suite])]):
        subprocess.run([*get, *wanted], check=True, env=env, stdout=subprocess.DEVNULL)
    for deb in packages:
        os.remove(os.path.join(path, "tmp", os.path.basename(deb)))


def suite_of(deb):
    """The release that `make deb` built it for."""
    return {"12": "bookworm", "13": "trixie"}[re.search(r"~deb(\d+)u", field(deb, "Version"))[1]]


def root(packages):
    """The path of such a root, of the release that they were built for, for these packages of ours."""
    suite = suite_of(packages[0])
    key = [re.sub(r"\s+", " ", field(deb, "Depends")) for deb in packages]
    return debian.cached(f"offline-{suite}", key, lambda path: make(path, suite, packages))


def dovecot(packages):
    """Dovecot's packages that are updated together, on the release of these packages of ours."""
    return (*DOVECOT, *MORE[suite_of(packages[0])])


def cached_deb(root_path, name, version):
    escaped = version.replace(":", "%3a")
    return os.path.join(root_path, ARCHIVES, f"{name}_{escaped}_amd64.deb")


def repack(deb, folder, version, change=None):
    """The package under another version; change(path) may do something to the files below path. Its dependencies on
    packages of its own version follow."""
    old = field(deb, "Version")
    tree = os.path.join(folder, "tree")
    subprocess.run(["dpkg-deb", "-R", deb, tree], check=True)
    control = os.path.join(tree, "DEBIAN", "control")
    with open(control, encoding="utf-8") as f:
        text = f.read().replace(f"Version: {old}\n", f"Version: {version}\n").replace(f"(= {old})", f"(= {version})")
    with open(control, "w", encoding="utf-8") as f:
        f.write(text)
    if change:
        change(tree)
    name = f"{field(deb, 'Package')}_{version.split(':')[-1]}_{field(deb, 'Architecture')}.deb"
    made = os.path.join(folder, name)
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "-b", tree, made], check=True,
                   stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)
    return made
