#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# libcbor 0.8.0 (Debian libcbor-dev 0.8.0-2+b1): a half float too big for its 16 bits.
# Expected: 65520 and all above become Infinity, as IEEE 754 rounds and RFC 8949 (appendix D) decodes.
# Seen: 65536 becomes Infinity, but 100000 becomes NaN and 1e10 a small negative number; no error is told.
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
set -- libcbor-dev=0.8.0-2+b1 gcc libc6-dev
apt-get install -qqy --no-install-recommends "$@" >/dev/null 2>&1 || {
    apt-get update -qq
    apt-get install -qqy --no-install-recommends "$@" >/dev/null
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >half.c <<'C'
#include <cbor.h>
#include <stdio.h>

int main(void)
{
    const float values[] = {65504.0f, 65536.0f, 100000.0f, 1e10f};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        unsigned char bytes[3];
        struct cbor_load_result result;
        cbor_item_t *written = cbor_build_float2(values[i]);
        cbor_serialize(written, bytes, sizeof bytes);
        cbor_item_t *read = cbor_load(bytes, sizeof bytes, &result);
        if (!read)
            return 1;
        printf("%g -> %02x%02x%02x -> %g\n", values[i], bytes[0], bytes[1], bytes[2],
               cbor_float_get_float(read));
        cbor_decref(&written);
        cbor_decref(&read);
    }
}
C
gcc half.c -o half -lcbor
./half | tee seen
cat >known <<'T'
65504 -> f97bff -> 65504
65536 -> f97c00 -> inf
100000 -> f97e1a -> nan
1e+10 -> f9c0a8 -> -2.32812
T
cmp known seen || { echo "changed: not what libcbor 0.8.0 did" >&2; exit 1; }
