# SPDX-License-Identifier: GPL-3.0-or-later
"""`restante mua`: each client's settings are well formed and say what `restante account` says; what
--install changes, and what it leaves alone."""

import json
import os
import plistlib
import re
import ssl
import stat
import uuid
import xml.etree.ElementTree as ElementTree

import pytest

from test_cli import INIT, ok, refused

CLIENTS = ("thunderbird", "mutt", "mbsync", "msmtp", "apple")
ADDRESS = "a.l+i-c_e@demo-1.example"


@pytest.fixture
def home(folder):
    path = os.path.join(folder, "h,=@+")  # the oddest name a home may have
    ok("init", ADDRESS, "--home", path, *INIT)
    return path


@pytest.fixture
def account(home):
    return json.loads(ok("account", "--json", "--home", home))


@pytest.fixture
def installation(folder):
    path = os.path.join(folder, "thunderbird")
    os.mkdir(path)
    write(path, "application.ini", "[App]\n")
    return path


def write(*path_and_text):
    with open(os.path.join(*path_and_text[:-1]), "w", encoding="utf-8") as f:
        f.write(path_and_text[-1])


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as f:
        return f.read()


def install(home, directory):
    return ok("--home", home, "mua", "thunderbird", "--install", "--directory", directory)


# What waits at its sender has a colour; the user may choose another.
TAG = {"mailnews.tags.$unfetched.tag": {"Value": "Waits at its sender", "Status": "default"},
       "mailnews.tags.$unfetched.color": {"Value": "#1c71d8", "Status": "default"}}


def policies(installation):
    return json.loads(read(installation, "distribution", "policies.json"))


# The files

def test_no_file_holds_the_password(home, account):
    for client in CLIENTS:
        assert account["password"] not in ok("mua", client, "--home", home)


def test_thunderbird(home, account):
    root = ElementTree.fromstring(ok("--home", home, "mua", "thunderbird"))
    provider = root.find("emailProvider")
    assert root.tag == "clientConfig" and provider.get("id") == "demo-1.example"
    assert provider.findtext("domain") == "demo-1.example"
    assert ADDRESS in provider.findtext("displayName")
    for element, kind, port in (("incomingServer", "imap", account["imap_port"]),
                                ("outgoingServer", "smtp", account["submission_port"])):
        server = provider.find(element)
        assert server.get("type") == kind
        assert {e.tag: e.text for e in server} == {
            "hostname": "localhost", "port": str(port), "socketType": "SSL",
            "authentication": "password-cleartext", "username": "%EMAILADDRESS%"}


def test_mutt(home, account):
    settings = dict(re.findall(r'^set (\w+) = "?([^"\n]*)"?$', ok("mua", "mutt", "--home", home),
                               re.M))
    assert settings["from"] == settings["imap_user"] == ADDRESS
    assert settings["folder"] == f"imaps://localhost:{account['imap_port']}/"
    assert settings["smtp_url"] == (f"smtps://{ADDRESS.replace('@', '%40')}@localhost:"
                                    f"{account['submission_port']}/")
    assert settings["ssl_ca_certificates_file"] == account["ca_file"]
    names = list(settings)
    assert names[0] == "ssl_ca_certificates_file"  # before anything that connects
    command = re.fullmatch("`cat '(.*)'`", settings["imap_pass"]).group(1)
    assert read(command).strip() == account["password"]


def test_mbsync(home, account):
    lines = [line.split(" ", 1) for line in ok("mua", "mbsync", "--home", home).splitlines()
             if " " in line and not line.startswith("#")]
    settings = {k: v.strip('"') for k, v in lines}
    assert settings["Port"] == str(account["imap_port"]) and settings["User"] == ADDRESS
    assert settings["SSLType"] == "IMAPS" and settings["SystemCertificates"] == "no"
    assert settings["CertificateFile"] == account["ca_file"]
    assert read(settings["PassCmd"].removeprefix("cat ").strip("'")).strip() == account["password"]


def test_msmtp(home, account):
    lines = [line.split(" ", 1) for line in ok("mua", "msmtp", "--home", home).splitlines()
             if " " in line and not line.startswith("#")]
    settings = {k: v.strip('"') for k, v in lines}
    assert settings["port"] == str(account["submission_port"])
    assert settings["user"] == settings["from"] == ADDRESS
    assert settings["tls"] == "on" and settings["tls_starttls"] == "off"
    assert settings["tls_trust_file"].strip('"') == account["ca_file"]
    command = re.fullmatch("cat '(.*)'", settings["passwordeval"]).group(1)
    assert read(command).strip() == account["password"]


def test_every_mailbox_that_the_peer_makes_is_named_to_mutt(home):
    named = re.findall(r'"\+(\w+)"', ok("mua", "mutt", "--home", home).split("mailboxes")[1])
    assert set(named) == {"INBOX", "Requests", "Outgoing", "Drafts", "Sent", "Archive", "Junk", "Trash"}


def test_mbsync_finds_its_folder(home, folder):
    path = os.path.join(folder, "mbsyncrc")
    mail = os.path.join(folder, "Mail", ADDRESS)
    for _ in range(2):
        ok("--home", home, "mua", "mbsync", "--output", path, env={**os.environ, "HOME": folder})
        assert stat.S_IMODE(os.stat(mail).st_mode) == 0o700


