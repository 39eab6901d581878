#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# inih 55 (Debian libinih-dev 55-1): a comment behind a value that goes on in a second line.
# Expected: "; ..." behind a value is a comment in each line of the value (INI_ALLOW_INLINE_COMMENTS is on).
# Seen: it is cut from the first line only; in a continuation line it becomes part of the value.
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
set -- libinih-dev=55-1 gcc libc6-dev
apt-get install -qqy --no-install-recommends "$@" >/dev/null 2>&1 || {
    apt-get update -qq
    apt-get install -qqy --no-install-recommends "$@" >/dev/null
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >read.c <<'C'
#include <ini.h>
#include <stdio.h>

static int print(void *user, const char *section, const char *name, const char *value)
{
    (void)user;
    return printf("[%s] %s = '%s'\n", section, name, value) > 0;
}

int main(void)
{
    return ini_parse("hosts.ini", print, NULL);
}
C
gcc read.c -o read -linih
cat >hosts.ini <<'T'
[peers]
host = one.example ; the first
  two.example ; the second
T
./read | tee seen
cat >known <<'T'
[peers] host = 'one.example'
[peers] host = 'two.example ; the second'
T
cmp known seen || { echo "changed: not what inih 55 did" >&2; exit 1; }
