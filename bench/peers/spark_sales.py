# SPDX-License-Identifier: MIT
"""The same sums as people write them with Spark Structured Streaming: spark_sales.py KIND ARGUMENTS, where ARGUMENTS is
one JSON object: bootstrap, topic, mysql (how to connect), work (a directory), jars (Spark's connector for Kafka), and
batch (most orders of one), without which it goes on when all that was there is counted.

From a Kafka topic, JSON by from_json with a schema, checks as filters, sums by source and state in DECIMAL, each
micro-batch added to one table of MySQL by foreachBatch in one transaction. Duplicates are looked for by `dedupe` alone.
KIND:

    plain   as written
    tuned   without the rule that copies the parsing into every filter, so that each order is parsed once; polls that take
            20,000 records, not the client's 500
    dedupe  like tuned, and an event that came within 24 h before, by the time it came into the topic, is left out
"""

import datetime
import json
import sys

import pymysql
from pyspark.sql import SparkSession
from pyspark.sql import functions as f

TUNED = {"spark.sql.optimizer.excludedRules": "org.apache.spark.sql.catalyst.optimizer.PushDownPredicates"}
IDENTITY = ("order_id", "event", "event_id")
HEAP = {"dedupe": "8g"}  # its state is on the heap, twice while a batch runs
AMOUNTS = ("subtotal", "discount", "shipping", "tax", "total")
SCHEMA = ("order_id BIGINT, event STRING, event_id STRING, created_at TIMESTAMP, customer_id BIGINT, product_id BIGINT, "
          "quantity BIGINT, source STRING, state STRING, " + ", ".join(f"{name} DECIMAL(19,4)" for name in AMOUNTS))  # fmt: skip
ADD = """INSERT INTO peer_sums (source, state, orders, total) VALUES (%s, %s, %s, %s)
         ON DUPLICATE KEY UPDATE orders = orders + VALUES(orders), total = total + VALUES(total)"""


def session(kind, work, jars):
    builder = SparkSession.builder.master("local[2]").appName("sales")
    settings = {"spark.jars": ",".join(jars), "spark.ui.enabled": "false", "spark.driver.memory": HEAP.get(kind, "3g"),
                "spark.sql.shuffle.partitions": "2", "spark.sql.session.timeZone": "UTC", "spark.local.dir": work,
                **({} if kind == "plain" else TUNED)}  # fmt: skip
    for key, value in settings.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def orders(spark, kind, what):
    raw = (spark.readStream.format("kafka").option("kafka.bootstrap.servers", what["bootstrap"])
           .option("subscribe", what["topic"]).option("startingOffsets", "earliest"))  # fmt: skip
    if what.get("batch"):
        raw = raw.option("maxOffsetsPerTrigger", what["batch"])
    if kind != "plain":
        raw = raw.option("kafka.max.poll.records", "20000")
    order = raw.load().select(f.from_json(f.col("value").cast("string"), SCHEMA).alias("o"),
                              f.col("timestamp").alias("arrival")).select("o.*", "arrival")  # fmt: skip
    order = order.where("order_id IS NOT NULL AND created_at IS NOT NULL AND product_id IS NOT NULL")
    order = order.where("quantity >= 0 AND total >= 0 AND subtotal >= 0")
    if kind == "dedupe":
        order = order.withWatermark("arrival", "24 hours").dropDuplicatesWithinWatermark(list(IDENTITY))
    sign = f.when(f.col("event").isin("cancelled", "refunded"), -1).otherwise(1)
    counted = f.when(f.col("event") == "cancelled", -1).when(f.col("event") == "refunded", 0).otherwise(1)
    return order.select("source", "state", counted.alias("orders"), (f.col("total") * sign).alias("total"))


def add_to(mysql):
    def add(batch, batch_id):
        rows = batch.groupBy("source", "state").agg(f.sum("orders"), f.sum("total"), f.count("*")).collect()
        if not rows:  # as every other one with a watermark
            return
        with pymysql.connect(**mysql) as connection, connection.cursor() as cursor:
            cursor.executemany(ADD, [tuple(row)[:4] for row in sorted(rows)])
            cursor.execute("INSERT INTO peer_batches VALUES (%s, %s, %s)",
                           (batch_id, datetime.datetime.now(datetime.UTC), sum(row[4] for row in rows)))  # fmt: skip
            connection.commit()

    return add


def main():
    kind, what = sys.argv[1], json.loads(sys.argv[2])
    spark = session(kind, what["work"], what["jars"])
    stream = orders(spark, kind, what).writeStream.foreachBatch(add_to(what["mysql"])).option("checkpointLocation", what["work"] + "/checkpoint")
    if what.get("batch"):
        stream = stream.trigger(availableNow=True)
    stream.start().awaitTermination()
    spark.stop()


main()
