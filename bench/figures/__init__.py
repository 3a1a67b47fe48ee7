# SPDX-License-Identifier: MIT
"""One module for each heading of docs/benchmarks.md."""
