# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed programs under the installed unit, in a Debian that systemd has booted."""

import json
import time

import pytest

ADDRESS = "11.1.1.1"  # of the host; nobody else is on its network
HTTP, DHT = {"alice": 8080, "bob": 8081}, {"alice": 4222, "bob": 4223}
DROP_IN = ".config/systemd/user/restante.service.d"


def start(host, user, other, home=""):
    host.as_user(user, f"restante {home} init {user}@example --http-port {HTTP[user]}"
                       f" --endpoint http://{ADDRESS}:{HTTP[user]} --dht-port {DHT[user]}"
                       f" --bootstrap {ADDRESS}:{DHT[other]}")
    host.as_user(user, "systemctl --user daemon-reload; systemctl --user enable --now restante")
    wait_up(host, user, home)


def wait_up(host, user, home):
    """Its ports are taken: the next one is not to choose them."""
    end = time.monotonic() + 60
    while not host.as_user(user, f"restante {home} status --json",
                           check=False).stdout.startswith("{"):
        assert time.monotonic() < end
        time.sleep(0.1)


def wait_ready(host, user, home="", seconds=60):
    end = time.monotonic() + seconds
    while True:
        done = host.as_user(user, f"restante {home} status --json", check=False)
        state = json.loads(done.stdout) if done.stdout.startswith("{") else {}
        if state.get("ready") and state["dht"]["descriptor"] == "posted":
            return state
        assert time.monotonic() < end, done.stdout + host.as_user(
            user, "journalctl --user -u restante | tail -20").stdout
        time.sleep(0.3)


@pytest.fixture
def host(computers):
    def net(made):
        made.run("ip", "address", "add", ADDRESS + "/24", "dev", "lo")

    return computers("solo", "alice", "bob", net=net)


def show(host, user, what):
    return host.as_user(user, f"systemctl --user show -P {what} restante").stdout.strip()


def test_first_mail_under_the_unit(host):
    start(host, "alice", "bob")
    start(host, "bob", "alice")
    wait_ready(host, "alice")
    wait_ready(host, "bob")
    host.client("alice", "send", "bob@example", "First", "Under systemd.")
    assert "Under systemd." in host.client("bob", "open", "First", "60")
    for user in ("alice", "bob"):
        assert show(host, user, "NRestarts") == "0"
        logs = host.as_user(user, "cat .restante/log/*; journalctl --user -u restante").stdout
        assert "Landlock fails" not in logs and "seccomp fails" not in logs, logs

    # It is started again after a crash, and not after its own end.
    first = show(host, "bob", "MainPID")
    host.as_user("bob", f"kill -9 {first}")
    end = time.monotonic() + 60
    while show(host, "bob", "MainPID") in (first, "0"):
        assert time.monotonic() < end
        time.sleep(0.3)
    wait_ready(host, "bob")
    host.client("alice", "send", "bob@example", "Second", "After a crash.")
    assert "After a crash." in host.client("bob", "open", "Second", "60")
    host.as_user("bob", "systemctl --user stop restante")
    assert show(host, "bob", "Result") == "success"
    assert not host.as_user("bob", "ps -o args= -U bob | grep -E 'restante|dovecot' | grep -v -e grep -e bash",
                            check=False).stdout


def test_home_elsewhere_by_a_drop_in(host):
    """As the unit says, with a space in its path."""
    home = "/home/alice/my mail/peer"
    host.as_user("alice", f'mkdir -p {DROP_IN} "my mail"; printf "%s\\n" "[Service]" '
                          f"'Environment=\"RESTANTE_HOME={home}\"' >{DROP_IN}/home.conf")
    start(host, "alice", "bob", home=f'--home "{home}"')
    start(host, "bob", "alice")
    wait_ready(host, "alice", home=f'--home "{home}"')
    wait_ready(host, "bob")
    host.client("bob", "send", "alice@example", "Elsewhere", "In another home.")
    assert "In another home." in host.client("alice", "open", "Elsewhere", "60",
                                             home=f'--home "{home}"')


def test_log_names_a_filter_and_not_the_kernel(host):
    """Fails when a program that is kept from Landlock says that the kernel has none."""
    host.as_user("alice", f'mkdir -p {DROP_IN}; printf "%s\\n" "[Service]" '
                          f'"SystemCallFilter=~landlock_create_ruleset" >{DROP_IN}/filter.conf')
    start(host, "alice", "bob")
    for log in ("dht", "restanted"):
        said = host.as_user("alice", f"grep Landlock .restante/log/{log}.log").stdout
        assert "a filter around this program forbids" in said and "kernel" not in said


def test_peer_ends_with_its_home(host):
    """One that went on would announce a key that nobody has any more."""
    start(host, "alice", "bob")
    wait_up(host, "alice", "")
    host.as_user("alice", "rm -rf .restante")
    end = time.monotonic() + 60
    while show(host, "alice", "ActiveState") != "inactive":
        assert time.monotonic() < end
        time.sleep(0.3)
    assert "the home was removed while the peer ran" in host.as_user(
        "alice", "journalctl --user -u restante").stdout
    assert not host.run("ps", "-U", "alice", "-o", "args=").stdout.count("restante")
