# SPDX-License-Identifier: MIT
"""deploy/ without containers: image files, compose.yaml and manifests by their linters and schemas, what refers to what,
and the secrets. `make check-containers` builds and runs them."""

import re
import stat
import subprocess

import kubernetes_validate
import pytest
import yaml

import deploy_files
import harness
from deploy_files import DEPLOY, MANIFESTS, PROFILES, STANDINS

SERVICES = sorted(deploy_files.services())
OURS = [name for name in SERVICES if deploy_files.services()[name]["image"].startswith("salestide")]
PODS = sorted(deploy_files.pods())


# --- Image files


@pytest.mark.parametrize("folder", [DEPLOY, STANDINS], ids=["deploy", "standins"])
def test_hadolint_has_nothing_to_say(folder):
    assert deploy_files.run_tool("hadolint", folder / "Dockerfile") == (0, "")


def test_hadolint_sees_what_is_wrong(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM debian:latest\nRUN cd /tmp\n", "ascii")
    code, said = deploy_files.run_tool("hadolint", tmp_path / "Dockerfile")
    assert code != 0
    assert "DL3007" in said


def test_the_context_leaves_out_all_but_what_the_images_are_of():
    lines = (harness.ROOT / ".dockerignore").read_text("ascii").splitlines()
    assert lines[1] == "*", "first nothing, then what is needed"
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    allowed = [line[1:].split("/*")[0] for line in lines if line.startswith("!")]
    for source in (word for line in copied for word in line.split()):
        assert any(source == one or source.startswith(f"{one}/") for one in allowed), source
    assert not {"!.", "!deploy", "!deploy/", "!deploy/*"} & set(lines), "deploy/secrets must stay out"


def test_spark_starts_where_it_can_write():
    """With a root that is read-only its driver ends at once elsewhere: it makes a folder in the working directory."""
    stage = (DEPLOY / "Dockerfile").read_text("utf-8").split("FROM ${DEBIAN} AS spark\n")[1].split("\nFROM ")[0]
    (folder,) = re.findall(r"^WORKDIR (\S+)$", stage, re.MULTILINE)
    for name in ("spark-master", "spark-worker", "spark-submit"):
        assert folder in [one.split(":")[0] for one in deploy_files.services()[name]["tmpfs"]], name


# --- compose.yaml


def test_compose_is_of_its_schema():
    code, said = deploy_files.run_tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose.yaml")
    assert code == 0, said


def test_all_that_is_named_is_there_and_used():
    whole = deploy_files.compose()
    for kind in ("secrets", "volumes", "networks"):
        used = set().union(*(deploy_files.names(one.get(kind)) for one in whole["services"].values()))
        assert used == set(whole[kind]), kind
    for name, one in whole["services"].items():
        assert set(one["profiles"]) <= set(PROFILES), name
        assert one["networks"], name
    assert {profile for one in whole["services"].values() for profile in one["profiles"]} == set(PROFILES)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_all_it_waits_for_in_each_of_its_profiles(name):
    all_services = deploy_files.services()
    for other, wish in all_services[name].get("depends_on", {}).items():
        assert set(all_services[name]["profiles"]) <= set(all_services[other]["profiles"]), other
        if wish["condition"] == "service_healthy":  # our own image has its check, those of others would have none
            assert "healthcheck" in all_services[other] or all_services[other]["image"].startswith("salestide:"), other
        else:
            assert all_services[other]["restart"] == "on-failure", f"{other} does not end"


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_and_nothing_is_published_beyond_this_machine(name):
    one = deploy_files.services()[name]
    assert re.search(r":\d+\.\d+\.\d+$", one["image"]), one["image"]
    for port in one.get("ports", []):
        assert port.startswith("127.0.0.1:"), port


@pytest.mark.parametrize("name", SERVICES)
def test_passwords_are_files(name):
    one = deploy_files.services()[name]
    for variable, value in one.get("environment", {}).items():
        if re.search("PASSWORD|KEY|SECRET", variable):
            assert variable.endswith("_FILE"), variable
            assert value.removeprefix("/run/secrets/") in deploy_files.names(one["secrets"]), value


@pytest.mark.parametrize("name", OURS)
def test_our_containers_can_do_no_more_than_they_need(name):
    one = deploy_files.services()[name]
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert "mem_limit" in one


def test_versions_are_those_that_the_tests_run_with():
    servers = (harness.ROOT / "scripts/get-servers.sh").read_text("utf-8")
    for name in ("kafka", "cassandra"):
        wanted = re.search(rf"^{name}_version=(\S+)", servers, re.MULTILINE)[1]
        assert deploy_files.services()[name]["image"].endswith(f"/{name}:{wanted}")
    version = re.search(r"^VERSION := (\S+)", (harness.ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)[1]
    assert {deploy_files.services()[name]["image"].split(":")[1] for name in OURS} == {version}


def test_kafka_s_health_check_has_room_beside_the_broker():
    """Its script is a Java of its own, which takes the broker's heap from the container's variables."""
    kafka = deploy_files.services()["kafka"]
    check = kafka["healthcheck"]["test"]
    assert check[:2] == ["CMD", "env"]
    options = [kafka["environment"]["KAFKA_HEAP_OPTS"], check[2].removeprefix("KAFKA_HEAP_OPTS=")]
    broker, script = (int(re.search(r"-Xmx(\d+)m$", option)[1]) for option in options)
    assert check[3] == "/opt/kafka/bin/kafka-broker-api-versions.sh"
    assert kafka["mem_limit"] == "1g"
    assert broker + script <= 1024 * 3 // 4, "a Java takes more than its heap"
    standin = (STANDINS / check[3].rpartition("/")[2]).read_text("utf-8")
    assert "${KAFKA_HEAP_OPTS:-" in standin
    assert "-Xm" not in standin.replace("${KAFKA_HEAP_OPTS:--Xmx256M}", ""), "as the script of Kafka, of which 256 MB is the default"


@pytest.mark.parametrize("name", [name for name in OURS if deploy_files.services()[name]["image"].startswith("salestide:")])
def test_the_program_knows_the_options_of_its_containers(name):
    assert deploy_files.unknown_options(deploy_files.services()[name]["command"]) == []


# --- Kubernetes


def test_kustomization_lists_every_manifest():
    listed = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text("utf-8"))["resources"]
    assert sorted(listed) == sorted(p.name for p in MANIFESTS.glob("*.yaml") if p.name != "kustomization.yaml")


@pytest.mark.parametrize(("file", "manifest"), deploy_files.manifests(), ids=lambda v: v if isinstance(v, str) else f"{v['kind']}-{v['metadata']['name']}")
def test_a_manifest_is_of_its_schema(file, manifest):
    kubernetes_validate.validate(manifest, "1.37", strict=True)


def test_the_schemas_refuse_what_is_wrong():
    manifest = deploy_files.of_kind("Deployment")["ingest"]
    manifest["spec"]["template"]["spec"]["containers"][0]["redinessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, "1.37", strict=True)


@pytest.mark.parametrize("name", PODS)
def test_a_pod_is_restricted_and_its_options_are_known(name):
    pod = deploy_files.pods()[name]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert container["resources"]["limits"]["memory"]
    assert deploy_files.unknown_options(container["args"]) == []
    assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in pod["volumes"]}


@pytest.mark.parametrize("name", ["ingest", "process", "dashboard"])
def test_a_part_has_probes_a_service_a_budget_and_a_policy(name):
    labels = deploy_files.pods()[name]["metadata"]["labels"]
    (container,) = deploy_files.pods()[name]["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz", "a server that is away is no reason to restart"
    ports = {one["name"] for one in container["ports"]}
    workload = deploy_files.of_kind("Deployment", "StatefulSet")[name]
    assert workload["spec"]["selector"]["matchLabels"] == labels
    service = deploy_files.of_kind("Service")[name]["spec"]
    assert service["selector"] == labels
    assert {one["targetPort"] for one in service["ports"]} <= ports
    budget = deploy_files.of_kind("PodDisruptionBudget")[name]["spec"]
    assert budget["selector"]["matchLabels"] == labels
    assert workload["spec"]["replicas"] > 1, "with one, a budget would hold up every drain"
    policies = deploy_files.of_kind("NetworkPolicy").values()
    chosen = [one["spec"] for one in policies if any(name in e["values"] for e in one["spec"]["podSelector"].get("matchExpressions", []))]
    assert {kind for one in chosen for kind in one["policyTypes"]} == {"Ingress", "Egress"}


# --- Secrets


def make_secrets(directory):
    return subprocess.run([DEPLOY / "make-secrets.sh", directory], capture_output=True, timeout=30, check=True)


def test_the_secrets_of_compose_are_made_at_random_and_once(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    make_secrets(first)
    made = {path.name: path.read_text("ascii") for path in first.iterdir()}
    wanted = {one["file"].removeprefix("./secrets/") for one in deploy_files.compose()["secrets"].values()}
    assert set(made) == wanted | {"read-key"}
    assert len(set(made.values())) == len(made)
    assert stat.S_IMODE(first.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o644 for path in first.iterdir()), "containers run as other users"
    make_secrets(first)
    assert {path.name: path.read_text("ascii") for path in first.iterdir()} == made, "what is there stays"
    make_secrets(second)
    assert all((second / name).read_text("ascii") != text for name, text in made.items())


def test_the_keys_that_are_made_open_the_door(server, tmp_path):
    make_secrets(tmp_path / "data")
    one = server("--require-keys")
    text = harness.must_run("generate", "--count", 3, "--rate", 0, "--to", one.url, "--key-file", tmp_path / "data/ingest-key")
    assert "3 accepted" in text
    read = (tmp_path / "data/read-key").read_text("ascii").strip()
    assert one.get("/v1/sales", {"Authorization": f"Bearer {read}"}).status == 200
