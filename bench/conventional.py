# SPDX-License-Identifier: GPL-3.0-or-later
"""The conventional pair: Postfix on the sender's host, Postfix and Dovecot on the receiver's. Private
instances with configuration, queues and logs of their own; the packages' services stay untouched.

As the documentation advises: the relay speaks TLS (TLS_README: session caches on both sides,
connection reuse), the receiving side delivers to virtual mailboxes by LMTP (Dovecot's "Postfix and
Dovecot LMTP"), Maildir, mail_fsync at its default, which syncs what LMTP delivers. All limits are the
defaults. Keys are P-256, the shortest that are usual. DNS is not asked: there is none.
"""

import os
import pwd
import ssl
import subprocess

from env.imap import Imap
from env.plain import dovecot_version
from env.wait import wait_for

DOMAIN = "conv.test"
PASSWORD = "correct-horse"

MASTER = """\
{door}  inet  n - n - - smtpd{tls}
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
lmtp      unix  - - n - - lmtp
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
tlsproxy  unix  - - n - 0 tlsproxy
postlog   unix-dgram n - n - 1 postlogd
"""

MAIN = """\
compatibility_level = 3.6
queue_directory = {base}/spool
data_directory = {base}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {base}/log
maillog_file_prefixes = {base}
inet_interfaces = all
inet_protocols = ipv4
myhostname = {name}.{domain}
mydestination =
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
smtp_host_lookup = native
local_recipient_maps =
alias_maps =
message_size_limit = 0
mailbox_size_limit = 0
smtpd_tls_cert_file = {tls}/cert.pem
smtpd_tls_key_file = {tls}/key.pem
smtpd_tls_security_level = may
smtp_tls_CAfile = {tls}/ca.pem
smtp_tls_session_cache_database = btree:{base}/data/smtp_scache
smtp_tls_connection_reuse = yes
"""

SENDER = """\
relayhost = [{other}]:25
smtp_tls_security_level = verify
smtp_tls_verify_cert_match = mx.conv.test
smtpd_relay_restrictions = permit_mynetworks, reject
"""

RECEIVER = """\
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = static:all
virtual_transport = lmtp:unix:private/dovecot-lmtp
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_client_connection_count_limit = 0
"""

# What Dovecot's versions say in different words; it must come first.
WORDS = {
    "2.3": """\
ssl_cert = <{tls}/cert.pem
ssl_key = <{tls}/key.pem
mail_location = maildir:{base}/mail/%n/Maildir
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={base}/mail/%n allow_all_users=yes
}}
""",
    "2.4": """\
dovecot_config_version = 2.4.1
dovecot_storage_version = 2.4.1
ssl_server_cert_file = {tls}/cert.pem
ssl_server_key_file = {tls}/key.pem
mail_driver = maildir
mail_path = {base}/mail/%{{user | username}}/Maildir
passdb static {{
  password = {password}
}}
userdb static {{
  allow_all_users = yes
  fields {{
    uid = {uid}
    gid = {gid}
    home = {base}/mail/%{{user | username}}
  }}
}}
""",
}

