#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds Debian packages of this tree, for the Debian this machine runs, in a root of their own.

usage: deb.py [--output DIR] [--commit COMMIT] [--no-lintian]

A fresh Debian with nothing but the packages that debian/control asks for is made once, by debootstrap from the
archive that apt here uses, and kept ($RESTANTE_CACHE, or restante below the user's cache folder). Each build sees
it through an overlay that is thrown away, has no network, and runs as an ordinary user. The packages come into this
folder (or DIR), the source package and the build's log below build/deb. Making the root needs root: sudo is asked.
"""

import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "root"))

import debian  # noqa: E402
import opendht  # noqa: E402

TOOLS = ("debhelper", "dpkg-dev", "lintian", "fakeroot")
MADE = "1"  # another number when make_root() makes another root
USER = 1000  # who builds

# Arguments: the folder with lower, upper, work and root; then the command, run in there without a network.
BUILD = r"""
set -eu
cd "$1"
mount --make-rprivate /
mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work root
mount -t proc proc root/proc
mount -t tmpfs -o mode=755 tmpfs root/dev
for name in null zero full random urandom tty; do
    touch root/dev/$name
    mount --bind /dev/$name root/dev/$name
done
mkdir root/dev/shm
mount -t tmpfs -o mode=1777 tmpfs root/dev/shm
ln -s /proc/self/fd root/dev/fd
ip link set lo up
shift
exec chroot root setpriv --reuid=USER --regid=USER --clear-groups --no-new-privs env -i HOME=/build \
    PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"
""".replace("USER", str(USER))


def run(command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT, **more).stdout


def codename():
    with open("/etc/os-release", encoding="utf-8") as f:
        named = re.search(r"^VERSION_CODENAME=(\w+)", f.read(), re.M)
    if not named or not shutil.which("dpkg"):
        sys.exit("`make deb` builds for the Debian that it runs on, and this is none.")
    return named[1]


def release():
    with open("/etc/debian_version", encoding="utf-8") as f:
        return f.read().split(".")[0].strip()


GIT = ["git", "-c", "safe.directory=*"]


class Source:
    """What is packed: this folder as it is, or a commit of it."""

    def __init__(self, commit, folder):
        self.root, self.commit = ROOT, commit
        if commit:
            self.root = os.path.join(folder, "commit")
            os.mkdir(self.root)
            packed = subprocess.run([*GIT, "archive", commit], check=True, stdout=subprocess.PIPE, cwd=ROOT).stdout
            subprocess.run(["tar", "-x", "-C", self.root], check=True, input=packed)
        with open(os.path.join(self.root, "meson.build"), encoding="utf-8") as f:
            self.plain = re.search(r"version: '([^']+)'", f.read())[1]
        self.version, self.seconds = self._version()

    def _version(self):
        """(upstream's version, seconds since 1970). What is no release carries its commit's time, or, with changes
        that are in no commit, the time of now, so that a later package is newer for apt."""
        if not os.path.exists(os.path.join(ROOT, ".git")):
            return self.plain, int(os.stat(os.path.join(ROOT, "meson.build")).st_mtime)
        commit = self.commit or "HEAD"
        changed = not self.commit and run([*GIT, "status", "--porcelain", "--untracked-files=no"]).strip()
        seconds = int(time.time()) if changed else int(run([*GIT, "log", "-1", "--format=%ct", commit]))
        if not changed and f"v{self.plain}" in run([*GIT, "tag", "--points-at", commit]).split():
            return self.plain, seconds
        return self.plain + time.strftime("+git%Y%m%d%H%M%S", time.gmtime(seconds)), seconds

    def files(self):
        """Everything that git knows here; without git, everything but what a build makes."""
        if not self.commit and os.path.exists(os.path.join(ROOT, ".git")):
            named = run([*GIT, "ls-files", "-z"]).split("\0")
            return sorted(n for n in named if n and os.path.lexists(os.path.join(ROOT, n)))
        found = []
        for folder, folders, names in os.walk(self.root):
            folders[:] = [f for f in folders if self.commit or not f.startswith(("build", ".", "__pycache__"))]
            found += [os.path.relpath(os.path.join(folder, n), self.root) for n in names if not n.endswith(".deb")]
        return sorted(found)


def pack(path, top, source, names):
    def plain(info):
        info.uid = info.gid = 0
        info.uname = info.gname = "root"
        info.mtime = source.seconds
        return info

    with tarfile.open(path, "w:xz") as out:
        for name in names:
            out.add(os.path.join(source.root, name), f"{top}/{name}", recursive=False, filter=plain)


def make_root(path, suite, source):
    """A fresh Debian with what debian/control asks for."""
    rows = debian.archives(suite)
    mirror = next(r[0] for r in rows if r[1] == suite)
    store = os.path.join(debian.cache_folder(), f"packages-{suite}")
    os.makedirs(store, exist_ok=True)
    log = path + ".log"
    with open(log, "w", encoding="utf-8") as out:
        def do(*command):
            env = dict(os.environ, DEBIAN_FRONTEND="noninteractive", LC_ALL="C")
            if subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, env=env).returncode:
                sys.exit(f"`{' '.join(command)}` failed; see {log}")

        do("debootstrap", "--variant=buildd", f"--cache-dir={store}", suite, path, mirror)
        with open(os.path.join(path, "etc/apt/sources.list"), "w", encoding="utf-8") as f:
            f.writelines(f"deb {uri} {name} {part}\n" for uri, name, part in rows)
        with open(os.path.join(path, "etc/apt/apt.conf.d/90machine"), "w", encoding="utf-8") as f:
            f.write(debian.settings())
        for given in ("/etc/resolv.conf", "/etc/hosts"):
            shutil.copyfile(given, path + given)
        with open(os.path.join(path, "usr/sbin/policy-rc.d"), "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\nexit 101\n")
        os.chmod(os.path.join(path, "usr/sbin/policy-rc.d"), 0o755)
        os.makedirs(os.path.join(path, "build/wanted/debian"))
        for name in ("control", "changelog"):
            shutil.copy(os.path.join(source, "debian", name), os.path.join(path, "build/wanted/debian"))
        for deb in glob.glob(os.path.join(store, "*.deb")):
            shutil.copy(deb, os.path.join(path, "var/cache/apt/archives"))
        do("chroot", path, "apt-get", "-qq", "update")
        do("chroot", path, "apt-get", "-qq", "-y", "dist-upgrade")
        get = ("chroot", path, "apt-get", "-qq", "-y", "--no-install-recommends",
               "-o", "Binary::apt-get::APT::Keep-Downloaded-Packages=true")
        do(*get, "install", *TOOLS)
        do(*get, "build-dep", "/build/wanted")
        for deb in glob.glob(os.path.join(path, "var/cache/apt/archives/*.deb")):
            shutil.move(deb, os.path.join(store, os.path.basename(deb)))
        do("chroot", path, "useradd", "--uid", str(USER), "--home-dir", "/build", "builder")
    os.remove(log)


def build_root(suite, source):
    with open(os.path.join(source, "debian", "control"), encoding="utf-8") as f:
        wanted = f.read().split("\n\n")[0]
    key = [MADE, *TOOLS, wanted]
    return debian.cached(f"build-{suite}", key, lambda path: make_root(path, suite, source))


def bring_opendht(there, top, upstream):
    """Where the release has no libopendht-dev: the archive of OpenDHT's source as one of this source package's, and
    what Built-Using says of it; "" elsewhere."""
    if opendht.from_system() or run(["apt-cache", "madison", "libopendht-dev"]).strip():
        return ""
    try:
        archive, source = opendht.fetch(), opendht.debian_source()
    except opendht.Missing as why:
        sys.exit(f"OpenDHT is missing: {why}. Its archive goes into {opendht.cache_folder()}/{opendht.ARCHIVE}.")
    shutil.copy(archive, os.path.join(there, f"restante_{upstream}.orig-opendht.tar.gz"))
    os.mkdir(os.path.join(there, top, "opendht"))
    run(["tar", "-xf", archive, "-C", os.path.join(there, top, "opendht"), "--strip-components=1"])
    return source


def prepare(source, folder, suite):
    """The source package's folder and archives below folder/upper/build; returns its name."""
    upstream = source.version
    there = os.path.join(folder, "upper", "build")
    top = f"restante-{upstream}"
    names = source.files()
    os.makedirs(there)
    orig = os.path.join(there, f"restante_{upstream}.orig.tar.xz")
    pack(orig, top, source, [n for n in names if not n.startswith("debian/")])
    run(["tar", "-xf", orig, "-C", there])
    built_using = bring_opendht(there, top, upstream)
    for name in [n for n in names if n.startswith("debian/")]:
        target = os.path.join(there, top, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy2(os.path.join(source.root, name), target, follow_symlinks=False)
    with open(os.path.join(there, top, "debian", "changelog"), "r+", encoding="utf-8") as f:
        before = f.read()
        date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(source.seconds))
        after = re.sub(r"^restante \(\S+?-(\d+)\) \w+", rf"restante ({upstream}-\1~deb{release()}u1) {suite}", before)
        f.seek(0)
        f.write(re.sub(r"^( -- .*>  ).*", rf"\g<1>{date}", after, count=1, flags=re.M))
    if built_using:
        with open(os.path.join(there, top, "debian", "built-using"), "w", encoding="utf-8") as f:
            f.write(built_using + "\n")
    for place, folders, found in os.walk(there):
        for name in [".", *folders, *found]:
            os.chown(os.path.join(place, name), USER, USER, follow_symlinks=False)
    return top


def inside(folder, top, command, log, append=False):
    """True when it ends well; what it says is in the log."""
    with open(log, "a" if append else "w", encoding="utf-8") as out:
        return subprocess.run(["unshare", "-m", "-p", "-n", "-i", "-u", "-f", "--kill-child", "sh", "-c", BUILD,
                               "sh", folder, "sh", "-c", f"cd /build/{top} && {command}"],
                              stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT).returncode == 0


def give(path, owner):
    os.chown(path, owner.st_uid, owner.st_gid)


def collect(there, output):
    """Brings what was built; the paths of the packages."""
    owner = os.stat(ROOT)
    kept = os.path.join(ROOT, "build", "deb")
    packages = []
    for path in sorted(glob.glob(os.path.join(there, "restante*_*"))):
        target = os.path.join(output if path.endswith(".deb") and "dbgsym" not in path else kept,
                              os.path.basename(path))
        shutil.copyfile(path, target)
        give(target, owner)
        if target.startswith(output + "/") and path.endswith(".deb"):
            packages.append(target)
    return packages


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", default=ROOT)
    parser.add_argument("--commit", help="of this commit instead of the folder as it is")
    parser.add_argument("--no-lintian", action="store_true")
    args = parser.parse_args()
    if os.geteuid() != 0:
        if not shutil.which("sudo"):
            sys.exit("A clean root to build in can only be made by root, and there is no sudo here.")
        print("Asking sudo to make a clean root and to build in it", flush=True)
        os.execvp("sudo", ["sudo", "--preserve-env=RESTANTE_CACHE,XDG_CACHE_HOME", sys.executable, *sys.argv])
    suite = codename()
    why = debian.cannot(suite)
    if why:
        sys.exit(f"No clean root can be made to build in: {why}.")
    output = os.path.abspath(args.output)
    kept = os.path.join(ROOT, "build", "deb")
    for path in (os.path.dirname(kept), kept, output):
        if not os.path.isdir(path):
            os.makedirs(path)
            give(path, os.stat(ROOT))
    log = os.path.join(kept, "log")
    folder = tempfile.mkdtemp(prefix="restante-deb-", dir="/tmp")
    try:
        for sub in ("upper", "work", "root"):
            os.mkdir(os.path.join(folder, sub))
        source = Source(args.commit, folder)
        os.symlink(build_root(suite, source.root), os.path.join(folder, "lower"))
        top = prepare(source, folder, suite)
        print(f"Building {top} for Debian {suite}, without a network", flush=True)
        good = inside(folder, top, "exec dpkg-buildpackage -us -uc -F", log)
        if good and not args.no_lintian:
            good = inside(folder, top, "exec lintian --fail-on error ../*.changes", log, append=True)
        give(log, os.stat(ROOT))
        if not good:
            with open(log, encoding="utf-8", errors="replace") as f:
                print("".join(f.readlines()[-40:]))
            sys.exit(f"The packages were not built; see {log}.")
        old = [p for p in glob.glob(os.path.join(output, "restante*_*.deb"))]
        for path in old:
            os.remove(path)
        for path in collect(os.path.join(folder, "upper", "build"), output):
            print(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
