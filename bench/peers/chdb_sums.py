# SPDX-License-Identifier: MIT
"""What a file of orders adds up to, by other code than any that is measured: chdb_sums.py FILE prints one JSON object of
the number of events and {"source/state": [orders, total]}."""

import json
import sys

from chdb import session

QUERY = """SELECT source, state, sum(multiIf(event = 'cancelled', -1, event = 'refunded', 0, 1)),
    toString(sum(total * if(event IN ('cancelled', 'refunded'), -1, 1))), count()
    FROM file('{path}', 'JSONEachRow', 'event LowCardinality(String), source LowCardinality(String),
    state LowCardinality(String), total Decimal(19, 4)') GROUP BY source, state FORMAT JSONCompactEachRow
    SETTINGS output_format_json_quote_64bit_integers = 0"""


def main():
    found = session.Session().query(QUERY.format(path=sys.argv[1])).data()
    rows = [json.loads(line) for line in found.splitlines()]
    sums = {f"{source}/{state}": [orders, total] for source, state, orders, total, _ in rows}
    print(json.dumps({"events": sum(row[4] for row in rows), "sums": sums}))


main()
