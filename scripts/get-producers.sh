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
. scripts/pinned.sh

mkdir -p build/producers
python_packages build/producers/venv tests/clients/producers.txt
get_whole "$PWD/build/producers/connect" "$PWD/build/producers/connect" "Kafka Connect's converter" true \
    "org.apache.kafka:connect-json:$kafka_version"
