#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Makes the passwords and API keys of compose.yaml, each at random, into secrets/ beside it. What is there stays.
# usage: make-secrets.sh [DIR]
# The folder is this user's alone; its files can be read by all, since the containers, to which they are mounted one by one,
# run as other users.
set -euo pipefail
secrets=${1:-$(dirname "$0")/secrets}
umask 022
mkdir -p "$secrets"
chmod 700 "$secrets"
cd "$secrets"

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; } # 256 bits, as 64 digits; a key takes 61
make() { # NAME TEXT
    [ -s "$1" ] || { printf '%s\n' "$2" >"$1.new" && mv "$1.new" "$1"; }
}
for name in mysql-root-password mysql-password bi-password superset-admin-password; do
    make "$name" "$(random)"
done
# API keys, and the file in which the servers find their hashes, in the form that `salestide key` writes.
if [ ! -s keys ]; then
    make ingest-key "st_$(random | cut -c 1-61)"
    make read-key "st_$(random | cut -c 1-61)"
    for scope in ingest read; do
        printf '%s %s %s %s\n' "$(random | cut -c 1-8)" "$scope" "$(tr -d '\n' <"$scope-key" | sha256sum | cut -d' ' -f1)" \
            "$(date -u +%Y-%m-%dT%H:%M:%S.000Z)"
    done >keys.new
    mv keys.new keys
fi
echo "secrets: in $PWD; read-key is what the page asks for, superset-admin-password is admin's at Superset"
