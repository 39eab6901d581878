# SPDX-License-Identifier: GPL-3.0-or-later
"""`restante config`: what it shows, what a change leaves alone, and what it refuses."""

import json
import os

import pytest

from test_cli import home, ok, refused, settings  # noqa: F401


def text(home):
    with open(os.path.join(home, "config"), encoding="utf-8") as f:
        return f.read()


def config(home, *arguments):
    return ok("--home", home, "config", *arguments)


def test_every_setting_is_shown(home):
    data = json.loads(config(home, "--json"))
    assert data["peer.address"] == "alice@demo" and data["mail.validity"] == "7d"
    assert data["network.bootstrap"] == "127.0.0.1:4000"
    assert "mail.strangers = inbox\n" in config(home)
    assert config(home, "get", "mail.strangers") == "inbox\n"


def test_a_change_leaves_all_other_lines_as_they_were(home):
    with open(os.path.join(home, "config"), "a", encoding="utf-8") as f:
        f.write("# my own remark\n")
    before = text(home).splitlines()
    assert config(home, "set", "mail.strangers", "requests") == "Changed.\n"
    after = text(home).splitlines()
    assert len(before) == len(after)
    assert [(a, b) for a, b in zip(before, after) if a != b] == [
        ("; strangers = inbox", "strangers = requests")]
    config(home, "set", "mail.strangers", "nowhere")
    assert text(home).splitlines()[after.index("strangers = requests")] == "strangers = nowhere"
    config(home, "unset", "mail.strangers")
    assert config(home, "get", "mail.strangers") == "inbox\n" and "my own remark" in text(home)
    config(home, "set", "mail.strangers", "requests")  # its line is gone: one more in the section
    assert settings(home)["mail"]["strangers"] == "requests"


def test_lists_are_replaced_whole(home):
    config(home, "set", "network.bootstrap", "a.example:1", "b.example:2", "[::1]:3")
    assert config(home, "get", "network.bootstrap") == "a.example:1\nb.example:2\n[::1]:3\n"
    config(home, "set", "network.bootstrap", "c.example:4")
    assert settings(home)["network"]["bootstrap"] == "c.example:4"
    config(home, "unset", "network.bootstrap")
    assert config(home, "get", "network.bootstrap") == "\n"
    config(home, "set", "network.endpoints", "http://here.example:8080")
    assert settings(home)["network"]["endpoints"] == "http://here.example:8080"
    config(home, "set", "network.endpoints", "HTTP://There.Example:8080/")  # as people write it
    assert config(home, "get", "network.endpoints") == "http://there.example:8080\n"


@pytest.mark.parametrize("arguments, status, part", [
    (["set", "mail.strangers", "moon"], 1, "It was not changed: "),
    (["set", "mail.nothing", "1"], 1, "there is no setting \"nothing\" in [mail]"),
    (["get", "mail.nothing"], 1, "There is no setting mail.nothing"),
    (["set", "strangers", "inbox"], 1, "is not SECTION.KEY"),
    (["set", "peer.address", "b@c"], 1, "cannot be changed"),
    (["set", "mail.imap_port", "0"], 1, "It was not changed: "),
    (["set", "mail.relays", "a@b\n[peer]"], 1, "It was not changed: "),
    (["set", "mail.strangers"], 2, "and its value"),
    (["frob"], 2, "does not know"),
])
def test_what_is_refused_changes_nothing(home, arguments, status, part):
    before = text(home)
    assert part in refused(status, "--home", home, "config", *arguments)
    assert text(home) == before


def test_one_port_for_two_services_is_refused(home):
    before = text(home)
    port = config(home, "get", "mail.imap_port").strip()
    assert "must differ" in refused(1, "--home", home, "config", "set", "network.http_port", port)
    assert text(home) == before


def test_a_running_peer_is_told_about(alice):
    assert "`restante restart`" in alice.cli("config", "set", "mail.validity", "2d")
    alice.restart()
    assert alice.cli("config", "get", "mail.validity") == "2d\n"
