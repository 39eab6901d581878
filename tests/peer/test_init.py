# SPDX-License-Identifier: GPL-3.0-or-later
"""`restante init`: what it makes and what it refuses, and that nothing is left of one that fails."""

import json
import os
import re
import resource
import signal
import socket
import ssl
import stat

import pytest

from test_cli import INIT, home, ok, refused, restante, settings  # noqa: F401


def test_init_makes_a_whole_home(folder):
    home = os.path.join(folder, "h")
    text = ok("--home", home, "init", "Alice@Demo", *INIT, umask=0o022)
    assert os.listdir(folder) == ["h"]
    for path, folders, names in os.walk(home):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o700, path
        for name in names:
            f = os.path.join(path, name)
            assert stat.S_IMODE(os.stat(f).st_mode) == 0o600, f
    for sub in ("spool", "outbox", "inbox/stubs", "inbox/parts", "inbox/full", "Maildir/new",
                "run", "log", "dht", "dovecot/run"):
        assert os.path.isdir(os.path.join(home, sub)), sub
    with open(os.path.join(home, "secret/password"), encoding="ascii") as f:
        password = f.read()
    assert re.fullmatch(r"([a-z2-9]{5}-){4}[a-z2-9]{5}", password)
    assert os.path.getsize(os.path.join(home, "secret/stub.key")) == 32
    ini = settings(home)
    ports = [ini.getint("mail", "imap_port"), ini.getint("mail", "submission_port"),
             ini.getint("network", "http_port"), ini.getint("network", "dht_port")]
    assert len(set(ports)) == 4 and all(1024 < p < 32768 for p in ports)
    assert ini["peer"]["address"] == "alice@demo"
    assert ini["network"]["endpoints"] == f"http://127.0.0.1:{ports[2]}"
    assert ini["network"]["bootstrap"] == "127.0.0.1:4000"
    # Everything that a mail client asks for is on the screen.
    for part in ("alice@demo", password, str(ports[0]), str(ports[1]), home + "/tls/ca.pem",
                 f"restante --home {home} run"):
        assert part in text, part


def test_init_is_the_same_as_account(home):
    page = ok("--home", home, "account")
    data = json.loads(ok("account", "--json", "--home", home))
    assert data["user"] == "alice@demo" and data["password"] in page
    assert data["imap_port"] == settings(home).getint("mail", "imap_port")
    ssl.create_default_context(cafile=data["ca_file"])


def test_two_peers_differ(folder):
    homes = [os.path.join(folder, n) for n in "ab"]
    for h in homes:
        ok("--home", h, "init", "same@demo", *INIT)
    for name in ("secret/key.pgp", "secret/stub.key", "secret/password", "tls/ca.key"):
        a, b = (open(os.path.join(h, name), "rb").read() for h in homes)
        assert a != b, name


def test_init_takes_settings(folder):
    home = os.path.join(folder, "h")
    ok("init", "a@b", "--home", home, *INIT, "--bootstrap", "[::1]:4001", "--network", "77",
       "--endpoint", "http://mail.example:80", "--endpoint", "https://x.onion:443",
       "--set", "timing.poll=0.5s", "--set", "mail.allow_foreign_from=yes",
       "--set", "mail.relays=x@y z@y", "--set", "peer.log=debug")
    ini = settings(home)
    assert ini["network"]["id"] == "77"
    assert ini["network"]["bootstrap"].split() == ["127.0.0.1:4000", "[::1]:4001"]
    assert ini["network"]["endpoints"].split() == ["http://mail.example:80", "https://x.onion:443"]
    assert float(ini["timing"]["poll"]) == 0.5
    assert ini["mail"]["allow_foreign_from"] == "yes"
    assert ini["mail"]["relays"].split() == ["x@y", "z@y"]
    assert ini["peer"]["log"] == "debug"


