# SPDX-License-Identifier: MIT
"""A job for spark-submit: doubles some numbers by mapInArrow in four tasks, writes them as Parquet into the folder
of its first argument, and prints what is there afterwards and where its Python ran. With a second argument each
task takes that many seconds."""

import json
import sys

from pyspark.sql import SparkSession

ROWS, TASKS = 1000, 4


def doubled(seconds):
    def run(batches):
        import os
        import time

        import pyarrow
        import pyarrow.compute

        for batch in batches:
            time.sleep(seconds)
            numbers = pyarrow.compute.multiply(batch.column(0), 2)
            yield pyarrow.RecordBatch.from_arrays([numbers, pyarrow.array([os.getcwd()] * batch.num_rows)], ["n", "folder"])

    return run


folder, seconds = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 0
session = SparkSession.builder.getOrCreate()
session.range(0, ROWS, 1, TASKS).mapInArrow(doubled(seconds), "n long, folder string").write.parquet(folder)
rows = session.read.parquet(folder).collect()
print(json.dumps({"rows": len(rows), "sum": sum(row.n for row in rows), "folders": sorted({row.folder for row in rows})}))
session.stop()
