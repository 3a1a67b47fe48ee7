# SPDX-License-Identifier: MIT
"""Which executor is to read which partition: the same one batch after batch, since its disk has the partition's window. Spark's
own Kafka source chooses alike, but gives messages."""

import pyspark.sql

COLUMN = "partition"


def frame(spark, partitions):
    """A frame with one task, of one row, for each partition; each says where it would rather run. No executors of their own, as
    in local mode: anywhere."""
    jvm, context = spark._jvm, spark._jsc.sc()
    homes = _executors(jvm)
    rows = jvm.java.util.ArrayList()
    for partition in partitions:
        home = jvm.java.util.ArrayList()
        if homes:
            home.append(homes[partition % len(homes)])
        row = jvm.org.apache.spark.sql.RowFactory.create(_array(spark, jvm.Object, [partition]))
        rows.append(jvm.scala.Tuple2(row, _seq(jvm, home)))
    of_any = jvm.scala.reflect.ClassTag.AnyRef()
    made = context.makeRDD(_seq(jvm, rows), of_any).toJavaRDD()
    schema = jvm.org.apache.spark.sql.types.StructType().add(COLUMN, "int", False)
    return pyspark.sql.DataFrame(spark._jsparkSession.createDataFrame(made, schema), spark)


def _executors(jvm):
    """As Spark wants to be told of them, in an order that stays while they do."""
    blocks = jvm.org.apache.spark.SparkEnv.get().blockManager()
    peers = blocks.master().getPeers(blocks.blockManagerId())
    return sorted(f"executor_{one.host()}_{one.executorId()}" for one in (peers.apply(i) for i in range(peers.size())))


def _seq(jvm, items):
    return jvm.org.apache.spark.api.python.PythonUtils.toSeq(items)


def _array(spark, kind, items):
    made = spark._sc._gateway.new_array(kind, len(items))
    for i, item in enumerate(items):
        made[i] = item
    return made
