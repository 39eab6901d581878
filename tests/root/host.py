# SPDX-License-Identifier: GPL-3.0-or-later
"""One computer of its own: a fresh Debian (debian.py), booted with systemd as process 1 in namespaces.
What it writes goes into an overlay that close() throws away; the cached root below is never changed.
Needs root. Nothing of this machine is reached from inside but its processor, memory and the network
that the test gives it: /sys, and /proc/sys but for its own network, are read-only there, and it may set no
clock."""

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import time

from debian import MARK

CLIENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "client.py")
WAIT = 60.0  # for a boot, seconds

# Argument 1 is the folder of the host, 2 its name, 3 the roots below it: lower0, the topmost, and so on.
BOOT = r"""
set -eu
cd "$1"
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$3",upperdir=upper,workdir=work root
cd root
mkdir -p old
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount --bind proc/sys/net proc/sys/net
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
for name in null zero full random urandom tty; do
    touch dev/$name
    mount --bind /dev/$name dev/$name
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
mount -t tmpfs -o mode=755 tmpfs run
hostname "$2"
ip link set lo up
pivot_root . old
umount -l /old
exec setpriv --bounding-set=-sys_time,-sys_module,-sys_rawio,-syslog \
    env -i container=lxc PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    /sbin/init </dev/null >/dev/null 2>&1
"""


