#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The demo of `make run`: a server on ./data and a made-up shop that sends it orders, until Ctrl-C.
# SALESTIDE_LISTEN, SALESTIDE_DATA and DEMO_RATE (orders per second, 20) change what they say.
# shellcheck disable=SC2317  # stop is called by the traps
set -euo pipefail
cd "$(dirname "$0")/.."
program=build/salestide
listen=${SALESTIDE_LISTEN:-127.0.0.1:8080}
data=${SALESTIDE_DATA:-./data}
rate=${DEMO_RATE:-20}
serve='' generate=''

# Stops both by their ids and waits: serve drains what it has taken.
stop() {
    trap - INT TERM EXIT
    for pid in $generate $serve; do
        kill "$pid" 2>/dev/null || true
    done
    for pid in $generate $serve; do
        wait "$pid" 2>/dev/null || true
    done
}
trap 'stop; exit 0' INT TERM
trap stop EXIT

host=${listen%:*} port=${listen##*:}
host=${host#[} host=${host%]}
case $host in 0.0.0.0 | ::) host=localhost ;; esac

# True when the server answers that it is ready.
ready() {
    local line=''
    exec 3<>"/dev/tcp/$host/$port" || return 1
    printf 'GET /readyz HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$listen" >&3
    read -r -t 2 line <&3 || true
    exec 3>&-
    [[ $line == *' 200 '* ]]
}

# Demo orders must never go to a server that was there before.
if (exec 3<>"/dev/tcp/$host/$port") 2>/dev/null; then
    echo "run-demo: something listens on $listen already; try SALESTIDE_LISTEN=127.0.0.1:8081 SALESTIDE_DATA=./data2 make run" >&2
    exit 1
fi

mkdir -p "$data"
"$program" generate --write-customers "$data/demo-customers.csv" \
    --write-products "$data/demo-products.csv"

"$program" serve --listen "$listen" --data "$data" --customers "$data/demo-customers.csv" \
    --products "$data/demo-products.csv" &
serve=$!
for ((tries = 0; ; tries++)); do
    kill -0 "$serve" 2>/dev/null || { wait "$serve" || exit $?; }
    if ready 2>/dev/null; then
        break
    fi
    [ "$tries" -lt 100 ] || { echo "run-demo: the server is not ready after 20 s" >&2; exit 1; }
    sleep 0.2
done

"$program" generate --rate "$rate" --to "http://$listen" &
generate=$!
cat <<TEXT

    Salestide runs. The live page:   http://$listen/
    $rate orders a second come in; the data is in $data. Ctrl-C stops both.

TEXT
# Whichever ends first ends the demo; then the other is stopped.
code=0
wait -n "$serve" "$generate" || code=$?
exit "$code"
