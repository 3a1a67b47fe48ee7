#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a container of the Superset image runs: superset/start.sh over the views in MySQL, with passwords from files.
# SUPERSET_MYSQL is the server and the database (mysql:3306/sales_db), SUPERSET_MYSQL_USER who asks (bi).
set -euo pipefail
cd "$(dirname "$0")/.."
secret() { # NAME: the first line of its file
    local line=
    IFS= read -r line <"/run/secrets/$1" || true
    [ -n "$line" ] || { echo "superset: /run/secrets/$1 has no password" >&2; exit 2; }
    printf '%s' "$line"
}
SUPERSET_ADMIN_PASSWORD=$(secret superset-admin-password)
password=$(secret bi-password)
case $password in *[!A-Za-z0-9._~-]*) echo "superset: bi-password: letters, digits, . _ ~ and - only, as it is part of an address" >&2; exit 2 ;; esac
export SUPERSET_ADMIN_PASSWORD
export SALESTIDE_SUPERSET_URI="mysql+pymysql://${SUPERSET_MYSQL_USER:-bi}:$password@${SUPERSET_MYSQL:-mysql:3306/sales_db}?charset=utf8mb4"
exec superset/start.sh mysql
