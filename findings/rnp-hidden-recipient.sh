#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# RNP 0.16.3 (Debian rnp and librnp0 0.16.3-1) reads what GnuPG 2.2.40 wrote with --hidden-recipient.
# Expected: where the key id is zero, rnp tries each secret key it has (RFC 4880, 5.1), as gpg does.
# Seen: rnp says "failed to obtain decrypting key or password" and exits 1. It opens the same text
# when gpg names the key (--recipient), so key and algorithms are fine.
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
set -- rnp=0.16.3-1 librnp0=0.16.3-1 gnupg=2.2.40-1.1+deb12u2
apt-get install -qqy --no-install-recommends "$@" >/dev/null 2>&1 || {
    apt-get update -qq
    apt-get install -qqy --no-install-recommends "$@" >/dev/null
}
dir=$(mktemp -d)
export GNUPGHOME="$dir/gnupg"
trap 'gpgconf --kill all; rm -rf "$dir"' EXIT
cd "$dir"
mkdir -m 700 gnupg rnp
gpg --batch -q --passphrase '' --quick-generate-key bob@example.org future-default default never 2>/dev/null
gpg --batch -q --export-secret-keys >secret.pgp
rnpkeys --homedir rnp --import secret.pgp >/dev/null 2>&1
echo "the text" >text
for way in recipient hidden-recipient; do
    gpg --batch -q --trust-model always --"$way" bob@example.org --output "$way.pgp" --encrypt text
    printf 'gpg --%s: gpg reads "%s", ' "$way" "$(gpg --batch -q --decrypt "$way.pgp" 2>/dev/null)"
    status=0
    rnp --homedir rnp --decrypt "$way.pgp" --output - >out 2>err </dev/null || status=$?
    printf 'rnp exits %s with "%s"\n' "$status" "$(cat out)"
    grep -o 'failed to obtain decrypting key or password' err || :
done | tee seen
cat >known <<'T'
gpg --recipient: gpg reads "the text", rnp exits 0 with "the text"
gpg --hidden-recipient: gpg reads "the text", rnp exits 1 with ""
failed to obtain decrypting key or password
T
cmp known seen || { echo "changed: not what RNP 0.16.3 did" >&2; exit 1; }
