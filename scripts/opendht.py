#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenDHT for systems that have none (Debian 13): gets the archive that Debian's later releases build it from,
builds a static library once, and keeps it in $RESTANTE_CACHE, or restante below the user's cache folder.

usage: opendht.py ready [GIVEN]   does what a build here needs; nothing when the system has OpenDHT
       opendht.py fetch           only downloads the archive, and prints where it is
       opendht.py find [GIVEN]    for meson.build: prints two lines, the headers' folder and the library;
                                  nothing when the system's is to be used. Uses no network.

GIVEN (meson's option opendht) is an archive of OpenDHT's source, the folder of one, or a folder with include/
and lib/. The archive comes from the mirror that this machine's apt uses anyway, with apt's own settings and keys:
only the release is another. Its SHA-256 must be the one that Restante was tested with.
"""

import fcntl
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

VERSION = "3.0.1"
ARCHIVE = f"opendht_{VERSION}.orig.tar.gz"
SHA256 = "d6718a90eca2b3f3a9f16713a4ebe6fae00361a67fabe03c3bc162d00492126d"
SYSTEM = ("opendht >= 2.4", "opendht < 4")  # 3.0.1 calls itself 3.0.0
SUITES = ("testing", "unstable")  # that have it, the steadier one first
KEYS = glob.glob("/usr/share/keyrings/debian-archive-keyring.*")
# As Debian builds its own, with a little less for a debugger.
FLAGS = os.environ.get("CXXFLAGS") or "-O2 -g1 -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=3"
OPTIONS = ("-DBUILD_SHARED_LIBS=OFF", "-DCMAKE_POSITION_INDEPENDENT_CODE=ON", "-DCMAKE_BUILD_TYPE=None",
           "-DCMAKE_INSTALL_LIBDIR=lib", "-DBUILD_TESTING=OFF", "-DOPENDHT_TOOLS=OFF", "-DOPENDHT_PYTHON=OFF",
           "-DOPENDHT_PEER_DISCOVERY=OFF", "-DOPENDHT_DOCUMENTATION=OFF")
LIBRARIES = ("lib/libopendht.a", "lib/*/libopendht.a", "lib64/libopendht.a", "lib/libopendht.so",
             "lib/*/libopendht.so", "lib64/libopendht.so")


class Missing(Exception):
    """Why it cannot be had, in words that go on from "OpenDHT is missing: "."""


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.environ.get("RESTANTE_CACHE") or os.path.join(base, "restante")
    os.makedirs(folder, exist_ok=True)
    return folder


def from_system():
    return subprocess.run(["pkg-config", "--exists", *SYSTEM], stderr=subprocess.DEVNULL).returncode == 0


def sha256(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def fingerprint(source):
    """Of an archive, or of all files of a folder."""
    if os.path.isfile(source):
        return sha256(source)
    total = hashlib.sha256()
    for folder, below, files in os.walk(source):
        below.sort()
        for path in (os.path.join(folder, name) for name in sorted(files)):
            if os.path.isfile(path):
                total.update(f"{os.path.relpath(path, source)} {sha256(path)}\n".encode())
    return total.hexdigest()


def release():
    """Which system this is: a library of another one may not fit."""
    with open("/etc/os-release", encoding="utf-8") as f:
        told = dict(line.rstrip().split("=", 1) for line in f if "=" in line)
    return [told.get(key, "").strip('"') for key in ("ID", "VERSION_ID", "VERSION_CODENAME")]


def place(source):
    """Where the library that is built of this source is kept."""
    made_of = [fingerprint(source), *release(), os.uname().machine, FLAGS, *OPTIONS]
    key = hashlib.sha256(" ".join(made_of).encode()).hexdigest()[:12]
    return os.path.join(cache_folder(), f"opendht-{key}")


def installed(folder):
    """(headers, library) below a folder; None when there are none."""
    found = [path for pattern in LIBRARIES for path in glob.glob(os.path.join(glob.escape(folder), pattern))]
    include = os.path.join(folder, "include")
    return (include, found[0]) if found and os.path.exists(os.path.join(include, "opendht.h")) else None


# Fetching


def mirrors():
    """[URI] from which this machine's apt has its own release, the first one first."""
    found, codename = [], release()[2]
    for more in ([], ["--no-release-info"]):  # the latter where `apt-get update` was never said
        said = subprocess.run(["apt-get", "indextargets", *more, "--format", "$(REPO_URI) $(RELEASE) $(ORIGIN)",
                               "Created-By: Packages"], capture_output=True, text=True).stdout
        for uri, suite, *origin in (line.split() for line in said.splitlines() if len(line.split()) > 1):
            own = suite in (codename, "stable", "oldstable", *SUITES)
            if own and (more or origin == ["Debian"]) and not uri.startswith("cdrom:") and uri not in found:
                found.append(uri)
        if found:
            break
    return found


def apt_says(done):
    """The first error that apt gave, on one line."""
    errors = re.findall(r"^E: (.*)", done.stderr, re.M)
    return errors[0] if errors else f"it ended with status {done.returncode}"


def download(mirror, suite, work):
    """The archive's path below `work`, whose hash agrees; Missing when this release does not name it."""
    for sub in ("lists/partial", "cache/archives/partial"):
        os.makedirs(os.path.join(work, sub))
    with open(os.path.join(work, "sources.list"), "w", encoding="utf-8") as f:
        f.write(f"deb-src {'[signed-by=' + KEYS[0] + '] ' if KEYS else ''}{mirror} {suite} main\n")
    options = ["-o", f"Dir::Etc::SourceList={work}/sources.list", "-o", "Dir::Etc::SourceParts=/dev/null",
               "-o", f"Dir::State::Lists={work}/lists", "-o", f"Dir::Cache={work}/cache",
               "-o", "APT::Update::Post-Invoke-Success=", "-o", "APT::Update::Post-Invoke=",
               "-o", "Acquire::Languages=none"]

    def apt(*command):
        return subprocess.run([command[0], *options, *command[1:]], capture_output=True, text=True,
                              env=dict(os.environ, LC_ALL="C"))

    done = apt("apt-get", "update", "-qq", "--error-on=any")
    if done.returncode:
        raise Missing(f"apt cannot read the index of {suite} ({apt_says(done)})")
    done = apt("apt-get", "source", "--print-uris", "--download-only", "opendht")
    if done.returncode:
        raise Missing(f"{suite} has no source of it ({apt_says(done)})")
    named = re.search(rf"^'(\S+)' {re.escape(ARCHIVE)} \d+ SHA256:{SHA256}$", done.stdout, re.M)
    if not named:
        raise Missing(f"{suite} does not name the {ARCHIVE} that Restante was tested with")
    with open(os.path.join(cache_folder(), ARCHIVE + ".source"), "w", encoding="utf-8") as f:
        f.write("".join(re.findall(r" opendht_(\S+)\.dsc ", done.stdout)[:1]))
    path = os.path.join(work, ARCHIVE)
    done = apt("/usr/lib/apt/apt-helper", "download-file", named.group(1), path, f"SHA256:{SHA256}")
    if done.returncode or not os.path.exists(path) or sha256(path) != SHA256:
        raise Missing(f"apt cannot download {ARCHIVE} ({apt_says(done)})")
    return path


def fetch():
    """The archive's path in the cache; downloaded when it is not there."""
    path = os.path.join(cache_folder(), ARCHIVE)
    if os.path.exists(path) and sha256(path) == SHA256:
        return path
    if not shutil.which("apt-get"):
        raise Missing("this system has no apt to download it with")
    reasons = []
    for mirror in mirrors():
        for suite in SUITES:
            with tempfile.TemporaryDirectory(prefix="restante-opendht-") as work:
                os.chmod(work, 0o755)  # apt's own user goes through here
                try:
                    shutil.copyfile(download(mirror, suite, work), path + ".new")
                except Missing as why:
                    reasons.append(str(why))
                    continue
                os.rename(path + ".new", path)
                return path
    raise Missing("; ".join(dict.fromkeys(reasons)) or "apt here knows no Debian archive")


def debian_source():
    """The Debian source package that the archive in the cache is of, as Built-Using names it."""
    path = os.path.join(cache_folder(), ARCHIVE + ".source")
    known = ""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            known = f.read().strip()
    return f"opendht (= {known or VERSION})"


# Building


def run(command, log, progress=None):
    """Runs to the end, with all that it says in `log`; calls progress with each of its lines."""
    with open(log, "a", encoding="utf-8") as out:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                 errors="replace", env=dict(os.environ, CXXFLAGS=FLAGS))
        for line in child.stdout:
            out.write(line)
            if progress:
                progress(line)
    if child.wait():
        with open(log, encoding="utf-8") as f:
            print("".join(f.readlines()[-40:]), file=sys.stderr)
        raise Missing(f"`{' '.join(command)}` failed; see above")


