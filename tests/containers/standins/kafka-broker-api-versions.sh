#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# As Kafka's own, it takes the heap of the container's variables where its caller says no other.
# shellcheck disable=SC2086  # options are several words
exec java ${KAFKA_HEAP_OPTS:--Xmx256M} -XX:TieredStopAtLevel=1 -cp '/opt/kafka/lib/*' org.apache.kafka.tools.BrokerApiVersionsCommand "$@"
