# SPDX-License-Identifier: GPL-3.0-or-later
"""A fresh Debian, 12 or 13, made once by debootstrap from the archive that this machine's apt already uses, and
kept in a folder for all later tests: $RESTANTE_CACHE, or restante below the user's cache folder. It
holds a service manager, the packages that are asked for, and no compiler."""

import fcntl
import glob
import hashlib
import os
import re
import shutil
import subprocess
import time

UNUSED = 14 * 86400  # seconds; then a root goes when another is made
MARK = "/etc/restante-test-computer"  # there on a Host
SUITES = ("bookworm", "trixie")
# What a Debian has anyway on a computer that people use, and the smallest variant leaves out.
SYSTEM = ("systemd-sysv", "dbus", "dbus-user-session", "libpam-systemd", "iproute2", "procps",
          "ca-certificates", "sudo", "make")
MADE = "2"  # another number when make() makes another root
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.environ.get("RESTANTE_CACHE") or os.path.join(base, "restante")


def own():
    """The name of the release that runs here."""
    with open("/etc/os-release", encoding="utf-8") as f:
        return re.search(r"^VERSION_CODENAME=(\S*)|\Z", f.read(), re.M).group(1) or ""


def other():
    """The release that does not run here."""
    return next(suite for suite in reversed(SUITES) if suite != own())


def cannot(suite=None):
    """Why no root can be made or booted here; None when it can."""
    suite = suite or own()
    if os.geteuid() != 0:
        return "needs root"
    if os.path.exists(MARK):
        return "this is such a computer already"
    if not shutil.which("debootstrap"):
        return "needs debootstrap (packages.txt, stage test)"
    return None if archives(suite) else f"apt here has no archive of {suite}"


def archives(suite):
    """[(URI, suite, component)] of this machine's own apt, as far as they are Debian's, with this release in the
    place of its own."""
    said = subprocess.run(["apt-get", "indextargets", "--format",
                           "$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)", "Created-By: Packages"],
                          capture_output=True, text=True).stdout
    rows = {tuple(line.split()[:3]) for line in said.splitlines() if line.endswith(" Debian")}
    rows = sorted((uri, suite + name.removeprefix(own()), part) for uri, name, part in rows
                  if own() and name.startswith(own()) and part == "main")
    return rows if any(r[1] == suite for r in rows) else []


def settings():
    """The lines of this machine's apt settings that say how an archive is reached and how old it may be."""
    said = subprocess.run(["apt-config", "dump"], capture_output=True, text=True).stdout
    return "".join(line for line in said.splitlines(True)
                   if re.match(r"Acquire::(Check-|Retries|\w+::(Timeout|.*[Pp]roxy))", line))


def runtime_packages(tree):
    """The packages of stage "run", and those that the installed programs are linked with."""
    with open(os.path.join(ROOT, "packages.txt"), encoding="utf-8") as f:
        names = {line.split()[1] for line in f if line.startswith("run ")}
    files = set()
    for folder, _, found in os.walk(tree):
        for path in (os.path.join(folder, n) for n in found):
            with open(path, "rb") as f:
                if f.read(4) == b"\x7fELF":
                    said = subprocess.run(["ldd", path], capture_output=True, text=True).stdout
                    files |= set(re.findall(r"=> (/\S+)", said))
    said = subprocess.run(["dpkg-query", "-S", *sorted(map(os.path.realpath, files))],
                          capture_output=True, text=True).stdout
    return sorted(names | {line.split(":")[0] for line in said.splitlines()})


def make(path, suite, packages):
    """A new root at this path."""
    rows = archives(suite)
    mirror = next(r[0] for r in rows if r[1] == suite)
    store = os.path.join(cache_folder(), f"packages-{suite}")
    os.makedirs(store, exist_ok=True)
    log = path + ".log"
    with open(log, "w", encoding="utf-8") as out:
        def run(*command):
            env = dict(os.environ, DEBIAN_FRONTEND="noninteractive", LC_ALL="C")
            done = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, env=env)
            if done.returncode:
                raise RuntimeError(f"{' '.join(command)} failed; see {log}")

        run("debootstrap", "--variant=minbase", f"--cache-dir={store}",
            "--include=" + ",".join(SYSTEM), suite, path, mirror)
        with open(os.path.join(path, "etc/apt/sources.list"), "w", encoding="utf-8") as f:
            f.writelines(f"deb {uri} {name} {part}\n" for uri, name, part in rows)
        with open(os.path.join(path, "etc/apt/apt.conf.d/90machine"), "w", encoding="utf-8") as f:
            f.write(settings())
        for given in ("/etc/resolv.conf", "/etc/hosts"):
            shutil.copyfile(given, path + given)
        with open(os.path.join(path, "usr/sbin/policy-rc.d"), "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\nexit 101\n")  # nothing is started while packages are installed
        os.chmod(os.path.join(path, "usr/sbin/policy-rc.d"), 0o755)
        for deb in glob.glob(os.path.join(store, "*.deb")):
            shutil.copy(deb, os.path.join(path, "var/cache/apt/archives"))
        run("chroot", path, "apt-get", "-qq", "update")
        run("chroot", path, "apt-get", "-qq", "-y", "--no-install-recommends",
            "-o", "Binary::apt-get::APT::Keep-Downloaded-Packages=true", "install", *packages)
        for deb in glob.glob(os.path.join(path, "var/cache/apt/archives/*.deb")):
            shutil.move(deb, os.path.join(store, os.path.basename(deb)))
        # The system's own Dovecot is not part of Restante; what would reach for the machine stays off.
        run("chroot", path, "systemctl", "mask", "dovecot.service", "dovecot.socket",
            "systemd-udevd.service", "systemd-modules-load.service", "systemd-sysctl.service",
            "getty.target", "console-getty.service", "apt-daily.timer", "apt-daily-upgrade.timer",
            "e2scrub_all.timer", "fstrim.timer", "systemd-timesyncd.service")
        run("chroot", path, "systemctl", "set-default", "multi-user.target")
    os.remove(os.path.join(path, "usr/sbin/policy-rc.d"))
    open(os.path.join(path, "etc/machine-id"), "w", encoding="utf-8").close()  # each host its own
    os.remove(log)


def cached(name, key, maker):
    """The path of what `maker` made at a path, once for each key; made when it is not there."""
    key = hashlib.sha256(" ".join([MADE, *SYSTEM, *key]).encode()).hexdigest()[:12]
    folder = cache_folder()
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{name}-{key}")
    with open(os.path.join(folder, f"{name}.lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(path):
            for old in glob.glob(os.path.join(folder, f"{name}-{'[0-9a-f]' * 12}*")):
                if old.endswith(".new") or os.stat(old).st_mtime < time.time() - UNUSED:
                    shutil.rmtree(old, ignore_errors=True)  # of a run that was cut off, or unused
            print(f"Making a Debian {name} in {path}", flush=True)
            maker(path + ".new")
            os.rename(path + ".new", path)
        os.utime(path)
    return path


def root(suite, packages):
    """The path of a root of this release with these packages."""
    return cached(suite, packages, lambda path: make(path, suite, packages))
