#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Dovecot 2.3.19.1 in Debian 12: dovecot-dev 1:2.3.19.1+dfsg1-2.1+deb12u6 against ...+deb12u7.
# Expected: plugins built with one work with the other, for both packages say the same ABI (2.3.abiv19, in
# /usr/share/dovecot/dovecot-abi and as the virtual package that plugins depend on).
# Seen: the ABI string and DOVECOT_ABI_VERSION are the same, but a field was put into the middle of
# struct index_mail_data, so that its later fields moved by 8 bytes, and the exported function
# message_part_data_parse_from_header takes four parameters where it took three.
set -eu
export LC_ALL=C
old=1:2.3.19.1+dfsg1-2.1+deb12u6
new=1:2.3.19.1+dfsg1-2.1+deb12u7
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
cd "$dir"
for version in "$old" "$new"; do
    apt-get download -qq "dovecot-dev=$version" >/dev/null 2>&1 || {
        apt-get update -qq
        apt-get download -qq "dovecot-dev=$version" >/dev/null
    }
done
cat >fields.c <<'T'
#include "lib.h"
#include "index-mail.h"
#include <stddef.h>
#include <stdio.h>
int main(void)
{
    printf("%s, %zu bytes, wanted fields at %zu\n", DOVECOT_ABI_VERSION, sizeof(struct index_mail_data),
           offsetof(struct index_mail_data, wanted_fields));
    return 0;
}
T
for u in 6 7; do
    mkdir "u$u"
    dpkg-deb -x ./*deb12u"$u"_*.deb "u$u"
    cat "u$u/usr/share/dovecot/dovecot-abi" >"u$u.abi"
    cc -w -I "u$u/usr/include/dovecot" -DHAVE_CONFIG_H -o "fields$u" fields.c
    "./fields$u" >"u$u.fields"
    tr -s ' \t\n' ' ' <"u$u/usr/include/dovecot/message-part-data.h" |
        grep -o 'message_part_data_parse_from_header([^;]*;' >"u$u.function"
    echo "deb12u$u: ABI $(cat "u$u.abi"); $(cat "u$u.fields"); $(cat "u$u.function")"
done
cmp -s u6.abi u7.abi && ! cmp -s u6.fields u7.fields && ! cmp -s u6.function u7.function
[ "$(cut -d, -f1 u6.fields)" = "$(cut -d, -f1 u7.fields)" ]
