# SPDX-License-Identifier: GPL-3.0-or-later
"""Our Debian packages on a booted Debian, under the hands of apt: installed, Dovecot updated under running peers,
upgraded with mail waiting, removed and purged. `make test-packages` builds them first."""

import os
import shutil
import tempfile
import time

import pytest

import debian
import packages
from host import Host
from test_unit import ADDRESS, DHT, HTTP, show, wait_ready

APT = "DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0"
WAIT = 120.0  # for a peer that starts anew: it looks every other second, and systemd waits ten


@pytest.fixture(scope="session")
def ours():
    found = [packages.built(name) for name in ("restante", "restante-dht")]
    why = debian.cannot(packages.suite_of(found[0])) if found[0] else None
    if why or not all(found):
        pytest.skip(f"Tests of packages are left out: {why or '`make test-packages` builds them first'}.")
    return found


@pytest.fixture
def host(folder, ours):
    """A computer with neither our packages nor Dovecot, and our packages in /tmp/ours."""
    made = Host(tempfile.mkdtemp(prefix="pack", dir=folder), "pack", [packages.root(ours)], {})
    give(made, "ours", ours)
    made.boot()
    made.run("ip", "address", "add", ADDRESS + "/24", "dev", "lo")
    yield made
    made.close()


def give(host, name, debs):
    """Puts packages where the host has them, as /srv/NAME."""
    place = os.path.join(host.folder, "upper", "srv", name)
    if getattr(host, "pid", None):
        place = f"/proc/{host.pid}/root/srv/{name}"
    os.makedirs(place, exist_ok=True)
    for deb in debs:
        shutil.copy(deb, place)


def apt(host, *words, check=True):
    return host.run("sh", "-c", f"{APT} {' '.join(words)}", check=check, timeout=600).stdout


def wait(what, seconds=WAIT, why=lambda: ""):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, why()
        time.sleep(0.5)


def journal(host, user):
    return host.as_user(user, "journalctl --user -u restante | tail -30; tail -20 .restante/log/restanted.log").stdout


def start(host, user, other):
    host.as_user(user, f"restante init {user}@example --http-port {HTTP[user]}"
                       f" --endpoint http://{ADDRESS}:{HTTP[user]} --dht-port {DHT[user]}"
                       f" --bootstrap {ADDRESS}:{DHT[other]}; systemctl --user enable --now restante")
    wait(lambda: host.as_user(user, "restante status --json", check=False).stdout.startswith("{"),
         why=lambda: journal(host, user))


def starts_anew(host, users, act):
    """Does something, and waits until each of these peers runs as another process, and is ready."""
    before = {user: show(host, user, "MainPID") for user in users}
    act()
    for user in users:
        wait(lambda user=user: show(host, user, "MainPID") not in (before[user], "0", ""),
             why=lambda user=user: journal(host, user))
        wait_ready(host, user, seconds=WAIT)


def send(host, subject):
    host.client("alice", "send", "bob@example", subject, f"The text of {subject}.")
    wait(lambda: host.client("bob", "count", subject).strip() == "1", 60, lambda: journal(host, "bob"))


def opens(host, subject):
    assert f"The text of {subject}." in host.client("bob", "open", subject, "60")


def state_of(host, user):
    """What stands in the home, but for what a run leaves there."""
    return host.as_user(user, "cd .restante && find . -type f ! -path './run/*' ! -path './log/*' -print0 | sort -z"
                              " | xargs -0 sha256sum").stdout


def dovecot(host, folder, version, change=None):
    """The newest Dovecot of the release under another version, in /srv."""
    ours = [packages.built("restante"), packages.built("restante-dht")]
    root = packages.root(ours)
    newest = packages.versions(root, "dovecot-core")[0]
    made = []
    for name in packages.dovecot(ours):
        made.append(packages.repack(packages.cached_deb(root, name, newest), folder, version,
                                    change if name == "dovecot-core" else None))
    give(host, "dovecot", made)
    return " ".join("/srv/dovecot/" + os.path.basename(path) for path in made)