class Progress:
    """Says how many of ninja's steps are done: on a terminal in one line, else four times."""

    def __init__(self):
        self.terminal, self.said = sys.stderr.isatty(), 0

    def __call__(self, line):
        step = re.match(r"\[(\d+)/(\d+)\]", line)
        if not step:
            return
        done, all_ = int(step[1]), int(step[2])
        if self.terminal:
            print(f"\r  {done} of {all_} done", end="\n" if done == all_ else "", file=sys.stderr, flush=True)
        elif done * 4 // all_ > self.said:
            self.said = done * 4 // all_
            print(f"  {done} of {all_} done", file=sys.stderr, flush=True)


def unpacked(source, work):
    """The folder with the source; Missing when it is none of OpenDHT's."""
    if os.path.isfile(source):
        os.mkdir(os.path.join(work, "source"))
        done = subprocess.run(["tar", "-xf", source, "-C", os.path.join(work, "source")], capture_output=True,
                              text=True)
        if done.returncode:
            raise Missing(f"{source} is no archive that tar can read ({done.stderr.splitlines()[0]})")
        source = next(iter(glob.glob(os.path.join(work, "source", "*", "CMakeLists.txt"))), "")
        source = os.path.dirname(source)
    if not os.path.exists(os.path.join(source, "include", "opendht", "dht.h")):
        raise Missing("what was given is no source of OpenDHT")
    return source