DOVECOT = """\
base_dir = {base}/run
state_dir = {base}/state
log_path = {base}/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
ssl = required
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 1
service lmtp {{
  unix_listener {spool}/private/dovecot-lmtp {{
    mode = 0600
    user = postfix
    group = postfix
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = 993
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


def certificates(folder):
    """A private authority and one leaf for every name used here."""
    os.makedirs(folder, exist_ok=True)
    ca, key, cert = (os.path.join(folder, n) for n in ("ca.pem", "key.pem", "cert.pem"))
    extension = os.path.join(folder, "extension")
    with open(extension, "w", encoding="ascii") as f:
        f.write("subjectAltName=DNS:localhost,DNS:mx.conv.test,IP:127.0.0.1\n"
                "authorityKeyIdentifier=keyid\n")

    def openssl(*a):
        subprocess.run(["openssl", *a], check=True, capture_output=True)

    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *new, "-keyout", os.path.join(folder, "ca.key"), "-out", ca,
            "-days", "30", "-subj", "/CN=bench CA", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    openssl("req", *new, "-keyout", key, "-out", os.path.join(folder, "csr"), "-subj",
            "/CN=mx.conv.test")
    openssl("x509", "-req", "-in", os.path.join(folder, "csr"), "-CA", ca, "-CAkey",
            os.path.join(folder, "ca.key"), "-CAcreateserial", "-out", cert, "-days", "30",
            "-extfile", extension)


class Postfix:
    def __init__(self, host, folder, name, tls, extra, door, **values):
        self.host, self.base = host, os.path.join(folder, name)
        self.config = os.path.join(self.base, "etc")
        for sub in ("etc", "spool", "data"):
            os.makedirs(os.path.join(self.base, sub))
            os.chmod(self.base, 0o755)
        user = pwd.getpwnam("postfix")
        os.chown(os.path.join(self.base, "data"), user.pw_uid, user.pw_gid)
        for sub, text in (("main.cf", (MAIN + extra).format(base=self.base, name=name, tls=tls,
                                                            domain=DOMAIN, **values)),
                          ("master.cf", MASTER.format(door=door[0], tls=door[1]))):
            with open(os.path.join(self.config, sub), "w", encoding="ascii") as f:
                f.write(text)

    def start(self):
        self.process = self.host.popen(["postfix", "-c", self.config, "start-fg"],
                                       stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: os.path.exists(os.path.join(self.base, "spool/public/qmgr")), 20,
                 "Postfix to start", [os.path.join(self.base, "log")])

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


class Dovecot:
    def __init__(self, host, folder, tls, spool):
        self.host, self.base = host, os.path.join(folder, "dovecot")
        os.makedirs(os.path.join(self.base, "mail"))
        uid, gid = int(os.environ["BENCH_UID"]), int(os.environ["BENCH_GID"])
        os.chmod(self.base, 0o755)
        os.chown(os.path.join(self.base, "mail"), uid, gid)
        self.config = os.path.join(self.base, "dovecot.conf")
        with open(self.config, "w", encoding="ascii") as f:
            f.write((WORDS[dovecot_version()] + DOVECOT).format(
                base=self.base, tls=tls, spool=spool, uid=uid, gid=gid, password=PASSWORD))

    def start(self):
        self.process = self.host.popen(["dovecot", "-F", "-c", self.config],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_for(lambda: os.path.exists(os.path.join(self.base, "run/master.pid")), 20,
                 "Dovecot to start", [os.path.join(self.base, "dovecot.log")])

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


class Conventional:
    name = "conventional"

    def __init__(self, net, folder, more=""):
        """more: lines of main.cf for the sender's Postfix."""
        self.folder = os.path.join(folder, "conv")
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o755)
        self.tls_folder = os.path.join(self.folder, "tls")
        certificates(self.tls_folder)
        self.a, self.b = net.host("mxa"), net.host("mxb")
        self.sender = Postfix(self.a, self.folder, "a", self.tls_folder, SENDER + more,
                              ("465", " -o smtpd_tls_wrappermode=yes"), other=self.b.address)
        self.receiver = Postfix(self.b, self.folder, "b", self.tls_folder, RECEIVER, ("25", ""))
        self.dovecot = Dovecot(self.b, self.folder, self.tls_folder,
                               os.path.join(self.receiver.base, "spool"))
        self.receiver.start()
        self.dovecot.start()
        self.sender.start()

    def tls(self):
        return ssl.create_default_context(cafile=os.path.join(self.tls_folder, "ca.pem"))

    def imap(self, user="bob", mailbox="INBOX"):
        with self.b:
            box = Imap("127.0.0.1", 993, self.tls())
        box.login(f"{user}@{DOMAIN}", PASSWORD)
        if mailbox:
            box.select(mailbox)
        return box

    def door(self):
        return {"host": "127.0.0.1", "port": 465, "user": None, "password": None,
                "ca": os.path.join(self.tls_folder, "ca.pem")}

    def box(self, user="bob"):
        return {"host": "127.0.0.1", "port": 993, "user": f"{user}@{DOMAIN}",
                "password": PASSWORD, "ca": os.path.join(self.tls_folder, "ca.pem")}

    def queued(self):
        """Files in both queues."""
        return sum(len(files) for base in (self.sender.base, self.receiver.base)
                   for queue in ("incoming", "active", "deferred", "maildrop")
                   for _, _, files in os.walk(os.path.join(base, "spool", queue)))

    def close(self):
        for s in (self.sender, self.receiver, self.dovecot):
            s.stop()
