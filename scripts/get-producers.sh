#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Gets other people's producers, whose messages the long form of tests/cluster/test_envelopes.py reads: Kafka Connect's
# JSON converter from the Maven registry, Confluent's serializers for Python. Either is made again when its version
# changes. Two callers at a time wait for each other.
# usage: get-producers.sh
set -euo pipefail
cd "$(dirname "$0")/.."

kafka_version=4.3.1 # as of the servers (get-servers.sh)
about=producers
. scripts/maven.sh

# A virtual environment cannot be renamed: it is whole when it has the list it was made from.
get_python() {
    local venv=build/producers/venv wanted=tests/clients/producers.txt
    ! cmp -s "$wanted" "$venv/requirements.txt" || return 0
    exec {lock}>build/producers/venv.lock
    flock --timeout 1800 "$lock" || die "another process has been getting them for half an hour (build/producers/venv.lock)"
    if ! cmp -s "$wanted" "$venv/requirements.txt"; then
        say "installing Confluent's client into $venv"
        rm -rf "$venv"
        python3 -m venv "$venv"
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$wanted" </dev/null ||
            die "pip could not install what $wanted lists"
        cp "$wanted" "$venv/requirements.txt"
    fi
    exec {lock}>&-
}

mkdir -p build/producers
get_python
get_whole "$PWD/build/producers/connect" "$PWD/build/producers/connect" "Kafka Connect's converter" true \
    "org.apache.kafka:connect-json:$kafka_version"
