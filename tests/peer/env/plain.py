# SPDX-License-Identifier: GPL-3.0-or-later
"""What Dovecot itself says of ordinary mail: a Maildir of its own, without our plugin."""

import imaplib
import json
import os
import pwd
import subprocess

from .imap import Imap

WORDS = {  # what the versions say in different words; the first line must be the first
    "2.3": "mail_location = maildir:{folder}/mail\n",
    "2.4": "dovecot_config_version = 2.4.1\ndovecot_storage_version = 2.4.1\n"
           "mail_driver = maildir\nmail_path = {folder}/mail\n",
}
CONF = """base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
mail_home = {folder}
ssl = no
first_valid_uid = 1
mail_uid = {uid}
mail_gid = {gid}
maildir_stat_dirs = no
stats_writer_socket_path =
namespace inbox {{
  inbox = yes
}}
"""


def dovecot_version():
    """"2.3" or "2.4": of the installed Dovecot."""
    said = subprocess.run(["/usr/sbin/dovecot", "--version"], stdout=subprocess.PIPE, check=True).stdout
    return ".".join(said.decode().split(".")[:2])


def plain_maildir(folder, files):
    """Links these files into a fresh Maildir, so that their octets and times stay theirs and nothing
    comes from a cache; (configuration, environment) of a Dovecot for it."""
    folder = str(folder)
    for sub in ("new", "cur", "tmp"):
        os.makedirs(os.path.join(folder, "mail", sub))
    for path in files:
        os.link(path, os.path.join(folder, "mail", "cur", os.path.basename(path)))
    conf = os.path.join(folder, "dovecot.conf")
    with open(conf, "w", encoding="ascii") as f:
        f.write((WORDS[dovecot_version()] + CONF).format(folder=folder, uid=os.getuid(), gid=os.getgid()))
    return conf, {**os.environ, "USER": pwd.getpwuid(os.getuid()).pw_name, "HOME": folder}


def plain_structures(folder, files):
    """{guid: BODYSTRUCTURE as it is written}. The guid is the file's name up to a comma or colon."""
    conf, env = plain_maildir(folder, files)
    options = ["--no-userdb-lookup"] if dovecot_version() == "2.4" else []
    out = subprocess.run(["/usr/bin/doveadm", "-c", conf, "-f", "json", "fetch", *options,
                          "guid imap.bodystructure", "mailbox", "INBOX"],
                         env=env, stdout=subprocess.PIPE, check=True).stdout
    return {row["guid"]: row["imap.bodystructure"].encode("utf-8", "surrogateescape")
            for row in json.loads(out.decode("utf-8", "surrogateescape"), strict=False)}


class PlainImap(Imap):
    """A session with Dovecot's imap alone, logged in, its inbox chosen."""

    def __init__(self, folder, files):  # pylint: disable=super-init-not-called
        conf, env = plain_maildir(folder, files)
        os.environ.update(USER=env["USER"])
        self.conn = imaplib.IMAP4_stream(f"HOME={env['HOME']} /usr/lib/dovecot/imap -k -c {conf}")
        self.select(readonly=True)
