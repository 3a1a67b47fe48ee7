#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Lighthouse, as package-lock.json pins it, in build/lighthouse; got again when that changes.
set -euo pipefail
cd "$(dirname "$0")/../.."
stamp=build/lighthouse/.installed
wanted=$(sha256sum <tests/lighthouse/package-lock.json)
[ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || exit 0
command -v npm >/dev/null || { echo "lighthouse: npm is needed: run 'make deps'" >&2; exit 1; }
rm -rf build/lighthouse
mkdir -p build/lighthouse
cp tests/lighthouse/package.json tests/lighthouse/package-lock.json build/lighthouse/
cd build/lighthouse
# No package's own scripts are run: none is needed.
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null ||
    { echo "lighthouse: npm could not install what tests/lighthouse/package-lock.json lists" >&2; exit 1; }
cd ../..
printf '%s\n' "$wanted" >"$stamp"