def break_notify(tree):
    for place, _, names in os.walk(tree):
        if "lib15_notify_plugin.so" in names:
            with open(os.path.join(place, "lib15_notify_plugin.so"), "wb") as f:
                f.write(b"no module any more\n")


def test_installed_updated_upgraded_removed_purged(host, folder, ours):
    root = packages.root(ours)
    old, newest = packages.oldest(root), packages.versions(root, "dovecot-core")[0]
    apt(host, "--no-install-recommends install", *[f"{name}={old}" for name in packages.dovecot(ours)])
    apt(host, "--no-install-recommends install", "/srv/ours/restante_*.deb")
    assert host.run("systemctl", "--global", "is-enabled", "restante", check=False).stdout.strip() == "disabled"
    words = host.run("bash", "-c", "source /usr/share/bash-completion/completions/restante; COMP_WORDS=(restante in); "
                                   "COMP_CWORD=1; _restante restante; echo ${COMPREPLY[@]}").stdout.split()
    assert {"init", "inbox", "invite"} <= set(words), words
    for user in ("alice", "bob"):
        host.add_user(user)
    start(host, "alice", "bob")
    start(host, "bob", "alice")
    for user in ("alice", "bob"):
        wait_ready(host, user)
    log = host.as_user("bob", "cat .restante/log/restanted.log").stdout
    if old != newest:  # the packages were built with the newest: the older one was tried
        assert f"Dovecot's package {old}" in log and "passed its trial" in log
    send(host, "First")
    opens(host, "First")

    # The security update, while mail waits.
    send(host, "Over the update")
    if old != newest:
        starts_anew(host, ("alice", "bob"), lambda: apt(host, "install", *[f"{n}={newest}" for n in packages.dovecot(ours)]))
    opens(host, "Over the update")

    # A further one that nobody has seen yet is tried once and used.
    unseen = newest + "+unseen1"
    debs = dovecot(host, folder, unseen)
    starts_anew(host, ("alice", "bob"), lambda: apt(host, "install", debs))
    assert host.as_user("bob", "cat .restante/log/restanted.log").stdout.count(f"package {unseen}") == 1
    send(host, "With an unseen one")
    opens(host, "With an unseen one")

    # One that does other than the plugin needs is refused, with a sentence, and the next one is taken.
    debs = dovecot(host, folder, newest + "+unseen2", break_notify)
    apt(host, "install", debs)
    said = "fails its trial with dovecot-core"
    wait(lambda: said in host.as_user("bob", "journalctl --user -u restante").stdout, why=lambda: journal(host, "bob"))
    starts_anew(host, ("alice", "bob"), lambda: apt(host, "install", dovecot(host, folder, newest + "+unseen3")))

    # A newer package of ours, while mail waits.
    send(host, "Over the upgrade")
    newer = packages.repack(ours[0], folder, packages.field(ours[0], "Version") + "+later1")
    give(host, "newer", [newer])
    starts_anew(host, ("alice", "bob"), lambda: apt(host, "install", "/srv/newer/" + os.path.basename(newer)))
    opens(host, "Over the upgrade")
    for user in ("alice", "bob"):
        assert show(host, user, "Result") == "success"

    # Removed: the peers end, and nothing in the homes is touched, by purging neither.
    send(host, "Over the removal")
    apt(host, "remove", "restante")
    for user in ("alice", "bob"):
        wait(lambda user=user: show(host, user, "ActiveState") == "inactive", 180, lambda user=user: journal(host, user))
    assert "its home stays" in journal(host, "bob").lower()
    before = {user: state_of(host, user) for user in ("alice", "bob")}
    apt(host, "purge", "restante")
    assert before == {user: state_of(host, user) for user in ("alice", "bob")}
    left = host.run("sh", "-c", "dpkg-query -W -f '${db:Status-Abbrev}' restante; find /usr /etc /var/lib -name "
                                "'*restante*' ! -path '/var/lib/systemd/*' ! -path " + debian.MARK, check=False).stdout
    assert "/usr/" not in left and "/etc/" not in left, left
    apt(host, "--no-install-recommends install", "/srv/newer/" + os.path.basename(newer))
    for user in ("alice", "bob"):
        host.as_user(user, "systemctl --user daemon-reload; systemctl --user start restante")
    for user in ("alice", "bob"):
        wait_ready(host, user)
    opens(host, "Over the removal")


