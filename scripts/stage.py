#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a command of this project as an ordinary user, from a short folder of its own.

usage: stage.py --build DIR [--take PATH]... -- COMMAND [ARGUMENT]...

The programs of the build folder, scripts/ and tests/ are copied to /tmp/restante-XXXXXXXX, because
the clone may lie where an ordinary user cannot read, and because the path of a UNIX socket is at most
107 octets. Root makes the system user restante-demo and becomes it for the command; anybody else
stays what they are. Every process that the command leaves behind is ended, each by its own id.
"""

import argparse
import ctypes
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time

USER = "restante-demo"
PROGRAMS = ("restante", "restanted", "restante-dht", "restante-mime")
TEST_PROGRAMS = ("run_dovecot", "crowd", "pgp_tool")  # taken when the build has them
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def find_programs(build):
    """The built programs and the plugin: {name: path}."""
    found = {}
    for folder, folders, names in os.walk(build):
        folders[:] = [f for f in folders if not f.endswith(".p") and not f.startswith("meson-")]
        for name in names:
            path = os.path.join(folder, name)
            if not stat.S_ISREG(os.lstat(path).st_mode):
                continue
            if name in PROGRAMS + TEST_PROGRAMS and os.access(path, os.X_OK):
                found[name] = path
            elif name.endswith("_restante_plugin.so"):
                found[name] = path
    missing = [p for p in PROGRAMS if p not in found]
    if not any(n.endswith(".so") for n in found):
        missing.append("the Dovecot plugin")
    if missing:
        sys.exit(f"{build} has no {', '.join(missing)}; build first (make)")
    return found


def ordinary_user():
    """The account to become, made when it is missing; None when this is no root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(USER)
    except KeyError:
        subprocess.run(
            ["/usr/sbin/useradd", "--system", "--user-group", "--no-create-home",
             "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", USER],
            check=True)
        return pwd.getpwnam(USER)


def children(of):
    """The ids of the processes whose parent is this one."""
    ids = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as f:
                    if int(f.read().rpartition(")")[2].split()[1]) == of:
                        ids.append(int(name))
            except (OSError, ValueError, IndexError):
                pass
    return ids


class Stage:
    """The folder: .path, .env for the command; remove with close()."""

    def __init__(self, build, take=()):
        # Orphans of the command become our children, so that close() finds them.
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
        self.user = ordinary_user()
        self.started = {}
        programs = find_programs(build)
        self.path = tempfile.mkdtemp(prefix="restante-", dir="/tmp")
        self.programs = os.path.join(self.path, "programs")
        os.mkdir(self.programs)
        for name, path in programs.items():
            shutil.copy2(path, os.path.join(self.programs, name))
        other = os.environ.get("RESTANTE_OTHER_DHT")
        if other:
            shutil.copy2(other, os.path.join(self.programs, "restante-dht-other"))
        leave = shutil.ignore_patterns("__pycache__", "*.pyc", ".pytest_cache")
        for name in ("scripts", "tests", *take):
            source = os.path.join(ROOT, name)
            if os.path.isdir(source):
                shutil.copytree(source, os.path.join(self.path, name), ignore=leave)
            elif os.path.exists(source):
                shutil.copy2(source, os.path.join(self.path, name))
        os.mkdir(os.path.join(self.path, "t"))
        self.give(self.path)
        self.env = {k: v for k, v in os.environ.items()
                    if k.startswith(("RESTANTE_", "LC_", "ASAN_", "UBSAN_", "TSAN_"))
                    or k in ("TERM", "LANG", "NO_COLOR", "COLUMNS")}
        self.env.update(
            PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            HOME=self.path, TMPDIR=os.path.join(self.path, "t"), PYTHONDONTWRITEBYTECODE="1",
            RESTANTE_PROGRAMS=self.programs, RESTANTE_LIBEXEC=self.programs,
            RESTANTE_PLUGIN_DIR=self.programs)
        if other:
            self.env["RESTANTE_OTHER_DHT"] = os.path.join(self.programs, "restante-dht-other")

    def give(self, top):
        """Makes a folder the user's, with all that is in it."""
        if self.user:
            for folder, _, names in os.walk(top):
                for path in [folder] + [os.path.join(folder, n) for n in names]:
                    os.chown(path, self.user.pw_uid, self.user.pw_gid, follow_symlinks=False)

    def start(self, command, output=None):
        """A child process; its output goes to our terminal or to an open file."""
        extra = {}
        if self.user:
            extra = dict(user=self.user.pw_uid, group=self.user.pw_gid, extra_groups=[])
        child = subprocess.Popen(command, cwd=self.path, env=self.env, umask=0o077, stdout=output,
                                 stderr=subprocess.STDOUT if output else None, **extra)
        self.started[child.pid] = child
        return child

    def wait(self, child):
        """Its exit status. Orphans that end meanwhile are reaped: a test may look for their end."""
        while child.returncode is None:
            pid = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT).si_pid
            if pid in self.started:
                self.started[pid].wait()
            else:
                os.waitpid(pid, 0)
        return child.returncode

    def run(self, command):
        """Runs to the end, with our terminal; returns the exit status."""
        child = self.start(command)

        def pass_on(number, _frame):
            child.send_signal(number)

        # The terminal gives SIGINT to the whole group: the command ends itself on it, we wait.
        old = {signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None),
               signal.SIGTERM: signal.signal(signal.SIGTERM, pass_on),
               signal.SIGHUP: signal.signal(signal.SIGHUP, pass_on)}
        try:
            return self.wait(child)
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)

    def close(self, keep=False):
        """Ends what was left behind and removes the folder."""
        me = os.getpid()
        for number, seconds in ((signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0)):
            end = time.monotonic() + seconds
            told = set()
            while time.monotonic() < end:
                left = children(me)
                if not left:
                    break
                for pid in left:
                    if pid not in told:
                        told.add(pid)
                        os.kill(pid, number)
                    os.waitpid(pid, os.WNOHANG)
                time.sleep(0.02)
        if keep:
            print(f"Kept: {self.path}")
        else:
            shutil.rmtree(self.path, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--take", action="append", default=[])
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    stage = Stage(args.build, args.take)
    try:
        code = stage.run(["/usr/bin/python3", *args.command]
                         if args.command[0].endswith(".py") else args.command)
    finally:
        stage.close(keep=bool(os.environ.get("RESTANTE_KEEP")))
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