class Host:
    """.pid is its process 1 as seen from here. `lowers` are the paths of what lies below its own files, the topmost
    first; `others` are names that it resolves: {name: address}."""

    def __init__(self, folder, name, lowers, others):
        self.name, self.folder, self.users = name, folder, {}
        for sub in ("upper", "work", "root", "cgroups"):
            os.makedirs(os.path.join(folder, sub))
        for number, lower in enumerate(lowers):
            os.symlink(lower, os.path.join(folder, f"lower{number}"))
        self.lowers, self.network = ":".join(f"lower{n}" for n in range(len(lowers))), ["-n"]
        os.makedirs(os.path.join(folder, "upper", "etc"))
        self.write(MARK[1:], "")
        self.write("etc/hostname", name + "\n")
        self.write("etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {name}\n::1 localhost\n"
                   + "".join(f"{address} {other}\n" for other, address in others.items()))
        self.write("etc/resolv.conf", "")  # there is no name server on the network of a test
        # A cgroup of its own: two systemds in one would take each other's services for theirs.
        self.cgroups = os.path.join(folder, "cgroups")
        subprocess.run(["mount", "-t", "cgroup2", "cgroup2", self.cgroups], check=True)
        self.cgroup = os.path.join(self.cgroups, f"restante-{os.getpid()}-{name}")
        os.mkdir(self.cgroup)

    def write(self, path, text):
        """A file, before the boot."""
        with open(os.path.join(self.folder, "upper", path), "w", encoding="utf-8") as f:
            f.write(text)

    def put(self, tree):
        """Installs what lies below `tree` (made with DESTDIR) before the boot."""
        subprocess.run(["cp", "-a", "--no-preserve=ownership", tree + "/.",
                        os.path.join(self.folder, "upper")], check=True)

    def boot(self):
        join = f"echo $$ >{shlex.quote(self.cgroup)}/cgroup.procs; exec \"$@\""
        self.child = subprocess.Popen(
            ["sh", "-c", join, "sh", "unshare", "-m", "-C", "-p", "-n", "-u", "-i", "-f",
             "--kill-child", "sh", "-c", BOOT, "sh", self.folder, self.name, self.lowers],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + WAIT
        self.pid = None
        while not self.pid:
            with open(f"/proc/{self.child.pid}/task/{self.child.pid}/children",
                      encoding="ascii") as f:
                self.pid = int((f.read().split() or ["0"])[0])
            assert self.child.poll() is None, f"{self.name} did not boot"
            time.sleep(0.02)
        state = ""
        while state not in ("running", "degraded"):
            assert self.child.poll() is None and time.monotonic() < end, \
                f"{self.name} is {state or 'not up'}"
            time.sleep(0.1)
            if self.is_inside():
                state = self.run("systemctl", "is-system-running", check=False).stdout.strip()

    def is_inside(self):
        """Has process 1 become systemd, in its own root?"""
        with open(f"/proc/{self.pid}/comm", encoding="ascii") as f:
            return f.read().strip() == "systemd"

    def enter(self, *command):
        """The command line that runs another inside, as root."""
        return ["nsenter", "-t", str(self.pid), "-m", "-p", *self.network, "-u", "-i", "-C", "-r", "-w",
                "env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                *command]

    @contextlib.contextmanager
    def outside(self):
        """What is run meanwhile has this machine's network: for what has to be downloaded."""
        for path in ("/etc/hosts", "/etc/resolv.conf"):
            with open(path, encoding="utf-8") as f:
                text = shlex.quote(f.read() + (f"127.0.1.1 {self.name}\n" if path == "/etc/hosts" else ""))
            self.run("sh", "-c", f"cp {path} {path}.own; printf %s {text} >{path}")
        self.network = []
        yield
        self.network = ["-n"]
        self.run("sh", "-c", "for f in /etc/hosts /etc/resolv.conf; do mv $f.own $f; done")

    def run(self, *command, check=True, timeout=120):
        done = subprocess.run(self.enter(*command), stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.STDOUT, timeout=timeout, stdin=subprocess.DEVNULL)
        if check and done.returncode:
            raise AssertionError(f"{self.name}: {shlex.join(command)}: {done.stdout}")
        return done

    def add_user(self, name):
        """An ordinary user whose service manager runs from now on, as after a log-in."""
        self.run("useradd", "--create-home", "--shell", "/bin/bash", name)
        self.users[name] = int(self.run("id", "-u", name).stdout)
        self.run("loginctl", "enable-linger", name)
        end = time.monotonic() + WAIT
        while self.run("systemctl", "is-active", f"user@{self.users[name]}",
                       check=False).stdout.strip() != "active":
            assert time.monotonic() < end, f"{name} has no service manager"
            time.sleep(0.1)

    def as_user(self, name, script, check=True, timeout=120):
        """Runs a script in the user's shell, as on a terminal after the log-in."""
        run = f"/run/user/{self.users[name]}"
        return self.run("runuser", "-u", name, "--", "env", f"HOME=/home/{name}", f"USER={name}",
                        f"XDG_RUNTIME_DIR={run}", f"DBUS_SESSION_BUS_ADDRESS=unix:path={run}/bus",
                        "LANG=C.UTF-8", "bash", "-c", f"cd && {{ {script}\n}}", check=check,
                        timeout=timeout)

    def client(self, user, *command, home="", timeout=120):
        """Runs client.py, of this machine, on the host's network as a mail client of this user."""
        account = json.loads(self.as_user(user, f"restante {home} account --json").stdout)
        account["ca"] = self.as_user(user, f"cat {shlex.quote(account['ca_file'])}").stdout
        done = subprocess.run(["nsenter", "-t", str(self.pid), "-n", "/usr/bin/python3", CLIENT,
                               *command], input=json.dumps(account), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=timeout)
        assert done.returncode == 0, f"{user} at {self.name}: {' '.join(command)}: {done.stdout}"
        return done.stdout

    def close(self, keep=None):
        """Ends every process inside, and throws away what was written, or leaves it at the path `keep`. Only the
        first call does anything."""
        if not os.path.isdir(self.folder):
            return
        if getattr(self, "child", None):
            with contextlib.suppress(ProcessLookupError):
                if self.pid:
                    os.kill(self.pid, signal.SIGKILL)  # and with it all others of its namespace
            self.child.wait()
        for folder, _, _ in list(os.walk(self.cgroup, topdown=False)):
            for _ in range(50):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
                    break
                time.sleep(0.1)
        subprocess.run(["umount", self.cgroups], check=False)
        if keep:
            os.rename(os.path.join(self.folder, "upper"), keep)
        shutil.rmtree(self.folder, ignore_errors=True)
