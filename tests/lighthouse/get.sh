#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Lighthouse, as package-lock.json pins it, in build/lighthouse.
set -euo pipefail
cd "$(dirname "$0")/../.."
say() { printf 'lighthouse: %s\n' "$*"; }
die() { printf 'lighthouse: %s\n' "$*" >&2; exit 1; }
. scripts/pinned.sh
npm_packages build/lighthouse tests/lighthouse
