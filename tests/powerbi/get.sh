#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what tests/powerbi/requirements.txt lists, and nothing that it asks for besides, into build/powerbi-venv.
set -euo pipefail
cd "$(dirname "$0")/../.."
say() { printf 'powerbi: %s\n' "$*"; }
die() { printf 'powerbi: %s\n' "$*" >&2; exit 1; }
. scripts/pinned.sh
python_packages build/powerbi-venv tests/powerbi/requirements.txt --no-deps
