# SPDX-License-Identifier: MIT
"""An independent reading of the order event's rules, for the differential test.

Written from the contract alone (docs/, not the C code) on Python's own json, decimal, zoneinfo and
csv, and made to be obviously right rather than fast. `rules` judges one event, `engine` keeps what
was accepted and adds it up, `events` makes up the events to compare on.
"""