def build(source):
    """(headers, library) of this archive or folder; built when they are not in the cache."""
    path = place(source)
    with open(path + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if installed(path):
            return installed(path)
        for tool in ("cmake", "ninja", "c++"):
            if not shutil.which(tool):
                raise Missing(f"the program {tool}, with which it is built, is not here")
        print(f"Building OpenDHT once, which takes about two minutes; it is kept in {path}", file=sys.stderr,
              flush=True)
        shutil.rmtree(path, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix="restante-opendht-") as work:
            folder, log, made = (os.path.join(work, name) for name in ("build", "log", "made"))
            run(["cmake", "-G", "Ninja", "-S", unpacked(source, work), "-B", folder, *OPTIONS,
                 f"-DCMAKE_INSTALL_PREFIX={path}"], log)
            run(["ninja", "-C", folder], log, Progress())
            run(["env", f"DESTDIR={made}", "ninja", "-C", folder, "install"], log)
            shutil.rmtree(path + ".new", ignore_errors=True)
            shutil.copytree(made + path, path + ".new")
        os.rename(path + ".new", path)  # whole or not at all
    return installed(path)


def find(given):
    """(headers, library) without the network; None: the system's."""
    if given:
        if not os.path.exists(given):
            raise Missing(f"there is no {given}")
        return installed(given) or build(given)
    if from_system():
        return None
    archive = os.path.join(cache_folder(), ARCHIVE)
    there = installed(place(archive)) if os.path.exists(archive) else None
    if not there:
        raise Missing("this system has no libopendht-dev, and `make`, which gets it, was not said yet")
    return there


def ready(given):
    if given or from_system():
        find(given)
        return
    archive = os.path.join(cache_folder(), ARCHIVE)
    if not os.path.exists(archive):
        print("This system has no libopendht-dev. Downloading OpenDHT's source (0.5 MB) from the Debian archive "
              "that apt uses here.", file=sys.stderr, flush=True)
    build(fetch())


def share(folder):
    """Copies what `ready` made, so that this folder is a cache too; False when the system's is used."""
    archive = os.path.join(cache_folder(), ARCHIVE)
    if from_system() or not os.path.exists(archive) or not installed(place(archive)):
        return False
    os.makedirs(folder)
    shutil.copy(archive, folder)
    shutil.copytree(place(archive), os.path.join(folder, os.path.basename(place(archive))))
    return True


def main():
    verb, given = (sys.argv[1:] + ["", ""])[:2]
    given = os.path.abspath(given) if given else ""
    try:
        if verb == "ready":
            ready(given)
        elif verb == "fetch":
            print(fetch())
        elif verb == "find":
            print("\n".join(find(given) or ()))
        else:
            sys.exit(__doc__)
    except Missing as why:
        sys.exit(f"OpenDHT is missing: {why}. Install libopendht-dev (2.4.12, or 3.0.1 and later) if another "
                 "release of this system has it, or say `make OPENDHT=PATH` with an archive of its source, the "
                 "folder of one, or a folder that holds its include/ and lib/.")


if __name__ == "__main__":
    main()
