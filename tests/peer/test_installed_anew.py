# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that are replaced under a running peer, as a package manager does it: who is kept running starts anew by
itself with all that waits, who is not says what to do, and a peer whose own programs are gone ends."""

import os
import shutil
import subprocess

from env.mail import check_arrived, compose
from env.process import program
from env.wait import wait_for

PROGRAMS = ("restante", "restanted", "restante-dht", "restante-mime")


def copied(folder):
    """The programs and the plugin in a folder of the test's own."""
    os.makedirs(folder)
    for p in PROGRAMS:
        shutil.copy2(program(p), folder)
    plugins = os.environ["RESTANTE_PLUGIN_DIR"]
    shutil.copy2(os.path.join(plugins, "lib20_restante_plugin.so"), folder)
    return {"RESTANTE_LIBEXEC": folder, "RESTANTE_PLUGIN_DIR": folder}


def replace(folder, name):
    """The same octets in another file, as dpkg unpacks a newer one."""
    path = os.path.join(folder, name)
    shutil.copy(path, path + ".new")
    os.rename(path + ".new", path)


def test_a_kept_peer_starts_anew_with_the_mail_that_waits(net, folder, bob):
    programs = os.path.join(folder, "p")
    alice = net.peer("alice@demo", start=False)
    env = {**os.environ, **copied(programs)}
    out = open(alice.output, "w", encoding="utf-8")
    kept = subprocess.Popen([os.path.join(programs, "restante"), "--home", alice.home, "run"], stdout=out,
                            stderr=subprocess.STDOUT, env=env)

    def pid():
        return alice.children(kept.pid).get("restanted")

    try:
        wait_for(lambda: alice.run_cli("status").returncode == 0, 60, "alice to be ready", alice.logs)
        first = pid()
        with open(alice.output, encoding="utf-8") as f:
            assert "No service manager runs it" in f.read()
        data = compose(alice.address, bob.address, "Waits over an update")
        alice.send(data, [bob.address])
        uid = bob.wait_message(data)
        replace(programs, "restante-mime")
        wait_for(lambda: "was replaced: the peer restarts" in alice.log_text(), 30, "the update to be seen",
                 alice.logs)
        wait_for(lambda: alice.run_cli("status").returncode == 0 and pid() != first, 60,
                 "alice to be ready again", alice.logs)
        with bob.imap() as box:
            check_arrived(data, box.open(uid))
        assert kept.poll() is None
    finally:
        alice.run_cli("stop", seconds=120)
        assert kept.wait(60) == 0
        out.close()


def test_one_that_nobody_keeps_says_what_to_do(net, folder):
    programs = os.path.join(folder, "p")
    dora = net.peer("dora@demo", start=False)
    dora.start(copied(programs))
    dora.wait_ready()
    replace(programs, "lib20_restante_plugin.so")
    part = wait_for(lambda: next((p for p in dora.status()["parts"] if p["name"] == "programs"), None), 30,
                    "the update to be told", dora.logs)
    assert part["state"] == "wrong" and "lib20_restante_plugin.so was replaced" in part["cause"]
    assert "restante restart" in part["todo"]
    assert dora.process.running()
    assert "restante restart" in dora.run_cli("status").stdout
