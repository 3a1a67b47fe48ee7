#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs Superset into build/superset-venv, imports the bundle and starts it on loopback, until Ctrl-C.
# usage: start.sh install | mysql [URI] | sqlite [URI]
#   install: no more than that
#   mysql:  mysql+pymysql://bi:PASSWORD@HOST:3306/sales_db?charset=utf8mb4, the account of `salestide setup --bi-user`
#   sqlite: sqlite:///file:/path/sales.db?mode=ro&uri=true&check_same_thread=false; data/sales.db of this folder without one
# SUPERSET_HOME (build/superset) keeps its users and settings; SUPERSET_ADMIN_PASSWORD is admin's password, made
# and told when there is none; PORT (8088); SUPERSET_BIND (127.0.0.1) where to listen; SALESTIDE_SUPERSET_URI in place of URI, so that no password is in the list of processes.
set -euo pipefail
cd "$(dirname "$0")/.."
say() { printf 'superset: %s\n' "$*"; }
die() { printf 'superset: %s\n' "$*" >&2; exit 1; }
. scripts/pinned.sh

kind=${1:-}
case $kind in install | mysql | sqlite) ;; *) die "usage: start.sh install | mysql [URI] | sqlite [URI]" ;; esac
[ $# -lt 2 ] || export SALESTIDE_SUPERSET_URI=$2
uri=${SALESTIDE_SUPERSET_URI:-}
if [ "$kind" = sqlite ]; then
    uri=${uri:-sqlite:///file:$PWD/data/sales.db?mode=ro&uri=true&check_same_thread=false}
    file=${uri#sqlite:///} file=${file#file:} file=${file%%\?*}
    [ -r "$file" ] || die "there is no $file to read; URI names another one (sqlite:///file:/path/sales.db?mode=ro&uri=true&check_same_thread=false)"
elif [ "$kind" = mysql ]; then
    [ -n "$uri" ] || die "URI (or SALESTIDE_SUPERSET_URI) has to say where: mysql+pymysql://bi:PASSWORD@HOST:3306/sales_db?charset=utf8mb4"
fi
export SALESTIDE_SUPERSET_URI=$uri

venv=build/superset-venv
python_packages $venv superset/requirements.txt
[ "$kind" != install ] || exit 0

umask 077
home=${SUPERSET_HOME:-$PWD/build/superset}
mkdir -p "$home"
[ -s "$home/secret" ] || $venv/bin/python -c 'import secrets; print(secrets.token_urlsafe(48))' >"$home/secret"
if [ -z "${SUPERSET_ADMIN_PASSWORD:-}" ] && [ ! -e "$home/prepared" ]; then
    SUPERSET_ADMIN_PASSWORD=$($venv/bin/python -c 'import secrets; print(secrets.token_urlsafe(12))')
    echo "superset: the user is admin, the password $SUPERSET_ADMIN_PASSWORD"
fi
export SUPERSET_ADMIN_PASSWORD
# Its "now" is the machine's local time, while times in the views are UTC.
export TZ=UTC SUPERSET_HOME=$home SUPERSET_CONFIG_PATH=$PWD/superset/superset_config.py SALESTIDE_SUPERSET_SOURCE=$kind FLASK_APP=superset
$venv/bin/python superset/bundle.py "$kind" "$home/bundle.zip"
$venv/bin/python superset/prepare.py "$home/bundle.zip" >"$home/start.log" 2>&1 || die "see $home/start.log"
touch "$home/prepared"
rm "$home/bundle.zip"
echo "superset: http://127.0.0.1:${PORT:-8088}/superset/dashboard/salestide/"
exec env --unset=SUPERSET_ADMIN_PASSWORD --unset=SALESTIDE_SUPERSET_URI $venv/bin/gunicorn --bind "${SUPERSET_BIND:-127.0.0.1}:${PORT:-8088}" --workers 1 --threads 8 --timeout 60 --no-control-socket "superset.app:create_app()"