@pytest.mark.parametrize("arguments, part", [
    ([], "one address"),
    (["a@b", "c@d"], "one address"),
    (["nobody"], '"nobody" is not an address'),
    (["a:b@demo"], "is not an address"),
    (["a@-demo"], "is not an address"),
    (["\u00e4@demo"], "is not an address"),
    (["a@b", "--imap-port", "0"], "imap_port must be a number from 1 to 65535"),
    (["a@b", "--imap-port"], "needs a value"),
    (["a@b", "--bootstrap", "nohost"], "is not host:port"),
    (["a@b", "--endpoint", "http://h:1/path"], "is not http://host:port"),
    (["a@b", "--listen", "localhost"], "--listen wants an IPv4 or IPv6 address"),
    (["a@b", "--set", "mail.colour=blue"], 'no setting "colour" in [mail]'),
    (["a@b", "--set", "post.x=1"], "no section [post]"),
    (["a@b", "--set", "mail"], "is not section.key=value"),
    (["a@b", "--set", "peer.address=x@y"], "operand of init"),
    (["a@b", "--set", "mail.validity=1\n[mail]"], "control character"),
    (["a@b", "--frobnicate"], "does not know the option --frobnicate"),
])
def test_init_refuses_a_wrong_call(folder, arguments, part):
    assert part in refused(2, "--home", os.path.join(folder, "h"), "init", *arguments)
    assert os.listdir(folder) == []


def test_init_never_touches_what_is_there(folder, home):
    before = open(os.path.join(home, "secret/key.pgp"), "rb").read()
    assert "already is a Restante home" in refused(1, "--home", home, "init", "b@demo", *INIT)
    assert open(os.path.join(home, "secret/key.pgp"), "rb").read() == before
    other = os.path.join(folder, "other")
    os.mkdir(other)
    open(os.path.join(other, "letter"), "w").close()
    assert "is not empty" in refused(1, "--home", other, "init", "b@demo", *INIT)
    assert os.listdir(other) == ["letter"]
    empty = os.path.join(folder, "empty")
    os.mkdir(empty, 0o755)
    ok("--home", empty, "init", "b@demo", *INIT)
    assert stat.S_IMODE(os.stat(empty).st_mode) == 0o700


def test_init_refuses_paths_that_sockets_and_dovecot_cannot_have(folder):
    assert "more than 68 bytes" in refused(1, "--home", os.path.join(folder, "x" * 80), "init",
                                            "a@b", *INIT)
    assert "does not suit a home" in refused(1, "--home", os.path.join(folder, "a#b"), "init",
                                             "a@b", *INIT)
    assert "folder above it is missing" in refused(1, "--home", os.path.join(folder, "no/h"),
                                                   "init", "a@b", *INIT)
    assert os.listdir(folder) == []


@pytest.mark.parametrize("option, kind, name", [
    ("--imap-port", socket.SOCK_STREAM, "IMAP"),
    ("--submission-port", socket.SOCK_STREAM, "submission"),
    ("--http-port", socket.SOCK_STREAM, "outbox"),
    ("--dht-port", socket.SOCK_DGRAM, "DHT"),
])
def test_init_names_a_taken_port(folder, option, kind, name):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            s.listen(1)
        port = str(s.getsockname()[1])
        text = refused(1, "--home", os.path.join(folder, "h"), "init", "a@b", *INIT, option, port)
    assert f"Port {port} for " in text and name in text and option in text
    assert os.listdir(folder) == []


def test_init_names_a_port_given_twice(folder):
    text = refused(1, "--home", os.path.join(folder, "h"), "init", "a@b", *INIT,
                   "--imap-port", "20001", "--http-port", "20001")
    assert "20001 is given to both IMAP and the outbox" in text


def small_files(ignore):
    """For preexec_fn: no file may grow over 300 octets, which the secret key does."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN if ignore else signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return limit


def test_init_that_fails_leaves_nothing(folder):
    home = os.path.join(folder, "h")
    done = restante("--home", home, "init", "a@b", *INIT, restore_signals=False,
                    preexec_fn=small_files(True))
    assert done.returncode == 1 and "Cannot write" in done.stderr
    assert os.listdir(folder) == []


def test_init_that_is_killed_leaves_no_half_home(folder):
    home = os.path.join(folder, "h")
    done = restante("--home", home, "init", "a@b", *INIT, restore_signals=False,
                    preexec_fn=small_files(False))
    assert done.returncode == -signal.SIGXFSZ
    left = os.listdir(folder)
    assert len(left) == 1 and left[0].startswith("h.new-")
    ok("--home", home, "init", "a@b", *INIT)
    assert os.listdir(folder) == ["h"]
