#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what tests/powerbi/requirements.txt lists into build/powerbi-venv, when that is not there already.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=build/powerbi-venv
wanted=tests/powerbi/requirements.txt
! cmp -s $wanted $venv/requirements.txt || exit 0
rm -rf $venv
python3 -m venv $venv
$venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement $wanted </dev/null || {
    echo "powerbi: pip could not install what $wanted lists" >&2
    exit 1
}
cp $wanted $venv/
