#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# No file of the project may name a path of one person's machine, and every C file, script and Python
# file says its licence on the first or second line.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
code=0
git ls-files >/dev/null || exit # what it looks at are git's files
# The pattern is put together so that this file does not match itself.
machine='(^|[^A-Za-z0-9_.$}/-])/(ho''me|ro''ot|Us''ers|wo''rk|wo''rkspace|m''nt)/[A-Za-z0-9_.]'
if git grep -nIE "$machine" -- . ':!web/package-lock.json'; then
    echo "the lines above name a path of somebody's machine"
    code=1
fi
while read -r file; do
    [ ! -s "$file" ] || head -n 2 "$file" | grep -q 'SPDX-License-Identifier: MIT' ||
        { echo "$file: no licence line (SPDX-License-Identifier: MIT)"; code=1; }
done < <(git ls-files '*.c' '*.h' '*.py' '*.sh' '*.ts' Makefile)
exit $code
