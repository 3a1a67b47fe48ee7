#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A broker from variables: KAFKA_LOG_DIRS is log.dirs, and so on.
set -euo pipefail
properties=/tmp/server.properties
env | sed -nE 's/^KAFKA_([A-Z_]+)=(.*)$/\1 \2/p' | while read -r name value; do
    [ "$name" = HEAP_OPTS ] || printf '%s=%s\n' "$(tr 'A-Z_' 'a-z.' <<<"$name")" "$value"
done >"$properties"
java=(java -Djava.awt.headless=true -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp '/opt/kafka/lib/*')
[ -e "$KAFKA_LOG_DIRS/meta.properties" ] ||
    "${java[@]}" kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qg -c "$properties"
# shellcheck disable=SC2086  # options are several words
exec ${java[0]} ${KAFKA_HEAP_OPTS:-} "${java[@]:1}" kafka.Kafka "$properties"