def test_upgraded_from_an_older_main_with_mail_waiting(host):
    """The package of an earlier commit, whose homes have no number of their format yet."""
    before = packages.built("restante", "RESTANTE_PACKAGES_BEFORE")
    if not before:
        pytest.skip("`make test-packages` builds the earlier package.")
    give(host, "before", [before])
    apt(host, "--no-install-recommends install", "/srv/before/" + os.path.basename(before))
    for user in ("alice", "bob"):
        host.add_user(user)
    start(host, "alice", "bob")
    start(host, "bob", "alice")
    for user in ("alice", "bob"):
        wait_ready(host, user)
        assert not host.as_user(user, "cat .restante/format", check=False).stdout.strip().isdigit()
    send(host, "Opened before")
    opens(host, "Opened before")
    send(host, "Waits in the inbox")
    host.as_user("bob", "systemctl --user stop restante")
    host.client("alice", "send", "bob@example", "Waits at its sender", "The text of Waits at its sender.")
    apt(host, "--no-install-recommends install", "/srv/ours/restante_*.deb")
    wait(lambda: "was replaced: the peer starts anew" in host.as_user(
        "alice", "cat .restante/log/restanted.log").stdout, why=lambda: journal(host, "alice"))
    host.as_user("bob", "systemctl --user start restante")
    for user in ("alice", "bob"):
        wait_ready(host, user, seconds=WAIT)
        assert host.as_user(user, "cat .restante/format").stdout == "1\n"
    for subject in ("Waits in the inbox", "Waits at its sender", "Opened before"):
        opens(host, subject)


def test_bootstrap_node_as_a_system_service(host):
    """Without Dovecot, disabled until it is asked for; a peer begins with it."""
    apt(host, "--no-install-recommends install", "/srv/ours/restante-dht_*.deb")
    assert host.run("sh", "-c", "dpkg-query -W -f '${db:Status-Abbrev}' dovecot-core", check=False).stdout[:2] != "ii"
    assert host.run("systemctl", "is-enabled", "restante-dht", check=False).stdout.strip() == "disabled"
    assert host.run("systemctl", "is-active", "restante-dht", check=False).stdout.strip() == "inactive"
    host.run("systemctl", "enable", "--now", "restante-dht")
    wait(lambda: "ready on UDP port 4222" in host.run("journalctl", "-u", "restante-dht").stdout, 30,
         lambda: host.run("journalctl", "-u", "restante-dht").stdout)
    said = host.run("journalctl", "-u", "restante-dht").stdout
    assert "Landlock fails" not in said and "seccomp fails" not in said, said
    figure = host.run("systemd-analyze", "security", "restante-dht", check=False).stdout.splitlines()[-1]
    print(figure)
    assert " OK " in figure, figure
    apt(host, "--no-install-recommends install", "/srv/ours/restante_*.deb")
    host.add_user("alice")
    host.as_user("alice", f"restante init alice@example --http-port 8080 --endpoint http://{ADDRESS}:8080 "
                          f"--dht-port 4230 --bootstrap {ADDRESS}:4222; systemctl --user enable --now restante")
    wait_ready(host, "alice")
    host.run("systemctl", "restart", "restante-dht")  # what it holds is there again
    assert host.run("systemctl", "show", "-P", "Result", "restante-dht").stdout.strip() == "success"
    assert host.run("ls", "/var/lib/private/restante-dht").stdout.split() == ["state", "state.id"]
    apt(host, "purge", "restante-dht")
    assert host.run("systemctl", "is-active", "restante-dht", check=False).stdout.strip() != "active"
    assert not host.run("sh", "-c", "ls -d /var/lib/private/restante-dht /var/lib/restante-dht /etc/default/restante-dht "
                                    "2>/dev/null", check=False).stdout
