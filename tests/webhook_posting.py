# SPDX-License-Identifier: MIT
"""Deliveries of shops (webhook_shops.py) to a server of ours."""

import concurrent.futures

import harness
import webhook_shops as shops


def add_secret(data, system, secret=None):
    done = harness.run("webhook", "add", system, "--data", data, "--secret-file", "-",
                       stdin=(secret or shops.SECRETS[system]).encode() + b"\n")  # fmt: skip
    assert done.returncode == 0, done
    return done


def pour(one, hooks, connections=6):
    """Posts all over a few connections; each has to be taken."""
    def run(mine):
        connection = one.connection()
        try:
            for hook in mine:
                answer = harness.ask(connection, "POST", shops.PATHS[hook.system], hook.body, shops.headers_of(hook))
                assert answer.status in (200, 202), (hook, answer)
                assert answer.json().get("rejected", 0) == 0, (hook, answer)
        finally:
            connection.close()

    with concurrent.futures.ThreadPoolExecutor(connections) as pool:
        list(pool.map(run, [hooks[i::connections] for i in range(connections)]))
