#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Dovecot 2.3.19.1 (Debian dovecot-imapd 1:2.3.19.1+dfsg1-2.1+deb12u7): BINARY.SIZE of one part, where
# another part of the same message has a transfer encoding that nobody knows ("x-secret", RFC 2045, 6.3).
# Expected: UNKNOWN-CTE is about the part asked for (RFC 3516, 4.3): BINARY.SIZE[1] of a base64 part is 5.
# Seen: BINARY[1] gives the five bytes, BINARY.SIZE[1] fails with UNKNOWN-CTE. A message without the odd
# part answers 5.
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
version=1:2.3.19.1+dfsg1-2.1+deb12u7
set -- "dovecot-core=$version" "dovecot-imapd=$version"
apt-get install -qqy --no-install-recommends "$@" >/dev/null 2>&1 || {
    apt-get update -qq
    apt-get install -qqy --no-install-recommends "$@" >/dev/null
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir home
cat >dovecot.conf <<T
base_dir = $dir/run
log_path = $dir/log
mail_home = $dir/home
mail_location = maildir:~/Maildir
mail_uid = nobody
mail_gid = nogroup
first_valid_uid = 1
ssl = no
protocols = imap
stats_writer_socket_path =
T
message() { # the transfer encoding of its second part
    sed 's/$/\r/' <<T
From: ann@example.org
Subject: two parts
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

aGVsbG8=
--b
Content-Type: application/octet-stream
Content-Transfer-Encoding: $1

second
--b--
T
}
message x-secret >odd
message 7bit >plain
{
    for mail in odd plain; do
        printf 'a APPEND INBOX {%s+}\r\n' "$(wc -c <"$mail")"
        cat "$mail"
        printf '\r\n'
    done
    printf '%s\r\n' 'b SELECT INBOX' 'odd-bytes FETCH 1 BINARY.PEEK[1]' 'odd-size FETCH 1 BINARY.SIZE[1]' \
        'plain-bytes FETCH 2 BINARY.PEEK[1]' 'plain-size FETCH 2 BINARY.SIZE[1]' 'z LOGOUT'
} >commands
chown -R nobody:nogroup .
cat commands | USER=nobody HOME=$dir/home timeout 30 setpriv --reuid nobody --regid nogroup --clear-groups \
    doveadm -c dovecot.conf exec imap >answers 2>notes
tr -d '\r' <answers | sed 's/ ([0-9. +]* secs)//' | grep -E 'FETCH [(]BINARY|^hello|^(odd|plain)-' | tee seen
cat >known <<'T'
* 1 FETCH (BINARY[1] ~{5}
hello)
* 2 FETCH (BINARY[1] ~{5}
hello)
* 2 FETCH (BINARY.SIZE[1] 5)
odd-bytes OK Fetch completed.
odd-size NO [UNKNOWN-CTE] Unknown Content-Transfer-Encoding.
plain-bytes OK Fetch completed.
plain-size OK Fetch completed.
T
cmp known seen || { echo "changed: not what Dovecot 2.3.19.1 did" >&2; exit 1; }
