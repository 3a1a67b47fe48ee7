# SPDX-License-Identifier: MIT
"""Clients that other people's generators make of /openapi.json: they compile, post and ask."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

import harness

ROOT = pathlib.Path(__file__).parent.parent.parent
SOURCES = ROOT / "tests" / "clients"
INSTALLED = ROOT / "build" / "clients"  # by `make deps`


def step(*command, cwd, env=None):
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, timeout=120, check=False,
                          stdin=subprocess.DEVNULL, env={**harness.clean_env(), **(env or {})})  # fmt: skip
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def described(server, tmp_path):
    """A server, and a folder with its own description."""
    one = server()
    folder = tmp_path / "client"
    folder.mkdir()
    (folder / "openapi.json").write_bytes(one.get("/openapi.json").body)
    return one, folder


def test_a_client_of_openapi_typescript_compiles_posts_and_asks(described):
    one, folder = described
    for name in ("client.ts", "tsconfig.json", "package.json"):
        shutil.copy(SOURCES / name, folder)
    os.symlink(INSTALLED / "node_modules", folder / "node_modules")
    step("node", "node_modules/openapi-typescript/bin/cli.js", "openapi.json", "-o", "schema.d.ts", cwd=folder)
    step("node", "node_modules/typescript/bin/tsc", "-p", ".", cwd=folder)
    assert step("node", "client.js", one.url, cwd=folder) == "all as expected\n"


def test_a_client_of_openapi_python_client_posts_and_asks(described):
    one, folder = described
    (folder / "config.yaml").write_text("package_name_override: salestide_client\npost_hooks: []\n", encoding="ascii")
    bin_folder = INSTALLED / "venv" / "bin"
    step(bin_folder / "openapi-python-client", "generate", "--path", "openapi.json", "--config", "config.yaml", "--meta",
         "none", "--output-path", "salestide_client", cwd=folder)  # fmt: skip
    said = step(bin_folder / "python", SOURCES / "client.py", one.url, cwd=folder, env={"PYTHONPATH": str(folder)})
    assert said == "all as expected\n"


def test_a_client_of_openapi_generator_posts_and_asks(described):
    one, folder = described
    bin_folder = INSTALLED / "venv" / "bin"
    step(bin_folder / "openapi-generator-cli", "generate", "--generator-name", "python", "--input-spec", "openapi.json",
         "--package-name", "salestide_generated", "--output", "generated", "--global-property", "apis,models,supportingFiles",
         cwd=folder)  # fmt: skip
    said = step(bin_folder / "python", SOURCES / "client_openapi_generator.py", one.url, cwd=folder,
                env={"PYTHONPATH": str(folder / "generated")})  # fmt: skip
    assert said == "all as expected\n"


def test_what_the_description_forbids_is_refused_and_what_it_allows_is_taken(server):
    one = server()
    described = json.loads(one.get("/openapi.json").body)
    body = described["paths"]["/v1/orders"]["post"]["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
    assert body[1]["minItems"] == 1
    one.post([]).problem(400)
    (before,) = [p["schema"] for p in described["paths"]["/v1/rejected"]["get"]["parameters"] if p["name"] == "before"]
    assert one.get(f"/v1/rejected?before={before['maximum']}").status == 200
    one.get(f"/v1/rejected?before={before['maximum'] + 1}").problem(400)
    event = described["components"]["schemas"]["OrderEvent"]
    for name, field in event["properties"].items():
        if name in event["required"]:
            continue
        assert "default" not in field, name
        fields = {name: None}
        if name in ("product_id", "quantity"):
            fields = {"product_id": None, "quantity": None, "items": [{"product_id": 1, "quantity": 1}]}
        answer = one.post(harness.order(f"null-{name}", **fields))
        assert answer.status == 202, (name, answer.body)


def integers(schema, name=""):
    """All integers of a description, with the names of their fields."""
    if isinstance(schema, list):
        for each in schema:
            yield from integers(each, name)
    elif isinstance(schema, dict):
        if "integer" in (schema.get("type") if isinstance(schema.get("type"), list) else [schema.get("type")]):
            yield name, schema
        for key, value in schema.items():
            yield from integers(value, name if key in ("oneOf", "schema") else key)


def test_clients_of_other_languages_read_ids_sums_and_times_as_64_bits(server):
    """Without the format a generator for Java or C# takes 32 bits: the ids of a shop, and milliseconds, would not fit."""
    described = json.loads(server().get("/openapi.json").body)
    wide = {"order_id", "customer_id", "product_id", "id", "next_before", "position", "orders", "units", "cancelled_orders",
            "refunds", "since_ms"}  # fmt: skip
    seen = set()
    for name, schema in integers(described):
        if name in wide or schema.get("maximum", 0) >= 2**31:
            assert schema.get("format") == "int64", (name, schema)
            seen.add(name)
    assert wide <= seen
