# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding the programs, free ports, and one child process with its output in a file."""

import itertools
import os
import random
import shutil
import signal
import socket
import subprocess

from .wait import Timeout, tail


def program(name):
    """The path of one of our programs."""
    folder = os.environ.get("RESTANTE_PROGRAMS")
    path = os.path.join(folder, name) if folder else shutil.which(name)
    if not path or not os.path.exists(path):
        raise FileNotFoundError(f"no program {name}; run through scripts/stage.py")
    return path


# Test runs stand beside each other, and a daemon that was killed needs its port again: so no port is
# one that the kernel gives to outgoing connections (32768 and above), and each is reserved for this run
# as long as it lasts, by an abstract UNIX socket named after it.
_FIRST, _LAST = 10240, 32000
_next = itertools.count(random.randrange(_LAST - _FIRST))
_reserved = []


def _reserve(port):
    mark = socket.socket(socket.AF_UNIX)
    try:
        mark.bind(f"\0restante-test-port-{port}")
    except OSError:
        mark.close()
        return False
    _reserved.append(mark)
    return True


def free_port(kind=socket.SOCK_STREAM):
    """A port of 127.0.0.1 that nobody uses and that no run beside this one gives out."""
    for n in itertools.islice(_next, _LAST - _FIRST):
        port = _FIRST + n % (_LAST - _FIRST)
        with socket.socket(socket.AF_INET, kind) as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        if _reserve(port):
            return port
    raise OSError("no free port")


class Process:
    """A child process; its standard output and error go to one file."""

    def __init__(self, command, output, env=None):
        self.output = output
        with open(output, "ab") as out:
            self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out,
                                          stderr=subprocess.STDOUT,
                                          env={**os.environ, **(env or {})})

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def wait(self, seconds):
        """Its exit status."""
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Timeout(f"{self.popen.args[0]} did not end within {seconds:g} s\n"
                          + tail(self.output)) from None

    def terminate(self, seconds=10):
        """SIGTERM, and SIGKILL when that does not help; the exit status."""
        if self.running():
            self.popen.send_signal(signal.SIGTERM)
            try:
                return self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill9()
        return self.popen.returncode

    def kill9(self):
        if self.running():
            self.popen.kill()
        return self.popen.wait()
