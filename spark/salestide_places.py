# SPDX-License-Identifier: MIT
"""Which executor is to read which partition: the same one batch after batch, since its disk has the partition's window. Spark's
own Kafka source chooses alike, but gives messages.

What was made for some partitions is taken again as long as the executors are the same: each word to the JVM costs a batch time.
"""

import pyspark.sql
from pyspark.serializers import NoOpSerializer

COLUMN = "partition"


class Places:
    """One task, of one row, for each partition; each says where it would rather run. No executors of their own, as in local
    mode: anywhere."""

    def __init__(self, spark):
        self.spark, self.jvm = spark, spark._jvm
        self.blocks = self.jvm.org.apache.spark.SparkEnv.get().blockManager()
        self.made = {}  # by kind: (what for, what)

    def numbers(self, partitions):
        """An RDD of partitions' numbers, as digits."""
        return self._kept("numbers", partitions, lambda p: bytearray(b"%d" % p),
                          lambda rows: pyspark.RDD(rows, self.spark.sparkContext, NoOpSerializer()))  # fmt: skip

    def frame(self, partitions):
        """The same as a DataFrame."""
        return self._kept("frame", partitions, self._row, self._frame_of)

    def _kept(self, kind, partitions, row_of, made_of):
        wanted = (tuple(partitions), tuple(self._executors()))
        if self.made.get(kind, (None,))[0] != wanted:
            self.made[kind] = (wanted, made_of(self._placed(*wanted, row_of)))
        return self.made[kind][1]

    def _placed(self, partitions, homes, row_of):
        rows = self.jvm.java.util.ArrayList()
        for partition in partitions:
            home = self.jvm.java.util.ArrayList()
            if homes:
                home.append(homes[partition % len(homes)])
            rows.append(self.jvm.scala.Tuple2(row_of(partition), self._seq(home)))
        of_any = self.jvm.scala.reflect.ClassTag.AnyRef()
        return self.spark._jsc.sc().makeRDD(self._seq(rows), of_any).toJavaRDD()

    def _row(self, partition):
        values = self.spark._sc._gateway.new_array(self.jvm.Object, 1)
        values[0] = partition
        return self.jvm.org.apache.spark.sql.RowFactory.create(values)

    def _frame_of(self, rows):
        schema = self.jvm.org.apache.spark.sql.types.StructType().add(COLUMN, "int", False)
        return pyspark.sql.DataFrame(self.spark._jsparkSession.createDataFrame(rows, schema), self.spark)

    def _executors(self):
        """As Spark wants to be told of them, in an order that stays while they do."""
        peers = self.blocks.master().getPeers(self.blocks.blockManagerId())
        return sorted(f"executor_{one.host()}_{one.executorId()}" for one in (peers.apply(i) for i in range(peers.size())))

    def _seq(self, items):
        return self.jvm.org.apache.spark.api.python.PythonUtils.toSeq(items)
