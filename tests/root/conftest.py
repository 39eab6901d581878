# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests on whole computers: the installed tree in a fresh Debian that systemd boots. They need root."""

import os
import shutil
import subprocess
import tempfile

import pytest

import builder
import debian
from host import Host
from lan import Lan


@pytest.fixture(scope="session")
def folder():
    path = tempfile.mkdtemp(prefix="restante-root-", dir="/tmp")
    os.chmod(path, 0o755)  # the users of the hosts below it go through here
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def lan():
    made = Lan()
    yield made
    made.close()


@pytest.fixture(scope="session")
def tree(folder):
    """What `make install` installs."""
    why = debian.cannot()
    if why:
        pytest.skip(f"Tests on booted computers are left out: {why}.")
    path = os.path.join(folder, "tree")
    done = subprocess.run(["make", "-s", "install", f"DESTDIR={path}",
                           "BUILD=" + os.environ.get("RESTANTE_BUILD", "build")],
                          cwd=debian.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    assert done.returncode == 0, done.stdout
    return path


@pytest.fixture(scope="session")
def other(folder):
    """What is installed on the other release, and the roots below: ([lower], tree)."""
    suite = debian.other()
    why = debian.cannot(suite)
    if why:
        pytest.skip(f"Tests with a Debian {suite} are left out: {why}.")
    return builder.ready(suite), builder.tree(folder, suite)


@pytest.fixture
def computers(request, folder, tree):
    """Makes hosts by name, boots them, and ends them after the test; suite: of another release than this one's."""
    made = []

    def make(name, *users, net=None, hosts=None, suite=None):
        if suite in (None, debian.own()):
            lowers, installed = [debian.root(debian.own(), debian.runtime_packages(tree))], tree
        else:
            lowers, installed = request.getfixturevalue("other")
        host = Host(tempfile.mkdtemp(prefix=name, dir=folder), name, lowers, hosts or {})
        made.append(host)
        host.put(installed)
        host.boot()
        if net:
            net(host)
        for user in users:
            host.add_user(user)
        return host

    yield make
    for host in made:
        host.close()
