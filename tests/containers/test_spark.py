# SPDX-License-Identifier: MIT
"""The profile `spark`: master, worker and job in the place of `process`."""

import pytest

from test_native import counted, dashboard, post, settled, start

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def shop(program_image, spark_image, standins, project):
    one = project("spark", settings={"SALESTIDE_DEMO_RATE": "50"})
    one.up("spark-master")
    one.wait_healthy("spark-master", 120)
    one.up("spark-worker")
    one.wait_healthy("spark-worker", 120)
    start(one, ["spark-submit"])
    return one


def test_the_job_counts_and_goes_on_after_a_kill(shop):
    post(shop, "by-hand")
    shop.up("generator")
    shop.wait(lambda: counted(shop) > 200, 240, "the generator's orders", "spark-submit")
    assert dashboard(shop, "/v1/orders/by-hand")["order"]["state"] == "CA"
    before = counted(shop)
    shop.wait_back("spark-submit", shop.kill9("spark-submit"))
    shop.wait(lambda: counted(shop) > before + 200, 240, "orders after the kill", "spark-submit")
    settled(shop, "spark-submit")
    assert "all laws hold" in shop.exec("dashboard", "salestide", "verify")
