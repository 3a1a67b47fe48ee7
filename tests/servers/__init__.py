# SPDX-License-Identifier: MIT
"""The real servers, started by the tests: Kafka, Cassandra, MariaDB, MySQL 8, HDFS, YARN, standalone Spark.

Each is a class and a context manager with the same verbs (see process.Server): it starts in a directory
that the caller hands in, on free ports of 127.0.0.1, and is ended by its own process id.
`scripts/get-servers.sh` and, for Spark, `scripts/get-spark.sh` bring the programs.
"""
