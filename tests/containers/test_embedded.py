# SPDX-License-Identifier: MIT
"""The image of the program, and the profile `embedded`."""

import http.client
import json
import pathlib

import pytest

import harness
import podman

IMAGE_MAX_BYTES = 64 * 1024 * 1024


@pytest.fixture(scope="module")
def shop(program_image, project):
    one = project("embedded", settings={"SALESTIDE_DEMO_RATE": "50"})
    one.up()
    one.wait_healthy("serve", 60)
    return one


def ask(shop, method, path, body=None, key=None, port="SALESTIDE_PORT"):
    connection = http.client.HTTPConnection("127.0.0.1", shop.ports[port], timeout=30)
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {shop.secret(key)}"} if key else {})}
    try:
        return harness.ask(connection, method, path, body, headers)
    finally:
        connection.close()


def test_the_image_is_small_and_holds_the_program_alone(program_image):
    found = json.loads(podman.podman("image", "inspect", program_image))[0]
    print(f"the image has {found['Size']} bytes")
    assert found["Size"] < IMAGE_MAX_BYTES
    assert found["Config"]["User"] == "10001:10001"
    assert found["Healthcheck"]["Test"] == ["CMD", "/usr/bin/salestide", "ready"]
    for shell in ("/bin/sh", "/bin/bash", "/usr/bin/dpkg"):
        assert podman.podman("run", "--rm", "--entrypoint", shell, program_image, check=False).returncode != 0


def test_the_licence_of_each_part_is_in_the_image(program_image, tmp_path):
    made = podman.podman("create", program_image).strip()
    try:
        podman.podman("cp", f"{made}:/usr", tmp_path)
    finally:
        podman.podman("rm", made)
    doc = tmp_path / "usr/share/doc"
    assert "MIT License" in (doc / "salestide/LICENSE").read_text(encoding="utf-8")
    notices = (doc / "salestide/NOTICES").read_text(encoding="utf-8")
    for licensed in ("Magnus Edenhill", "YaoYuan", "Jason Evans", "Yann Collet"):  # librdkafka, yyjson, jemalloc, xxHash
        assert licensed in notices, licensed
    for package in ("libc6", "libcurl4", "libmariadb3", "libmicrohttpd12", "libsqlite3-0", "libssl3", "zlib1g"):
        assert (doc / package / "copyright").stat().st_size > 0, package


def test_zones_and_encodings_are_in_the_image(program_image, tmp_path):
    (tmp_path / "latin.csv").write_bytes("order_id,created_at,product_id,quantity,total\n1,2026-11-21 10:00:00,caf\xe9,1,5.00\n".encode("latin-1"))
    done = podman.podman("run", "--rm", "--volume", f"{tmp_path}/latin.csv:/latin.csv:ro", program_image, "load", "/latin.csv", "--encoding", "ISO-8859-1",
                         "--timezone", "America/New_York", "--data", "/data/shop", check=False)  # fmt: skip
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert done.returncode == 0, said
    assert "1 accepted" in said, said


def test_orders_are_counted_and_verified(shop):
    order = json.dumps({"order_id": "by-hand", "created_at": "2026-11-21T10:00:00Z", "product_id": "mug", "quantity": 1, "total": "5.00"})
    assert ask(shop, "POST", "/v1/orders", order).status == 401, "no key"
    assert ask(shop, "POST", "/v1/orders", order, "ingest-key").json()["accepted"] == 1
    shop.wait(lambda: orders(shop) > 100, 60, "the generator's orders", "generator")
    assert "all laws hold" in shop.exec("serve", "salestide", "verify")


def orders(shop):
    rows = ask(shop, "GET", "/v1/sales", key="read-key").json()["rows"]
    return sum(row["orders"] for row in rows)


def test_it_runs_as_nobody_in_particular_and_can_write_its_data_alone(shop):
    status = pathlib.Path(f"/proc/{shop.pid('serve')}/status").read_text("ascii")
    assert "Uid:\t10001\t10001" in status
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    found = shop.inspect("serve")
    assert found["HostConfig"]["ReadonlyRootfs"] is True
    assert found["HostConfig"]["PortBindings"]["8080/tcp"][0]["HostIp"] == "127.0.0.1"
    environment = " ".join(found["Config"]["Env"])
    assert shop.secret("ingest-key") not in environment


def test_a_container_that_is_killed_comes_back_with_every_order(shop):
    order = json.dumps({"order_id": "before-the-kill", "created_at": "2026-11-21T10:00:00Z", "product_id": "mug", "quantity": 1, "total": "5.00"})
    assert ask(shop, "POST", "/v1/orders", order, "ingest-key").json()["accepted"] == 1
    before = orders(shop)
    shop.wait_back("serve", shop.kill9("serve"))
    shop.wait_healthy("serve", 60)
    assert ask(shop, "POST", "/v1/orders", order, "ingest-key").json()["duplicate"] == 1
    assert orders(shop) >= before
    shop.wait(lambda: orders(shop) > before + 50, 60, "the generator's orders again", "generator")
    assert "all laws hold" in shop.exec("serve", "salestide", "verify")


def test_the_health_check_fails_while_the_server_does_not_answer(shop):
    pid = shop.pid("serve")
    podman.podman("pause", shop.container("serve"))
    try:
        assert not shop.is_healthy("serve")
    finally:
        podman.podman("unpause", shop.container("serve"))
    shop.wait_healthy("serve", 30)
    assert shop.pid("serve") == pid
