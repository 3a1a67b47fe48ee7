# SPDX-License-Identifier: MIT
"""The kernel (include/salestide/arrow.h) for Python: ctypes and PyArrow, nothing else.

A batch in is anything with __arrow_c_array__ (a pyarrow.RecordBatch, a polars or nanoarrow array); it is moved into the
kernel, which releases it. Batches out are pyarrow.RecordBatch, whose memory is the kernel's own until they are dropped.
"""

import ctypes as c

import pyarrow as pa

ABI = 1
OK, INVALID, NO_MEMORY, BUSY, HISTORY, FAILED = range(6)
STRUCT_BYTES = 128  # no less than ArrowSchema and ArrowArray have


class KernelError(Exception):
    def __init__(self, result, message):
        super().__init__(message)
        self.result = result


class _Error(c.Structure):
    _fields_ = [("text", c.c_char * 512)]


class _ShopOptions(c.Structure):
    _fields_ = [("size_bytes", c.c_uint32), ("currency", c.c_char_p), ("timezone", c.c_char_p), ("tzif", c.c_void_p),
                ("tzif_bytes", c.c_size_t), ("late_limit_ms", c.c_int64)]  # fmt: skip


class _TaskOptions(c.Structure):
    _fields_ = [("size_bytes", c.c_uint32), ("partition", c.c_int32), ("lane", c.c_int32), ("from_offset", c.c_int64),
                ("epoch_us", c.c_int64), ("now_ms", c.c_int64), ("minute_floor", c.c_int32), ("hour_floor", c.c_int32),
                ("gross_json", c.c_char_p), ("has_raw", c.c_int32), ("window_dir", c.c_char_p), ("topic_id", c.c_char_p),
                ("window_ms", c.c_int64), ("window_offset", c.c_int64), ("window_time_ms", c.c_int64),
                ("window_max_bytes", c.c_uint64), ("refused", c.POINTER(c.c_int64)), ("n_refused", c.c_size_t),
                ("lock_wait_ms", c.c_int32)]  # fmt: skip


def _bytes(text):
    return None if text is None else text.encode()


class _Struct:
    """Room for one struct of the interface."""

    def __init__(self):
        self.room = c.create_string_buffer(STRUCT_BYTES)
        self.at = c.addressof(self.room)


def _capsule(name):
    get = c.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = c.c_void_p, [c.py_object, c.c_char_p]
    return lambda capsule: c.c_void_p(get(capsule, name))


_schema_of, _array_of = _capsule(b"arrow_schema"), _capsule(b"arrow_array")


class Library:
    """A shared library of ours: its functions give a result and a line for people."""

    def __init__(self, path, prefix, abi):
        self.lib = c.CDLL(path)
        version, its_abi = getattr(self.lib, f"{prefix}_version"), getattr(self.lib, f"{prefix}_abi")
        version.restype = c.c_char_p
        if its_abi() != abi:
            raise KernelError(INVALID, f"{path} has ABI {its_abi()}, wanted is {abi}: library and job are of different builds")
        self.version = version().decode()

    def call(self, name, *arguments):
        error = _Error()
        result = getattr(self.lib, name)(*arguments, c.byref(error))
        if result not in (OK, HISTORY):
            raise KernelError(result, error.text.decode("utf-8", "replace"))
        return result

    def call_for(self, name, handle, *batch):
        """The rows that come out, of a batch that goes in or of none."""
        capsules = batch[0].__arrow_c_array__() if batch else ()
        pointers = [_schema_of(capsules[0]), _array_of(capsules[1])] if batch else []
        schema, array = _Struct(), _Struct()
        self.call(name, handle, *pointers, c.c_void_p(schema.at), c.c_void_p(array.at))
        return pa.RecordBatch._import_from_c(array.at, schema.at)


class Kernel(Library):
    def __init__(self, path):
        super().__init__(path, "salestide", ABI)

    def call_with(self, name, handle, batch):
        """Of a batch that goes in, and nothing that comes out."""
        schema, array = batch.__arrow_c_array__()  # both live until the call is over
        self.call(name, handle, _schema_of(schema), _array_of(array))

    def shop(self, currency, timezone, tzif, late_limit_ms):
        return Shop(self, currency, timezone, tzif, late_limit_ms)


class Shop:
    def __init__(self, kernel, currency, timezone, tzif, late_limit_ms):
        self.kernel, self.handle = kernel, c.c_void_p()
        zone = c.create_string_buffer(tzif, len(tzif)) if tzif else None
        options = _ShopOptions(c.sizeof(_ShopOptions), _bytes(currency), _bytes(timezone), c.cast(zone, c.c_void_p) if zone else None,
                               len(tzif), late_limit_ms)  # fmt: skip
        kernel.call("salestide_shop_new", c.byref(options), c.byref(self.handle))

    def customers_csv(self, name, content):
        self.kernel.call("salestide_shop_customers_csv", self.handle, _bytes(name), c.c_char_p(content), c.c_size_t(len(content)))

    def customers(self, batch):
        self.kernel.call_with("salestide_shop_customers", self.handle, batch)

    def orders(self, batch):
        """Messages parsed and checked, nothing else."""
        return self.kernel.call_for("salestide_orders", self.handle, batch)

    def identities(self, batch):
        """By what duplicates of the messages are told."""
        return self.kernel.call_for("salestide_identities", self.handle, batch).column("identity")

    def task(self, **options):
        return Task(self, **options)

    def __del__(self):
        if getattr(self, "handle", None):
            self.kernel.lib.salestide_shop_free(self.handle)
            self.handle = None


class Task:
    def __init__(self, shop, refused=(), **options):
        self.shop, self.kernel, self.handle = shop, shop.kernel, c.c_void_p()
        texts = {name: _bytes(options.pop(name)) for name in ("gross_json", "window_dir", "topic_id")}
        offsets = (c.c_int64 * len(refused))(*refused)
        told = _TaskOptions(size_bytes=c.sizeof(_TaskOptions), refused=offsets, n_refused=len(refused), **texts, **options)
        result = self.kernel.call("salestide_task_new", self.shop.handle, c.byref(told), c.byref(self.handle))
        self.needs_history = result == HISTORY

    def push(self, batch, wants_rows=False):
        """The accepted and other rows of a batch, or None when they are not wanted."""
        if wants_rows:
            return self.kernel.call_for("salestide_task_push", self.handle, batch)
        schema, array = batch.__arrow_c_array__()
        self.kernel.call("salestide_task_push", self.handle, _schema_of(schema), _array_of(array), None, None)
        return None

    def sums(self):
        return self.kernel.call_for("salestide_task_sums", self.handle)

    def products(self):
        return self.kernel.call_for("salestide_task_products", self.handle)

    def tally(self, to):
        at, n = c.c_void_p(), c.c_size_t()
        self.kernel.call("salestide_task_tally", self.handle, c.c_int64(to), c.byref(at), c.byref(n))
        return c.string_at(at, n.value)

    def free(self):
        if self.handle:
            self.kernel.lib.salestide_task_free(self.handle)
            self.handle = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.free()

    def __del__(self):
        if getattr(self, "handle", None):
            self.free()
