# SPDX-License-Identifier: GPL-3.0-or-later
"""The first mail with the installed programs, as an ordinary user, in paths with spaces, and nothing of
the build folder. scripts/installation.py installs before and uninstalls afterwards."""

import os
import shutil
import subprocess
import sys

import pytest

from env import Network
from env.mail import check_arrived, compose, picture

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.fixture(params=["in a PREFIX", "below DESTDIR", "moved as a whole"])
def below(request, folder, monkeypatch):
    """The folder with bin/ in it; the variables that name other folders are gone."""
    place = os.environ.get("RESTANTE_PREFIX" if request.param == "in a PREFIX"
                           else "RESTANTE_INSTALLED")
    if not place:
        pytest.skip("scripts/test.py installs when this file is asked for, or none")
    if request.param == "moved as a whole":
        place = shutil.copytree(place, os.path.join(folder, "a pre fix"))
    for name in ("RESTANTE_LIBEXEC", "RESTANTE_PLUGIN_DIR"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("RESTANTE_PROGRAMS", os.path.join(place, "bin"))
    return place


def programs_of(peer):
    """What its processes run: {name: path}."""
    found = {"restanted": os.readlink(f"/proc/{peer.process.pid}/exe")}
    for name, pid in peer.children().items():
        with open(f"/proc/{pid}/cmdline", encoding="utf-8") as f:  # restante-mime lets nobody read its exe
            found[name] = f.read().split("\0")[0]
    return found


def test_first_mail(below, folder):
    home = os.path.join(folder, "h o m e")
    os.mkdir(home)
    with Network(nodes=2, folder=home) as net:
        alice, bob = net.peer("alice@demo"), net.peer("bob@demo")
        data = compose(alice.address, bob.address, "The first", "Hello.\n", picture(200_000), "a.png")
        alice.send(data, [bob.address])
        uid = bob.wait_message(data)
        with bob.imap() as box:
            check_arrived(data, box.open(uid))
        alice.wait_idle()
        for peer in (alice, bob):
            parts = {p["name"]: p["state"] for p in peer.status()["parts"]}
            assert [parts[n] for n in ("dovecot", "restante-mime", "restante-dht")] == ["ok"] * 3, parts
            ours = programs_of(peer)
            assert ours["restanted"] == os.path.join(below, "bin/restanted")
            assert ours["restante-mime"] == os.path.join(below, "libexec/restante/restante-mime")
            assert {"restante-dht", "dovecot"} <= set(ours)
            plugin = os.path.join(peer.home, "dovecot/modules/lib20_restante_plugin.so")
            assert os.path.realpath(plugin).startswith((below + "/lib/", below + "/lib64/"))  # as Meson finds the system


def test_the_manual_is_installed(below):
    for page in ("man1/restante.1", "man5/restante.conf.5", "man8/restanted.8"):
        assert os.path.exists(os.path.join(below, "share/man", page))


def test_a_machine_without_meson_is_told_what_to_install(folder):
    done = subprocess.run([sys.executable, os.path.join(ROOT, "scripts/build.py"),
                           os.path.join(folder, "build")], env={"PATH": folder}, text=True,
                          capture_output=True, timeout=30)
    assert done.returncode == 1
    assert done.stderr == ("The program meson is missing: install it with `sudo apt install meson`, or what "
                           "your system calls it, and say `make` again.\n")


def test_a_machine_without_the_packages_is_told_which(folder):
    """Without sudo and not as root, `make` names the command."""
    tools = os.path.join(folder, "tools")
    os.mkdir(tools)
    for tool in ("sh", "awk", "sed", "tr", "id", "dirname"):
        os.symlink(shutil.which(tool), os.path.join(tools, tool))
    with open(os.path.join(tools, "dpkg-query"), "w", encoding="ascii") as f:
        f.write("#!/bin/sh\necho gcc install ok installed\n")
    os.chmod(os.path.join(tools, "dpkg-query"), 0o755)
    done = subprocess.run(["sh", os.path.join(ROOT, "scripts/install-packages"), "run", "build"],
                          env={"PATH": tools}, text=True, capture_output=True, timeout=30)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[1].startswith("    apt-get install ") and " meson " in lines[1]
    assert " gcc " not in lines[1]
