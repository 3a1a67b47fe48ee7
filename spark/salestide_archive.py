# SPDX-License-Identifier: MIT
"""Accepted placed orders as Parquet: DIR/day=2026-11-28/part-....parquet, by the UTC date of created_at.

    1. before the commit   rows go to DIR/_pending/NAME/data, and what they are of to DIR/_pending/NAME/moves.json
    2. after the commit    each file is renamed into its day's folder; then the pending folder is removed
    3. at a start          pending ones whose batch the aggregates have are finished; others are removed, since Spark gives
                           their batch again

So each order that the job counted is in the archive once, whenever it was killed. (Orders that another process
counted are not.) Names that begin with _ are no data to Spark, PyArrow and others.
"""

import json
import uuid

from pyspark.sql import functions

from salestide_failure import log
from salestide_files import Folder
from salestide_ranges import is_committed
from salestide_task import ORDER_COLUMNS

PENDING = "_pending"
COLUMNS = [name for name in ORDER_COLUMNS if name != "epoch_us"]


class Archive:
    def __init__(self, spark, path):
        self.files = Folder(spark, path)

    def write_pending(self, frames, topic_id, moves):
        """Returns the name to finish by."""
        name = f"{PENDING}/{uuid.uuid4()}"
        for rows in frames:
            rows = rows.select("partition", *COLUMNS).withColumn("day", functions.to_date("created_at"))
            rows.write.mode("append").partitionBy("day").parquet(self.files.url(f"{name}/data"))
        moved = {str(move["partition"]): [move["from"], move["to"]] for move in moves}
        self.files.write(f"{name}/moves.json", json.dumps({"topic_id": topic_id, "moves": moved}))
        return name

    def drop(self, name):
        """What was written for a batch that is done again, or was never done."""
        self.files.remove(self.files.at(name))

    def finish(self, name):
        data = f"{name}/data"
        for day, is_folder in self.files.list(self.files.at(data)):
            if not is_folder or day.startswith(("_", ".")):
                continue
            self.files.make(self.files.at(day))
            for part, _ in self.files.list(self.files.at(f"{data}/{day}")):
                if not part.startswith(("_", ".")):
                    self.files.rename(self.files.at(f"{data}/{day}/{part}"), self.files.at(f"{day}/{part}"))
        self.files.remove(self.files.at(name))

    def recover(self, topic_id, positions):
        """At a start. `positions`: {partition: the next offset} as the aggregates have them."""
        for name, _ in self.files.list(self.files.at(PENDING)):
            name = f"{PENDING}/{name}"
            text = self.files.read(f"{name}/moves.json")
            if text and is_committed(json.loads(text), topic_id, positions):
                log("info", f"the archive's {name} is finished: its batch was committed")
                self.finish(name)
            else:
                log("info", f"the archive's {name} is removed: its batch was not committed")
                self.drop(name)