def test_apple(home, account):
    text = ok("mua", "apple", "--home", home)
    profile = plistlib.loads(text.encode())
    assert profile["PayloadType"] == "Configuration"
    ca, mail = profile["PayloadContent"]
    assert ca["PayloadType"] == "com.apple.security.root"
    assert ca["PayloadContent"] == ssl.PEM_cert_to_DER_cert(read(account["ca_file"]))
    assert mail["PayloadType"] == "com.apple.mail.managed"
    assert mail["EmailAddress"] == ADDRESS
    for side, port in (("Incoming", account["imap_port"]), ("Outgoing", account["submission_port"])):
        assert mail[f"{side}MailServerHostName"] == "localhost"
        assert mail[f"{side}MailServerPortNumber"] == port
        assert mail[f"{side}MailServerUsername"] == ADDRESS
        assert mail[f"{side}MailServerUseSSL"] is True
    payloads = (profile, ca, mail)
    assert len({str(uuid.UUID(p["PayloadUUID"])) for p in payloads}) == 3
    assert all(p["PayloadVersion"] == 1 and p["PayloadIdentifier"] for p in payloads)
    # The same peer's profile replaces the one before, another peer's stands beside it.
    assert ok("mua", "apple", "--home", home) == text


def test_output(home, folder):
    path = os.path.join(folder, "muttrc")
    done = ok("--home", home, "mua", "mutt", "--output", path)
    assert path in done and read(path) == ok("--home", home, "mua", "mutt")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    refused(1, "--home", home, "mua", "mutt", "--output", os.path.join(folder, "no", "muttrc"))


@pytest.mark.parametrize("arguments, part", [
    ([], "Say for which mail client"),
    (["pine"], "Say for which mail client"),
    (["mutt", "mbsync"], "Say for which mail client"),
    (["mutt", "--install"], "Only Thunderbird's settings"),
    (["thunderbird", "--install", "--output", "x"], "either --install or --output"),
    (["thunderbird", "--directory", "/usr"], "belongs to --install"),
    (["mutt", "--output"], "needs a value"),
    (["mutt", "--colour"], "does not know"),
])
def test_wrong_calls(arguments, part):
    assert part in refused(2, "mua", *arguments)


# --install

def test_install(home, account, installation):
    done = install(home, installation)
    assert ADDRESS in done and account["ca_file"] in done
    isp = os.path.join(installation, "isp", "demo-1.example.xml")
    assert read(isp) == ok("--home", home, "mua", "thunderbird")
    assert policies(installation) == {"policies": {
        "Certificates": {"Install": [account["ca_file"]]}, "Preferences": TAG}}
    # Every user of Thunderbird may read them.
    for path in (isp, os.path.join(installation, "distribution", "policies.json")):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o644
        assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o755
    before = os.stat(os.path.join(installation, "distribution", "policies.json")).st_ino
    install(home, installation)  # again: the same, and nothing twice
    assert policies(installation)["policies"]["Certificates"]["Install"] == [account["ca_file"]]
    assert os.stat(os.path.join(installation, "distribution", "policies.json")).st_ino == before


def test_install_merges(home, account, installation):
    theirs = {"policies": {"DisableAppUpdate": True, "Certificates": {
        "ImportEnterpriseRoots": True, "Install": ["company.pem"]}, "Proxy": {"Mode": "none"}}}
    os.mkdir(os.path.join(installation, "distribution"))
    real = os.path.join(installation, "real.json")
    write(real, json.dumps(theirs))
    os.chmod(real, 0o640)
    os.symlink("../real.json", os.path.join(installation, "distribution", "policies.json"))
    install(home, installation)
    theirs["policies"]["Certificates"]["Install"].append(account["ca_file"])
    theirs["policies"]["Preferences"] = TAG
    assert json.loads(read(real)) == theirs
    assert list(policies(installation)["policies"]) == list(theirs["policies"])  # in their order
    assert stat.S_IMODE(os.stat(real).st_mode) == 0o640
    assert os.path.islink(os.path.join(installation, "distribution", "policies.json"))


@pytest.mark.parametrize("text", [
    "", "{", "[]", '{"policies": []}', '{"policies": {"Certificates": true}}',
    '{"policies": {"Certificates": {"Install": "x.pem"}}}', '{"policies": {"Preferences": 1}}', '{"policies": {}, "policies": {}}',
    '{"policies": {}} and more',
])
def test_install_leaves_alone_what_it_does_not_understand(home, installation, text):
    os.mkdir(os.path.join(installation, "distribution"))
    write(installation, "distribution", "policies.json", text)
    error = refused(1, "--home", home, "mua", "thunderbird", "--install", "--directory", installation)
    assert "left alone" in error
    assert read(installation, "distribution", "policies.json") == text
    assert not os.path.exists(os.path.join(installation, "isp"))


def test_install_leaves_alone_what_is_for_somebody_else(home, installation, folder):
    other = os.path.join(folder, "other")
    ok("init", "other@demo-1.example", "--home", other, *INIT)
    install(other, installation)
    error = refused(1, "--home", home, "mua", "thunderbird", "--install", "--directory", installation)
    assert "demo-1.example.xml is there already" in error
    assert read(installation, "isp", "demo-1.example.xml") == ok("--home", other, "mua", "thunderbird")
    assert sorted(os.listdir(os.path.join(installation, "isp"))) == ["demo-1.example.xml"]


def test_install_needs_thunderbird_and_the_right_to_write(home, installation, folder):
    error = refused(1, "--home", home, "mua", "thunderbird", "--install", "--directory", folder)
    assert "application.ini" in error
    os.chmod(installation, 0o500)
    error = refused(1, "--home", home, "mua", "thunderbird", "--install", "--directory", installation)
    assert f"sudo restante --home {home} mua thunderbird --install" in error
    os.chmod(installation, 0o700)
