"""What the chart makes of its values: valid, shut in, secrets by reference, a configuration that works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart import DEFAULTS, EVERYTHING, objects, one, render
from tests.command import run as run_exporter
from tests.tools import ROOT, require_module, run

MANIFESTS = ROOT / "deploy" / "kubernetes" / "manifests"
OPERATED = {"ServiceMonitor", "ScrapeConfig", "PrometheusRule"}
"""Kinds of the Prometheus operator, which Kubernetes itself doesn't know."""

everywhere = pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["defaults", "everything"])


def _pod(values: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = one("Deployment", values)["spec"]["template"]["spec"]
    return spec


def _container(values: dict[str, Any]) -> dict[str, Any]:
    [container] = _pod(values)["containers"]
    made: dict[str, Any] = container
    return made


def test_committed_manifests_are_what_the_chart_renders() -> None:
    """Nobody edits them by hand, and nobody forgets to render them."""
    committed = {path.name: path.read_text(encoding="utf-8") for path in MANIFESTS.iterdir()}
    assert committed == dict(require_module("deploy.generate").manifests()), "run make generate"


def test_the_charts_schema_has_the_configuration_as_it_is() -> None:
    """Nobody forgets to generate it."""
    generate = require_module("deploy.generate")
    assert generate.SCHEMA.read_text(encoding="utf-8") == generate.values_schema(), "run make generate"


@pytest.mark.parametrize("version", ["1.25", "1.37"])
@everywhere
def test_kubernetes_knows_every_field(values: dict[str, Any], version: str, tmp_path: Path) -> None:
    """Each object follows the schemas of the oldest Kubernetes that the chart names, and of the newest."""
    made = [made for made in objects(values) if made["kind"] not in OPERATED]
    file = tmp_path / "objects.yaml"
    file.write_text(yaml.safe_dump_all(made), encoding="utf-8")
    said = run("kubernetes-validate", "--strict", "--kubernetes-version", version, str(file))
    assert said.count(" passed for resource ") == len(made)


@everywhere
def test_objects_belong_together(values: dict[str, Any]) -> None:
    """All carry the same labels, and whatever selects pods selects those of the Deployment."""
    made = objects(values)
    names = {made["metadata"]["name"] for made in made if made["kind"] != "ConfigMap"}
    assert names == {"exotel-exporter"}
    assert all("namespace" not in made["metadata"] for made in made)
    pod = one("Deployment", values)["spec"]["template"]["metadata"]["labels"]
    selectors = [
        one("Deployment", values)["spec"]["selector"]["matchLabels"],
        one("Service", values)["spec"]["selector"],
        one("PodDisruptionBudget", values)["spec"]["selector"]["matchLabels"],
        one("NetworkPolicy", values)["spec"]["podSelector"]["matchLabels"],
    ]
    assert all(selector == selectors[0] for selector in selectors)
    assert selectors[0].items() <= pod.items()


def test_names_of_long_releases_fit() -> None:
    """Kubernetes allows 63 characters for a Service, and a ConfigMap of a dashboard adds some."""
    with require_module("helm_python").Chart.load(ROOT / "deploy/kubernetes/chart") as chart:
        texts = chart.render({"dashboards": {"enabled": True}}, name="r" * 53, namespace="monitoring")
    names = [name for text in texts.values() for name in re.findall(r"^  name: (\S+)$", text, re.MULTILINE)]
    assert len(names) > 5
    assert max(map(len, names)) <= 63


@everywhere
def test_pod_is_shut_in(values: dict[str, Any]) -> None:
    """A numbered user without privileges, capabilities or token, who can write nowhere."""
    pod = _pod(values)
    assert pod["automountServiceAccountToken"] is False
    assert one("ServiceAccount", values)["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "fsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert "USER 65532:65532" in (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    container = _container(values)
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert all(mount["readOnly"] for mount in container["volumeMounts"])
    assert container["resources"]["limits"]["memory"]


@everywhere
def test_secrets_are_only_referred_to(values: dict[str, Any]) -> None:
    """The chart makes no Secret; those it names are files, readable by the exporter's group alone."""
    assert "Secret" not in {made["kind"] for made in objects(values)}
    assert "env" not in _container(values)
    secrets = [volume["secret"] for volume in _pod(values)["volumes"] if "secret" in volume]
    web = ["exotel-web"] if values else []
    assert [secret["secretName"] for secret in secrets] == [*web, "exotel-acme"]
    assert all(secret["defaultMode"] == 0o440 for secret in secrets)


def test_default_accounts_secrets_are_files_of_the_secrets_that_are_mounted() -> None:
    """What the configuration names is there once the Secret is."""
    mounts = {mount["mountPath"] for mount in _container({})["volumeMounts"]}
    [account] = DEFAULTS["config"]["accounts"]
    for file in (account["api_key_file"], account["api_token_file"]):
        assert str(Path(file).parent) in mounts


def test_configuration_is_one_that_the_exporter_takes(tmp_path: Path) -> None:
    """The ConfigMap holds what values say, numbers as they were; the exporter finds no mistake in it."""
    example = yaml.safe_load((ROOT / "config.example.yaml").read_text(encoding="utf-8"))
    for account in example["accounts"]:
        for secret in ("api_key", "api_token"):
            del account[secret]
            account[f"{secret}_file"] = f"/run/secrets/acme/{secret}"
            (tmp_path / secret).write_text("hush", encoding="utf-8")
        account["call_limit"] = 10_000_000
    text = one("ConfigMap", {"config": example})["data"]["config.yaml"]
    assert yaml.safe_load(text) == example
    file = tmp_path / "config.yaml"
    file.write_text(text.replace("/run/secrets/acme", str(tmp_path)), encoding="utf-8")
    assert run_exporter(f"--config.file={file}", "--config.check").out == "ok\n"


@everywhere
def test_arguments_are_flags_of_the_exporter(values: dict[str, Any]) -> None:
    """And the files that they name are mounted."""
    known = set(re.findall(r"--[a-z.-]+", run_exporter("--help").out))
    container = _container(values)
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    for argument in container["args"]:
        flag, _, value = argument.partition("=")
        assert flag in known
        assert not value.startswith("/") or str(Path(value).parent) in mounts


def test_changed_configuration_rolls_out() -> None:
    """Its checksum is an annotation of the pod; what has nothing to do with it changes none."""

    def checksum(values: dict[str, Any]) -> str:
        annotations = one("Deployment", values)["spec"]["template"]["metadata"]["annotations"]
        return str(annotations["checksum/config"])

    changed = {**DEFAULTS["config"], "collection": {"page_size": 50}}
    assert checksum({}) == checksum({"replicas": 2}) != checksum({"config": changed})


def test_old_pods_go_when_new_ones_are_ready() -> None:
    """An upgrade loses no scrape, and scrapes in flight have their 5 s."""
    deployment = one("Deployment", {})["spec"]
    assert deployment["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert _pod({})["terminationGracePeriodSeconds"] > 5


def test_kubelet_asks_plainly_where_it_can() -> None:
    """Over HTTP, at the port that the container names."""
    container = _container({})
    assert container["ports"] == [{"name": "http", "containerPort": 9927}]
    assert container["livenessProbe"]["httpGet"] == {"path": "/-/healthy", "port": "http"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/-/ready", "port": "http"}


@pytest.mark.parametrize(("tls", "scheme"), [(True, "https"), (False, "http")])
def test_kubelet_has_the_exporter_asked_from_inside_where_it_may_be_refused(
    *, tls: bool, scheme: str
) -> None:
    """With TLS or basic auth the image's own health check asks, for which a refusal is an answer."""
    container = _container({"webConfig": {"secret": "exotel-web", "tls": tls}})
    for probe, path in [("livenessProbe", "/-/healthy"), ("readinessProbe", "/-/ready")]:
        assert container[probe]["exec"]["command"] == [
            "python",
            "/opt/exotel-exporter/healthcheck.py",
            f"{scheme}://127.0.0.1:9927{path}",
        ]
        assert container[probe]["timeoutSeconds"] >= 5


def test_network_is_shut_but_for_what_is_needed() -> None:
    """In: Prometheus, at one port. Out: names, and Exotel over TLS."""
    policy = one("NetworkPolicy", {})["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    [way_in] = policy["ingress"]
    assert way_in["ports"] == [{"port": 9927, "protocol": "TCP"}]
    assert way_in["from"] == DEFAULTS["networkPolicy"]["from"]
    ways_out = [(port["port"], port["protocol"]) for rule in policy["egress"] for port in rule["ports"]]
    assert ways_out == [(53, "UDP"), (53, "TCP"), (443, "TCP")]


def test_notes_say_what_is_left_to_do() -> None:
    """Which Secrets are missing, and who would have to scrape it."""
    notes = render({})["NOTES.txt"]
    assert "exotel-acme" in notes
    assert "Nothing scrapes it yet" in notes
    assert "Nothing scrapes it yet" not in render(EVERYTHING)["NOTES.txt"]
    assert "Set prometheusRule.grafanaUrl" in render(EVERYTHING)["NOTES.txt"]
