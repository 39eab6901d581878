# SPDX-License-Identifier: GPL-3.0-or-later
"""Fresh computers of one release on which somebody builds Restante from a clone, as README says. What has to be
downloaded (packages, and OpenDHT's source where the release has none) comes over this machine's network; all
else happens in a network of the computer's own."""

import os
import shutil
import subprocess
import tempfile

import debian
from host import Host

USER = "anna"  # may use sudo
HOUR = 3600  # seconds
PRODUCT = ("src", "dhtd", "mimed", "plugin", "contrib", "doc", "scripts", "packages.txt", "meson.build",
           "meson_options.txt", "Makefile")
STAGES = ("run", "build", "test")


def layers(suite):
    """A fresh computer with git and make, and nothing else for Restante."""
    return [debian.root(suite, ("git",))]


def put_clone(host, path):
    """A clean clone of the last commit, before the boot, with the corpus if this one has it."""
    target = os.path.join(host.folder, "upper", path)
    subprocess.run(["git", "clone", "-q", "--no-hardlinks", debian.ROOT, target], check=True)
    corpus = os.path.join(debian.ROOT, ".corpus")
    if os.path.exists(os.path.join(corpus, "complete")):
        shutil.copytree(corpus, os.path.join(target, ".corpus"))


def boot(host):
    host.boot()
    if host.run("id", "-u", USER, check=False).returncode:
        host.add_user(USER)
        host.run("sh", "-c", f"echo '{USER} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/{USER}")
    host.users[USER] = int(host.run("id", "-u", USER).stdout)
    host.run("sh", "-c", f"cd /home/{USER} && chown -R {USER}: .")


def ready(suite):
    """The layers of a computer on which the packages of README's commands were installed and OpenDHT was built, by
    an ordinary user with sudo."""
    def make(path):
        os.makedirs(path + ".host")
        host = Host(path + ".host", suite, layers(suite), {})
        try:
            put_clone(host, f"home/{USER}/restante")
            boot(host)
            with host.outside():
                print(host.as_user(USER, f"cd restante && sh scripts/install-packages {' '.join(STAGES)} && "
                                   "/usr/bin/python3 scripts/opendht.py ready", timeout=HOUR).stdout)
            host.run("sh", "-c", f"rm -rf /home/{USER}/restante; : >/etc/machine-id; sync")
        finally:
            host.close(keep=path)

    with open(os.path.join(debian.ROOT, "packages.txt"), encoding="utf-8") as f:
        key = sorted(line.split()[1] for line in f if line.split()[0] in (*STAGES, "opendht"))
    with open(os.path.join(debian.ROOT, "scripts", "opendht.py"), encoding="utf-8") as f:
        key.append(f.read())
    return [debian.cached(f"{suite}-ready", key, make), *layers(suite)]


def computer(folder, suite, fresh=False):
    """A booted computer with a clone in the user's home; fresh: without any package of Restante's."""
    name = suite
    host = Host(tempfile.mkdtemp(prefix=name, dir=folder), name, layers(suite) if fresh else ready(suite), {})
    try:
        put_clone(host, f"home/{USER}/restante")
        boot(host)
    except BaseException:
        host.close()
        raise
    return host


def tree(folder, suite):
    """What `make install` installs on this release, of the last commit's sources, below a folder that is kept."""
    def make(path):
        host = computer(folder, suite)
        try:
            host.as_user(USER, "cd restante && make -s install DESTDIR=$HOME/tree", timeout=HOUR)
            subprocess.run(["cp", "-a", os.path.join(host.folder, f"upper/home/{USER}/tree"), path], check=True)
        finally:
            host.close()

    sources = subprocess.run(["git", "ls-tree", "HEAD", *PRODUCT], cwd=debian.ROOT, check=True, stdout=subprocess.PIPE,
                             text=True).stdout
    return debian.cached(f"{suite}-tree", [sources], make)
