# SPDX-License-Identifier: MIT
"""Placed orders into Cassandra, by Spark's connector: the rows that the program itself writes (src/store/cassandra), with
the claim's epoch as write time, so that a row of an owner before loses against one of the owner now. Cancellations and
refunds are written by `salestide tally`, which looks their orders up.

Absent fields are left unset, not null. Writing a row again changes nothing.
"""

import salestide_address as address
from salestide_failure import Failure

FORMAT = "org.apache.spark.sql.cassandra"
ORDERS, BY_CUSTOMER = "orders", "orders_by_customer"
COLUMNS = {  # of the tables that `salestide setup` makes, in Spark's words
    "order_id": "string", "created_at": "timestamp", "customer_id": "string", "product_id": "string", "quantity": "int",
    "subtotal": "decimal", "discount": "decimal", "shipping": "decimal", "tax": "decimal", "total": "decimal", "currency": "string",
    "source": "string", "state": "string", "items": "string", "timestamp": "timestamp", "position": "bigint",
}  # fmt: skip
WRITE_TIME = "epoch_us"
TRUST_STORE = "spark.cassandra.connection.ssl.trustStore.path"


def session_settings(options, given):
    """Of the connector, for Spark's session. `given`: the SparkConf with what the user says after --, which goes before them."""
    if options.keyspace is None:
        return {}
    where = options.keyspace
    ports = {port for _, port in where.hosts}
    if len(ports) > 1:
        raise Failure("Spark's connector takes one port for all hosts of --raw", 2)
    if options.cassandra_ca and not given.contains(TRUST_STORE):
        raise Failure("--cassandra-ca: Spark's connector trusts a key store, not PEM: give one with the same certificates too, as "
                      f"{TRUST_STORE} and .password after --", 2)  # fmt: skip
    found = {"spark.cassandra.connection.host": ",".join(name for name, _ in where.hosts),
             "spark.cassandra.connection.port": str(ports.pop()),
             "spark.cassandra.output.consistency.level": options.cassandra_consistency,
             "spark.cassandra.output.ignoreNulls": "true"}  # fmt: skip
    if where.user:
        password = address.read_secret("SALESTIDE_CASSANDRA_PASSWORD", options.cassandra_password_file)
        found.update({"spark.cassandra.auth.username": where.user, "spark.cassandra.auth.password": password})
    if options.cassandra_tls or options.cassandra_ca:
        found["spark.cassandra.connection.ssl.enabled"] = "true"
    return found


class Raw:
    def __init__(self, spark, keyspace):
        self.spark, self.keyspace = spark, keyspace
        self._check(ORDERS)
        self._check(BY_CUSTOMER)

    def _check(self, table):
        """Tables of others may have other columns and types, which only the program itself knows to fill."""
        where = f"{self.keyspace}.{table}"
        try:
            schema = self.spark.read.format(FORMAT).options(keyspace=self.keyspace, table=table).load().schema
        except Exception as problem:
            raise Failure(f"Cassandra's table {where} cannot be used from Spark: {str(problem).splitlines()[0]}") from None
        have = {field.name: field.dataType.simpleString().partition("(")[0] for field in schema}
        wrong = [name for name, kind in COLUMNS.items() if have.get(name) != kind]
        if wrong:
            raise Failure(f"Cassandra's table {where} is not as `salestide setup` makes it ({', '.join(wrong)}): the job in Spark "
                          "writes only such tables; `salestide process` writes others too", 2)  # fmt: skip

    def write(self, rows):
        """`rows`: of accepted placed orders, with the columns of the kernel."""
        rows = rows.withColumnRenamed("arrival", "timestamp").withColumn("quantity", rows.quantity.cast("int"))
        rows = rows.select(*COLUMNS, WRITE_TIME)
        self._append(rows, ORDERS)
        self._append(rows.where("customer_id IS NOT NULL"), BY_CUSTOMER)

    def _append(self, rows, table):
        rows.write.format(FORMAT).options(keyspace=self.keyspace, table=table, writetime=WRITE_TIME).mode("append").save()
