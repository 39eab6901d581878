# SPDX-License-Identifier: GPL-3.0-or-later
"""stop, restart, a closed terminal and SIGHUP."""

import fcntl
import os
import pty
import signal
import subprocess
import termios
import time

from env.process import program
from env.wait import wait_for


def test_stop_returns_when_the_daemon_has_ended(net):
    alice = net.peer("alice@demo")
    os.kill(alice.children()["restante-dht"], signal.SIGSTOP)  # it takes five seconds to end
    begun = time.monotonic()
    done = alice.run_cli("stop")
    assert done.returncode == 0 and done.stdout == "The peer has stopped.\n", done
    assert "still ending" in done.stderr and time.monotonic() - begun > 3
    alice.process.popen.wait(1)
    alice.process = None
    alice.start()  # its lock, its sockets and its ports are free
    alice.wait_ready()
    again = alice.run_cli("stop")
    assert again.returncode == 0
    alice.process.popen.wait(1)
    alice.process = None
    absent = alice.run_cli("stop")
    assert absent.returncode == 1 and "is not running" in absent.stderr


def test_restart_ends_the_old_one_and_starts_another(net):
    bob = net.peer("bob@demo")
    old = bob.process.popen
    try:
        text = bob.cli("restart", seconds=120)
        assert "in the background" in text
        assert old.wait(1) == 0
        wait_for(lambda: bob.status()["ready"], 30, "the new one to be ready", bob.logs)
        assert bob.status()["uptime_s"] < 60
        bob.set_config("peer.log", "shouting")
        refused = bob.run_cli("restart")
        assert refused.returncode == 1 and "shouting" in refused.stderr
        assert bob.status()["ready"]  # told before anything was stopped
        bob.set_config("peer.log", "debug")
    finally:
        bob.process = None
        bob.cli("stop", seconds=120)
    assert "in the background" in bob.cli("restart", seconds=120)  # one that does not run is started
    bob.cli("stop", seconds=120)


def test_a_closed_terminal_does_not_end_it(net):
    carol = net.peer("carol@demo", start=False)
    ours, theirs = pty.openpty()

    def own_terminal():
        os.setsid()
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    peer = subprocess.Popen([program("restante"), "--home", carol.home, "run"], stdin=theirs,
                            stdout=theirs, stderr=theirs, preexec_fn=own_terminal)
    os.close(theirs)
    try:
        wait_for(lambda: carol.run_cli("status").returncode == 0 and carol.status()["ready"], 30,
                 "carol to be ready", carol.logs)
        said = os.read(ours, 4096).decode()
        assert "runs here until Ctrl-C" in said and "restante setup" in said
        kept = carol.children(peer.pid)["restanted"]
        children = carol.children(kept)
        assert {"restante-dht", "restante-mime", "dovecot"} <= set(children)
        os.close(ours)  # the kernel sends SIGHUP to all that runs there
        wait_for(lambda: "SIGHUP" in carol.log_text(), 10, "the hang-up to be noticed", carol.logs)
        assert peer.poll() is None and carol.status()["ready"]
        time.sleep(1)
        assert carol.children(kept) == children  # nor did one of its own end
    finally:
        carol.cli("stop", seconds=120)
    assert peer.wait(10) == 0


def test_hangup_opens_the_logs_anew_and_takes_the_level(net):
    dora = net.peer("dora@demo")
    for name in ("restanted.log", "dovecot.log"):
        path = os.path.join(dora.home, "log", name)
        if os.path.exists(path):
            os.rename(path, path + ".1")
    dora.set_config("peer.log", "info")
    dora.process.popen.send_signal(signal.SIGHUP)
    wait_for(lambda: "level is info" in dora.log_text(), 10, "the new log", dora.logs)
    with dora.imap():
        pass
    wait_for(lambda: "session=<" in dora.log_text("dovecot.log"), 10, "Dovecot's new log", dora.logs)
    dora.set_config("peer.log", "shouting")
    dora.process.popen.send_signal(signal.SIGHUP)
    wait_for(lambda: "cannot be used" in dora.log_text(), 10, "the complaint", dora.logs)
    assert dora.status()["ready"]
