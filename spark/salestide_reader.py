# SPDX-License-Identifier: MIT
"""Ranges of the topic straight from the brokers (include/salestide/reader.h) for Python, as batches that the kernel takes."""

import ctypes as c
import weakref

import pyarrow as pa
import salestide_kernel as kernel

ABI = 1


class _Options(c.Structure):
    _fields_ = [("size_bytes", c.c_uint32), ("topic", c.c_char_p), ("names", c.POINTER(c.c_char_p)), ("values", c.POINTER(c.c_char_p)),
                ("n_settings", c.c_size_t), ("timeout_ms", c.c_int32)]  # fmt: skip


def _texts(texts):
    return (c.c_char_p * len(texts))(*(text.encode() for text in texts))


class Reader(kernel.Library):
    """Of one topic. One thread at a time, and only the process that made it."""

    def __init__(self, path, topic, settings, timeout_ms):
        """`settings`: librdkafka's, {name: value}."""
        super().__init__(path, "salestide_reader", ABI)
        self.handle = c.c_void_p()
        options = _Options(c.sizeof(_Options), topic.encode(), _texts(settings.keys()), _texts(settings.values()), len(settings), timeout_ms)
        self.call("salestide_reader_new", c.byref(options), c.byref(self.handle))
        # Before the process ends too: its threads would run on in libraries that are being taken down.
        self.close = weakref.finalize(self, self.lib.salestide_reader_free, self.handle)

    def batches(self, partition, start, to):
        """pyarrow.RecordBatches of all that is there from offset `start` up to `to`."""
        self.call("salestide_reader_begin", self.handle, c.c_int32(partition), c.c_int64(start), c.c_int64(to))
        while True:
            batch = self.call_for("salestide_reader_next", self.handle)
            if not batch.num_rows:
                return
            yield batch
