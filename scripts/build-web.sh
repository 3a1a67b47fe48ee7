#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Checks the types of the page in web/, bundles it, and writes it as a C file.
# usage: build-web.sh OUT.c
# Needs node >= 18 and npm; fetches the packages of web/package-lock.json when they are not there.
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: build-web.sh OUT.c" >&2; exit 2; }
mkdir -p "$(dirname "$1")"
out=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$(dirname "$0")/../web"

die() { printf 'web: %s\n' "$*" >&2; exit 1; }
# shellcheck source=scripts/pinned.sh
. ../scripts/pinned.sh
for program in node npm; do
    command -v $program >/dev/null ||
        die "$program is needed to build the page: run 'make deps', or install nodejs and npm"
done
[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 18 ] ||
    die "node $(node -v) is too old to build the page: 18 or newer is needed"

# One build at a time fetches packages; the others wait for it.
mkdir -p ../build
exec 9>../build/web.lock
flock -w 600 9 || die "another build of the page holds build/web.lock for too long"

wanted=$(sha256sum package-lock.json | cut -d' ' -f1)
if [ "$(cat node_modules/.installed 2>/dev/null)" != "$wanted" ]; then
    npm_ci .
    printf '%s\n' "$wanted" >node_modules/.installed
fi
node node_modules/typescript/bin/tsc --noEmit -p .
node build.mjs "$out"
