#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A query of MySQL that is only read and written again adds the time of day twice.
#
# Versions: sqlglot 28.10.1 (Superset 6.1.0 asks for >=28.10,<29); 30.30.0 for comparison.
# Expected: MySQL's dialect in, MySQL's dialect out: the same query.
# Seen (2026-11-29): DATE_ADD(DATE(t), ...) comes back as DATE_ADD(t, ...). DATE() cut the time of day off, so the
#   hours and minutes that are added then come on top of those that t has: 17:03 becomes 10:06 of the next day. Superset's
#   time grains of a second, a minute and an hour on MySQL are written that way and go through sqlglot before they
#   are run: its charts show other times, and nothing is said.
# Output:
#   the query   SELECT DATE_ADD(DATE(t), INTERVAL (HOUR(t) * 60 + MINUTE(t)) MINUTE)
#   28.10.1     SELECT DATE_ADD(t, INTERVAL (HOUR(t) * 60 + MINUTE(t)) MINUTE)
#   30.30.0     SELECT DATE_ADD(DATE(t), INTERVAL (HOUR(t) * 60 + MINUTE(t)) MINUTE)
# What helps: no time grain over MySQL in Superset; cut times to minutes and hours in a view, and group by that column.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
query='SELECT DATE_ADD(DATE(t), INTERVAL (HOUR(t) * 60 + MINUTE(t)) MINUTE)'
again() { # VERSION: the query as this version writes it
    python3 -m venv "$dir/$1"
    timeout 300 "$dir/$1/bin/pip" --quiet --disable-pip-version-check install --no-deps "sqlglot==$1"
    timeout 60 "$dir/$1/bin/python" -c \
        'import sys, sqlglot; print(*sqlglot.transpile(sys.argv[1], read="mysql", write="mysql"))' "$query"
}
old=$(again 28.10.1)
new=$(again 30.30.0)
printf '%-11s %s\n' "the query" "$query" 28.10.1 "$old" 30.30.0 "$new"
if [ "$old" = "$query" ] || [ "$new" != "$query" ]; then
    echo "changed: the version that changes the query is another one now" >&2
    exit 1
fi
