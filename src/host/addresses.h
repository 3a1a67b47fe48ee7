// SPDX-License-Identifier: MIT
// Where MySQL, Cassandra and Kafka are and who asks, as the options of a command say. Clients get
// these plain structs and know no option.
//
// Credentials come from a file or the environment, never from the address or a flag: others on the
// machine would see them in the list of processes. Whoever has one of these structs wipes its
// password at the end.
#pragma once
#include "broker/kafka_config.h"
#include "broker/kafka_topic.h"
#include "host/options.h"
#include "store/cassandra/cassandra.h"
#include "store/mysql/mysql_connection.h"

// mysql://USER@HOST/DATABASE with --mysql-password-file, --mysql-tls, --mysql-ca.
MUST_CHECK bool mysql_address_of_options(const struct options *o, const char *url,
                                         struct mysql_address *out, struct error *err);

// cassandra://HOST/KEYSPACE with --cassandra-password-file, --cassandra-tls, --cassandra-ca,
// --cassandra-consistency.
MUST_CHECK bool cassandra_address_of_options(const struct options *o, const char *url,
                                             struct cassandra_address *out, struct error *err);

// kafka://HOST/TOPIC with --kafka-*. The texts of *out live as long as `o`.
MUST_CHECK bool kafka_settings_read(const char *url, const struct options *o,
                                    struct kafka_settings *out, struct error *err);
// --create-topic, --partitions, --replication.
struct kafka_topic_wish kafka_topic_wish_of(const struct options *o);
