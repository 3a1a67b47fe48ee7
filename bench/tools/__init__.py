# SPDX-License-Identifier: MIT
"""What the figures share: processes, profiles, wrk, tables."""
