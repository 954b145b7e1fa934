"""The Helm chart, as Helm renders it: closed, shut in, complete."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from deploy import generate
from exporter.cli import main
from grafana.panels import CONSOLE
from tests.command import run as run_exporter
from tests.expressions import DASHBOARDS, RULES
from tests.offenders import for_each
from tests.packages import PROJECT, VERSION
from tests.tools import ROOT, require, run

CHART = ROOT / "deploy" / "kubernetes" / "chart"
MANIFESTS = ROOT / "deploy" / "kubernetes" / "manifests"
DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
ACCOUNT = DEFAULTS["config"]["accounts"][0]
ADDRESS = "exotel-exporter.monitoring.svc:9927"
OPERATED = {"ServiceMonitor", "ScrapeConfig", "PrometheusRule"}
"""Kinds of the Prometheus operator, which Kubernetes itself doesn't know."""

PROXY = {"name": "PROXY_URL", "valueFrom": {"secretKeyRef": {"name": "exotel-proxy", "key": "url"}}}
API: dict[str, Any] = {"ipBlock": {"cidr": "192.0.2.0/24", "except": ["192.0.2.1/32"]}}

#: Everything switched on.
EVERYTHING: dict[str, Any] = {
    "imagePullSecrets": [{"name": "registry"}],
    "extraArgs": ["--web.enable-live-calls", "--web.external-url=https://example.com/exotel"],
    "extraEnv": [PROXY],
    "webConfig": {"secret": "exotel-web"},
    "serviceMonitor": {
        "enabled": True,
        "tlsConfig": {"serverName": "exporter.example.com"},
        "basicAuth": {name: {"name": "exotel-web", "key": name} for name in ("username", "password")},
    },
    "scrapeConfig": {"enabled": True},
    "prometheusRule": {"enabled": True},
    "dashboards": {"enabled": True, "annotations": {"grafana_folder": "Exotel"}},
    "networkPolicy": {"to": [API]},
    "podLabels": {"example.com/injected": "false"},
    "podAnnotations": {"example.com/team": "voice"},
    "nodeSelector": {"kubernetes.io/arch": "amd64"},
    "tolerations": [{"key": "example.com/spot", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
}


MONITORED = {"serviceMonitor": {"enabled": True}}
MANY = {"serviceMonitor": {"enabled": True}, "scrapeConfig": {"enabled": True}}
RULED = {"prometheusRule": {"enabled": True}}

everywhere = for_each([("defaults", {}), ("everything", EVERYTHING)])


def helm(*arguments: str, values: dict[str, Any]) -> str:
    """Return what Helm writes, with these values for the chart."""
    require("helm")
    return generate.helm(*arguments, values=values)


def render(values: dict[str, Any], release: str = generate.RELEASE, chart: Path = CHART) -> dict[str, str]:
    """Return the objects that Helm makes with these values, by the name of their template."""
    require("helm")
    return generate.render(values, release, chart)


def objects(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every object that Kubernetes would be given."""
    return _objects(json.dumps(values))


@cache
def _objects(values: str) -> list[dict[str, Any]]:
    texts = render(json.loads(values)).values()
    return [made for text in texts for made in yaml.load_all(text, yaml.CSafeLoader) if made]


def one(kind: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return the only object of this kind."""
    [made] = [made for made in objects(values) if made["kind"] == kind]
    return made


def _pod(values: dict[str, Any]) -> dict[str, Any]:
    return one("Deployment", values)["spec"]["template"]["spec"]  # type: ignore[no-any-return]


def _container(values: dict[str, Any]) -> dict[str, Any]:
    [container] = _pod(values)["containers"]
    return container  # type: ignore[no-any-return]


@everywhere
def test_helm_has_no_complaint(values: dict[str, Any]) -> None:
    """`helm lint --strict` warns of nothing; that a picture is recommended is no warning."""
    said = helm("lint", "--strict", str(CHART), values=values)
    assert re.findall(r"^\[.*$", said, re.MULTILINE) == ["[INFO] Chart.yaml: icon is recommended"]
    assert "1 chart(s) linted, 0 chart(s) failed" in said


def test_chart_is_of_the_programs_version() -> None:
    """And so is the image that it starts by default."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert (chart["version"], chart["appVersion"]) == (VERSION, VERSION)
    assert (chart["name"], chart["description"]) == (PROJECT["name"], PROJECT["description"])


def test_packed_chart_holds_the_rules_and_dashboards(tmp_path: Path) -> None:
    """They are links to where they belong; an archive has the files themselves."""
    run("helm", "package", str(CHART), f"--destination={tmp_path}")
    [packed] = tmp_path.iterdir()
    assert render(EVERYTHING, chart=packed) == _everything()
    with tarfile.open(packed) as archive:
        held = {name for name in archive.getnames() if "/files/" in name}
    assert held == {f"exotel-exporter/files/rules/{file.name}" for file in RULES.glob("*.yml")} | {
        f"exotel-exporter/files/dashboards/{file.name}" for file in DASHBOARDS.glob("*.json")
    }


def test_schema_is_a_schema_and_takes_the_defaults() -> None:
    """values.yaml is what values.schema.json allows, by another reader than Helm's."""
    schema = str(CHART / "values.schema.json")
    run("check-jsonschema", "--check-metaschema", schema)
    run("check-jsonschema", "--schemafile", schema, str(CHART / "values.yaml"))


def test_schema_is_closed() -> None:
    """A misspelt value is an error, wherever it stands."""

    def objects(schema: dict[str, Any], place: str) -> Iterator[tuple[str, dict[str, Any]]]:
        if "properties" in schema:
            yield place, schema
        for key, value in schema.items():
            if isinstance(value, dict):
                yield from objects(value, f"{place}/{key}")

    assert not [
        place for place, schema in objects(SCHEMA, "") if schema.get("additionalProperties") is not False
    ]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"replica": 2}, "'replica' not allowed"),
    ({"image": {"name": "exporter"}}, "/image"),
    ({"image": {"digest": "sha256:short"}}, "/image/digest"),
    ({"replicas": "2"}, "/replicas"),
    ({"config": {"accounts": []}}, "/config/accounts"),
    ({"config": {"accounts": [{**ACCOUNT, "api_key": "key"}]}}, "/config/accounts/0/api_key"),
    ({"config": {"accounts": [{**ACCOUNT, "api_token": "${TOKEN}"}]}}, "/config/accounts/0/api_token"),
    ({"config": {"accounts": [{**ACCOUNT, "api_key_file": "key"}]}}, "/config/accounts/0/api_key_file"),
    ({"config": {"accounts": [{**ACCOUNT, "proxy_url": "http://me:x@proxy"}]}}, "/0/proxy_url"),
    ({"config": {"collection": {"proxy_url": "http://me:x@proxy"}}}, "/config/collection/proxy_url"),
    ({"config": {"collections": {}}}, "'collections' not allowed"),
    ({"config": {"collection": {"timeout": 10}}}, "/config/collection/timeout"),
    ({"config": {"accounts": [{**ACCOUNT, "timeoutt": "10s"}]}}, "'timeoutt' not allowed"),
    ({"secrets": ["Exotel Acme"]}, "/secrets/0"),
    ({"secrets": ["exotel-acme", "exotel-acme"]}, "/secrets"),
    ({"secrets": ["exotel..acme"]}, "/secrets/0"),
    ({"extraArgs": "--web.enable-live-calls"}, "/extraArgs"),
    ({"extraArgs": ["doctor"]}, "/extraArgs/0"),
    ({"extraArgs": ["--web.max-requests", "9"]}, "/extraArgs/1"),
    ({"extraEnv": [{"name": "PROXY_URL"}]}, "/extraEnv/0"),
    ({"extraEnv": [{"name": "PROXY_URL", "value": "http://carol:hush@proxy:3128"}]}, "/extraEnv/0/value"),
    ({"extraEnv": [PROXY, PROXY]}, "extraEnv: found PROXY_URL twice"),
    ({"extraEnv": [{**PROXY, "value": "http://proxy"}]}, "/extraEnv/0"),
    ({"extraEnv": [{"name": "PROXY-URL", "value": "http://proxy"}]}, "/extraEnv/0/name"),
    ({"extraEnv": [{"name": "RETRIES", "value": 1}]}, "/extraEnv/0/value"),
    ({"extraEnv": [{"name": "A", "valueFrom": {"secretKey": {}}}]}, "/extraEnv/0/valueFrom"),
    ({"extraEnv": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "a"}}}]}, "/valueFrom/secretKeyRef"),
    ({"log": {"format": "text"}}, "/log/format"),
    ({"serviceMonitor": {"interval": "1m"}}, "/serviceMonitor/interval"),
    ({"serviceMonitor": {"basicAuth": {"password": "hush"}}}, "/serviceMonitor/basicAuth/password"),
    (
        {"webConfig": {"secret": "exotel-web"}, **MONITORED},
        "serviceMonitor.tlsConfig: found none, and TLS in webConfig",
    ),
    ({"webConfig": {"secret": "exotel-web"}, **MANY}, "serviceMonitor.tlsConfig: found none"),
    ({"serviceMonitor": {"labels": {"app.kubernetes.io/name": "mine"}}}, "/labels/app.kubernetes.io~1name"),
    (
        {"serviceMonitor": {"enabled": True, "interval": "5s"}},
        "serviceMonitor.scrapeTimeout: found 10s; accepted",
    ),
    ({"prometheusRule": {"grafanaUrl": "grafana.example.com"}}, "/prometheusRule/grafanaUrl"),
    (
        {"prometheusRule": {"grafanaUrl": "https://grafana.example.com/?orgId=1"}},
        "/prometheusRule/grafanaUrl",
    ),
    (
        {"prometheusRule": {"runbooksUrl": "https://wiki.example.com/#runbooks"}},
        "/prometheusRule/runbooksUrl",
    ),
    ({"dashboards": {"consoleUrl": "javascript:alert(1)//"}}, "/dashboards/consoleUrl"),
    ({"dashboards": {"consoleUrl": 'https://calls.example.com/"'}}, "/dashboards/consoleUrl"),
    ({"prometheusRule": {"runbooksUrl": "wiki.example.com"}}, "/prometheusRule/runbooksUrl"),
    ({"networkPolicy": {"egressPorts": []}}, "/networkPolicy/egressPorts"),
    ({"networkPolicy": {"from": [{}]}}, "/networkPolicy/from/0"),
    ({"networkPolicy": {"to": [{"host": "ccm-api.exotel.com"}]}}, "/networkPolicy/to/0"),
    ({"networkPolicy": {"to": [{"ipBlock": {"cidr": "192.0.2.1"}}]}}, "/networkPolicy/to/0/ipBlock/cidr"),
    ({"networkPolicy": {"to": [{**API, "podSelector": {}}]}}, "/networkPolicy/to/0"),
    ({"networkPolicy": {"dnsPorts": []}}, "/networkPolicy/dnsPorts"),
    ({"networkPolicy": {"from": [{"podSelector": {"matchlabels": {"app": "a"}}}]}}, "/from/0/podSelector"),
    ({"podSecurityContext": {"runAsUser": "exporter"}}, "/podSecurityContext/runAsUser"),
    ({"podSecurityContext": {"runAsuser": 1000}}, "'runAsuser' not allowed"),
    ({"podLabels": {"app.kubernetes.io/instance": "mine"}}, "/podLabels/app.kubernetes.io~1instance"),
    ({"podLabels": {"team": "voice and data"}}, "/podLabels/team"),
    ({"podLabels": {"team name": "voice"}}, "'team name' not allowed"),
    ({"podAnnotations": {"checksum/config": "0"}}, "/podAnnotations/checksum~1config"),
    ({"image": {"tag": 1234567}}, "/image/tag"),
    ({"image": {"tag": "0.2.0 "}}, "/image/tag"),
    ({"image": {"repository": "registry.example.com/exotel exporter"}}, "/image/repository"),
    ({**EVERYTHING, "replicas": 2}, "scrapeConfig.enabled: found replicas above 1"),
    ({"scrapeConfig": {"enabled": True}}, "scrapeConfig.enabled: found serviceMonitor.enabled false"),
    *(
        (
            {"prometheusRule": {"enabled": True, "thresholds": {record: "vector(1)"}}},
            f"prometheusRule.thresholds: found {record}; accepted: a record of",
        )
        for record in (
            "account:exotel_typo:threshold",
            "own:exotel_clock_ahead_seconds:threshold",
            "account:exotel_up:max2m",
            "account:exotel_up:group",
            "url:exotel_dashboards:info",
        )
    ),
    ({"prometheusRule": {"thresholds": {"all:exotel_clock_ahead_seconds:threshold": ""}}}, "/thresholds"),
    ({"prometheusRule": {"thresholds": {"all:exotel_clock_ahead_seconds:threshold": True}}}, "/thresholds"),
]


@for_each((str(case), case) for case in REFUSED)
def test_bad_values_are_refused_by_name(case: tuple[dict[str, Any], str]) -> None:
    """Helm says which value it is; no secret can stand in values, where they would be stored in the clear.

    What no schema can tell, as of values that don't fit together, is told when the chart is rendered.
    """
    values, place = case
    with pytest.raises(generate.HelmError) as refused:
        render(values)
    assert place in str(refused.value)


#: Another value for each that values.yaml has.
OTHERS: dict[str, Any] = {
    "image.repository": "example.com/other",
    "image.tag": "9.9.9",
    "image.digest": f"sha256:{'1' * 64}",
    "image.pullPolicy": "Always",
    "imagePullSecrets": [{"name": "other"}],
    "replicas": 0,
    "config": {"accounts": [{**ACCOUNT, "call_limit": 10_000_000}]},
    "secrets": ["exotel-other"],
    "extraArgs": ["--web.enable-lifecycle"],
    "extraEnv": [{"name": "HOST_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}],
    "log.level": "debug",
    "log.format": "json",
    "webConfig.secret": "other",
    "webConfig.tls": False,
    "resources": {"requests": {"memory": "1Gi"}},
    "serviceMonitor.enabled": False,
    "serviceMonitor.labels": {"release": "prometheus"},
    "serviceMonitor.interval": "30s",
    "serviceMonitor.scrapeTimeout": "5s",
    "serviceMonitor.tlsConfig": {"insecureSkipVerify": True},
    "serviceMonitor.basicAuth": {"password": {"name": "other", "key": "password"}},
    "scrapeConfig.enabled": False,
    "prometheusRule.enabled": False,
    "prometheusRule.labels": {"release": "prometheus"},
    "prometheusRule.grafanaUrl": "https://grafana.example.org",
    "prometheusRule.runbooksUrl": "https://wiki.example.org/runbooks",
    "prometheusRule.thresholds": {"all:exotel_clock_ahead_seconds:threshold": "vector(9)"},
    "dashboards.enabled": False,
    "dashboards.labels": {"dashboards": "yes"},
    "dashboards.annotations": {"grafana_folder": "Voice"},
    "dashboards.consoleUrl": "https://calls.example.org/",
    "podDisruptionBudget.enabled": False,
    "networkPolicy.enabled": False,
    "networkPolicy.from": [{"podSelector": {}}],
    "networkPolicy.egressPorts": [3128],
    "networkPolicy.to": [{"podSelector": {"matchLabels": {"app": "proxy"}}}],
    "networkPolicy.dnsPorts": [5353],
    "networkPolicy.dnsTo": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "dns"}}}],
    "podSecurityContext": {"runAsUser": 1_000_680_000},
    "podLabels": {"example.com/other": "yes"},
    "podAnnotations": {"example.com/other": "yes"},
    "nodeSelector": {"kubernetes.io/arch": "arm64"},
    "tolerations": [{"key": "example.com/other", "operator": "Exists"}],
    "affinity": {"podAffinity": {}},
}


def _paths(values: dict[str, Any]) -> Iterator[str]:
    whole = ("config", "resources", "podSecurityContext")
    for name, value in values.items():
        if isinstance(value, dict) and value and name not in whole:
            yield from (f"{name}.{path}" for path in value)
        else:
            yield name


def test_a_chart_that_depends_on_it_can_switch_it_on() -> None:
    """By the value that `condition` names, which Helm hands on."""
    assert render({"enabled": True}).keys() == render({}).keys()


def test_every_value_is_known_here() -> None:
    """So that the next test forgets none."""
    assert [*_paths(DEFAULTS)] == [*OTHERS]


@for_each(zip(OTHERS, OTHERS, strict=True))
def test_every_value_has_an_effect(path: str) -> None:
    """None is accepted and then forgotten."""
    section, _, key = path.partition(".")
    own = EVERYTHING.get(section, {})
    changed = {**EVERYTHING, section: {**own, key: OTHERS[path]} if key else OTHERS[path]}
    if path == "serviceMonitor.enabled":
        changed["scrapeConfig"] = {"enabled": False}
    assert render(changed) != _everything()


@for_each(zip(OTHERS, OTHERS, strict=True))
def test_value_that_is_removed_is_missed_by_name_or_not_at_all(path: str) -> None:
    """Null removes a value: the chart then says that it is missing, or makes objects without it."""
    section, _, key = path.partition(".")
    own = EVERYTHING.get(section, {})
    changed = {**EVERYTHING, section: {**own, key: None} if key else None}
    made, said = [], f"missing property '{key or section}'"
    try:
        made = objects(changed)
    except generate.HelmError as refused:
        said = str(refused)
    assert f"missing property '{key or section}'" in said or f"{path}: found" in said
    assert not [*_empty(made)]


def _empty(value: Any, place: str = "") -> Iterator[str]:
    """Yield the place of each field without a value."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _empty(inner, f"{place}/{key}")
    elif value is None:
        yield place


@cache
def _everything() -> dict[str, str]:
    return render(EVERYTHING)


def test_committed_manifests_are_what_the_chart_renders() -> None:
    """Nobody edits them by hand, and nobody forgets to render them."""
    committed = {path.name: path.read_text(encoding="utf-8") for path in MANIFESTS.iterdir()}
    require("helm")
    assert committed == dict(generate.manifests()), "run make generate"


def test_the_charts_schema_has_the_configuration_as_it_is() -> None:
    """Nobody forgets to generate it."""
    assert generate.SCHEMA.read_text(encoding="utf-8") == generate.values_schema(), "run make generate"


def test_kubernetes_knows_every_field(tmp_path: Path) -> None:
    """Each object follows the schemas of the oldest Kubernetes that the chart names, and of the newest."""
    made = [made for made in objects({}) + objects(EVERYTHING) if made["kind"] not in OPERATED]
    file = tmp_path / "objects.yaml"
    file.write_text(yaml.dump_all(made, Dumper=yaml.CSafeDumper), encoding="utf-8")
    for version in ("1.25", "1.35", "1.36", "1.37"):
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
    texts = render({"dashboards": {"enabled": True}}, release="r" * 53)
    names = [name for text in texts.values() for name in re.findall(r"^  name: (\S+)$", text, re.MULTILINE)]
    assert len(names) > 5
    assert max(map(len, names)) <= 63


def test_names_of_releases_that_no_service_can_have_are_refused() -> None:
    """Helm allows a digit in front and a dot, Kubernetes doesn't."""
    for release in ("1exotel", "exotel.acme"):
        with pytest.raises(
            generate.HelmError, match=f"name of the release: found {release}; accepted: a letter"
        ):
            render({}, release=release)


def test_names_stay_texts_whatever_they_look_like() -> None:
    """A Secret may be called 1e3, a release true, and an image as 1:2."""
    values = {"secrets": ["123", "1e3"], "image": {"repository": "1", "tag": "2"}}
    deployment = yaml.safe_load(render(values, release="true")["deployment.yaml"])
    assert deployment["metadata"]["labels"]["app.kubernetes.io/instance"] == "true"
    pod = deployment["spec"]["template"]["spec"]
    assert [volume["secret"]["secretName"] for volume in pod["volumes"][1:]] == ["123", "1e3"]
    assert pod["containers"][0]["image"] == "1:2"


def test_version_in_labels_fits_whatever_the_tag() -> None:
    """A tag may have 128 characters, a label 63, of which the last is a letter or a digit."""
    labels = one("Service", {"image": {"tag": "_" + "a." * 63}})["metadata"]["labels"]
    assert re.fullmatch(r"a[a.]{0,61}a", labels["app.kubernetes.io/version"])


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


def test_security_context_of_the_pod_is_merged_and_null_removes_a_key() -> None:
    """As for OpenShift, which chooses user and groups itself; the rest stays."""
    default = DEFAULTS["podSecurityContext"]
    numbers = ("runAsUser", "runAsGroup", "fsGroup")
    openshift = _pod({"podSecurityContext": dict.fromkeys(numbers)})
    assert openshift["securityContext"] == {k: v for k, v in default.items() if k not in numbers}
    other = {"runAsUser": 1_000_680_000, "supplementalGroups": [5]}
    assert _pod({"podSecurityContext": other})["securityContext"] == {**default, **other}
    assert "securityContext" not in _pod({"podSecurityContext": None})


def test_labels_of_the_pod_select_nothing() -> None:
    """They stand beside those of the chart, and can be changed without a new Deployment."""
    deployment = one("Deployment", EVERYTHING)["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert labels == {
        **one("Deployment", {})["spec"]["template"]["metadata"]["labels"],
        "example.com/injected": "false",
    }
    assert "example.com/injected" not in deployment["selector"]["matchLabels"]


def test_configuration_takes_from_the_environment_what_a_secret_holds(tmp_path: Path) -> None:
    """The URL of a proxy, with its password, doesn't stand in values; the exporter takes ${PROXY_URL}."""
    for secret in ("api_key", "api_token"):
        (tmp_path / secret).write_text("hush", encoding="utf-8")
    values = {"config": {"accounts": [{**ACCOUNT, "proxy_url": "${PROXY_URL}"}]}, "extraEnv": [PROXY]}
    assert _container(values)["env"] == [PROXY]
    text = one("ConfigMap", values)["data"]["config.yaml"].replace("/run/secrets/exotel-acme", str(tmp_path))
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    asked = (f"--config.file={file}", "--config.check")
    assert run_exporter(*asked, PROXY_URL="http://me:x@proxy.example.com:3128").out == "ok\n"


@everywhere
def test_secrets_are_only_referred_to(values: dict[str, Any]) -> None:
    """The chart makes no Secret; those it names are files, readable by the exporter's group alone."""
    assert "Secret" not in {made["kind"] for made in objects(values)}
    assert _container(values).get("env", []) == values.get("extraEnv", [])
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
    known = {name for option in main.params for name in option.opts}
    container = _container(values)
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    for argument in container["args"]:
        flag, _, value = argument.partition("=")
        assert flag in known
        assert not flag.endswith(".file") or str(Path(value).parent) in mounts


YOURS = {
    "--web.disable-exporter-metrics",
    "--web.enable-lifecycle",
    "--web.enable-live-calls",
    "--web.external-url=1",
    "--web.max-requests=1",
}


@for_each((option.opts[0], option) for option in main.params)
def test_every_flag_is_yours_or_the_charts(option: click.Parameter) -> None:
    """What the chart sets, or what its Service, probes and mounts rest on, is refused in one line."""
    flag = option.opts[0]
    given, wrong = (flag, f"{flag}=true") if getattr(option, "is_flag", False) else (f"{flag}=1", flag)
    if given in YOURS:
        assert given in _container({"extraArgs": sorted(YOURS)})["args"]
    refused = wrong if given in YOURS else given
    with pytest.raises(generate.HelmError) as error:
        render({"extraArgs": [refused]})
    assert f"extraArgs: found {refused}; accepted: --web.enable-live-calls, --web.ext" in str(error.value)


def test_probes_and_scrapes_find_their_paths_whatever_the_external_url() -> None:
    """A path of it is the Ingress's, not the exporter's."""
    args = _container(EVERYTHING)["args"]
    assert args[-3:] == ["--web.route-prefix=/", *EVERYTHING["extraArgs"]]
    assert "--web.route-prefix=/" not in _container({})["args"]


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


@for_each([("https", True), ("http", False)])
def test_kubelet_has_the_exporter_asked_from_inside_where_it_may_be_refused(tls: bool) -> None:
    """With TLS or basic auth the image's own health check asks, for which a refusal is an answer."""
    container = _container({"webConfig": {"secret": "exotel-web", "tls": tls}})
    scheme = "https" if tls else "http"
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


def test_network_can_be_shut_to_the_addresses_of_the_api() -> None:
    """Names are asked for as before, at the ports that the name servers have."""
    assert not any("to" in rule for rule in one("NetworkPolicy", {})["spec"]["egress"])
    names, api = one("NetworkPolicy", {"networkPolicy": {"to": [API], "dnsPorts": [5353]}})["spec"]["egress"]
    assert names == {"ports": [{"port": 5353, "protocol": protocol} for protocol in ("UDP", "TCP")]}
    assert api == {"ports": [{"port": 443, "protocol": "TCP"}], "to": [API]}


def test_notes_say_what_is_left_to_do() -> None:
    """Which Secrets are missing, and who would have to scrape it."""

    def notes(values: dict[str, Any]) -> str:
        command = ("install", generate.RELEASE, str(CHART), "--dry-run=client")
        said = helm(*command, f"--namespace={generate.NAMESPACE}", values=values)
        return said.partition("\nNOTES:\n")[2]

    defaults, everything = notes({}), notes(EVERYTHING)
    assert "once these Secrets exist in namespace monitoring: exotel-acme.\n" in defaults
    assert "web.yml" not in defaults
    assert "exist in namespace monitoring: exotel-acme, exotel-web, exotel-proxy.\n" in everything
    web_alone = notes({"secrets": [], "webConfig": {"secret": "exotel-web", "tls": False}})
    assert "exist in namespace monitoring: exotel-web.\n" in web_alone
    assert "once these Secrets exist" not in notes({"secrets": []})
    assert "443 of any address." in defaults
    assert "443 of networkPolicy.to." in everything
    unknown = notes({"webConfig": {"secret": "exotel-web", "tls": False}, **MONITORED})
    assert "if web.yml has basic_auth_users, set serviceMonitor.basicAuth" in unknown
    assert "basic_auth_users" not in web_alone + everything
    assert "Nothing scrapes it yet" in defaults
    assert "Nothing scrapes it yet" not in everything
    assert "Set prometheusRule.grafanaUrl" in everything


#: The fields of the operator's API that the chart uses, as Prometheus calls them.
FIELDS = {
    "basicAuth": "basic_auth",
    "honorLabels": "honor_labels",
    "httpSDConfigs": "http_sd_configs",
    "interval": "scrape_interval",
    "metricsPath": "metrics_path",
    "path": "metrics_path",
    "relabelings": "relabel_configs",
    "replacement": "replacement",
    "scheme": "scheme",
    "scrapeInterval": "scrape_interval",
    "scrapeTimeout": "scrape_timeout",
    "serverName": "server_name",
    "sourceLabels": "source_labels",
    "targetLabel": "target_label",
    "tlsConfig": "tls_config",
    "url": "url",
}


OWN = {"basicAuth", "port"}
"""What the operator looks up: values in Secrets, the number of a Service's port."""


def _for_prometheus(spec: Any) -> Any:
    """The part of a scrape configuration that the operator would make of this; fails on unknown fields."""
    if isinstance(spec, list):
        return [_for_prometheus(item) for item in spec]
    if not isinstance(spec, dict):
        return spec
    made = {FIELDS[name]: _for_prometheus(value) for name, value in spec.items() if name not in OWN}
    if "scheme" in made:
        made["scheme"] = made["scheme"].lower()
    if "basicAuth" in spec:  # the operator reads them from the Secrets
        made["basic_auth"] = {name: key["key"] for name, key in spec["basicAuth"].items()}
    return made


def _endpoint(values: dict[str, Any]) -> dict[str, Any]:
    [endpoint] = one("ServiceMonitor", values)["spec"]["endpoints"]
    return endpoint  # type: ignore[no-any-return]


@pytest.mark.usefixtures("generation")
def test_what_the_operator_is_given_are_scrape_configurations(tmp_path: Path) -> None:
    """Prometheus takes what their fields mean."""
    found = [*map(_endpoint, (MONITORED, EVERYTHING))]
    found += [one("ScrapeConfig", values)["spec"] for values in (MANY, EVERYTHING)]
    jobs = [{"job_name": str(number), **_for_prometheus(each)} for number, each in enumerate(found)]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump({"scrape_configs": jobs}), encoding="utf-8")
    run("promtool", "check", "config", str(tmp_path / "prometheus.yml"))


@for_each([("defaults", MONITORED), ("everything", EVERYTHING)])
def test_the_service_monitor_finds_the_service(values: dict[str, Any]) -> None:
    """By labels and a port that it has."""
    monitor, service = one("ServiceMonitor", values)["spec"], one("Service", values)
    assert monitor.keys() == {"selector", "endpoints"}
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    [endpoint] = monitor["endpoints"]
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}


@for_each([("defaults", MANY), ("everything", EVERYTHING)])
def test_accounts_get_the_labels_that_they_have_on_metrics(values: dict[str, Any]) -> None:
    """Each is probed at the Service, by the name that /sd gives."""
    spec = one("ScrapeConfig", values)["spec"]
    assert (spec["metricsPath"], spec["honorLabels"]) == ("/probe", True)
    assert spec["httpSDConfigs"][0]["url"].endswith(f"://{ADDRESS}/sd")
    made = {
        rule["targetLabel"]: rule.get("replacement", rule.get("sourceLabels")) for rule in spec["relabelings"]
    }
    assert made == {
        "__param_target": ["__address__"],
        "account": ["__address__"],
        "__tmp_hash": ["__address__"],
        "__address__": ADDRESS,
        "instance": ADDRESS,
        "job": "exotel",
    }
    assert [*made].index("__address__") > [*made].index("__tmp_hash")


def test_exporters_own_metrics_have_the_names_that_their_accounts_have() -> None:
    """The job is the one that rules look for, and the instance is the same for /metrics and /probe."""
    alone = [(rule["targetLabel"], rule.get("replacement")) for rule in _endpoint(MONITORED)["relabelings"]]
    beside = [(rule["targetLabel"], rule.get("replacement")) for rule in _endpoint(MANY)["relabelings"]]
    assert alone == [("job", "exotel"), ("instance", None)]
    assert beside == [("job", "exotel"), ("instance", ADDRESS)]


def test_prometheus_brings_what_the_exporter_wants() -> None:
    """TLS and basic auth are the same for scrapes and for the list of accounts."""
    spec = one("ScrapeConfig", EVERYTHING)["spec"]
    [service] = spec["httpSDConfigs"]
    for place in (spec, service, _endpoint(EVERYTHING)):
        assert place["tlsConfig"] == EVERYTHING["serviceMonitor"]["tlsConfig"]
        assert place["basicAuth"] == EVERYTHING["serviceMonitor"]["basicAuth"]
    assert _endpoint(EVERYTHING)["scheme"] == "https"
    assert (spec["scheme"], service["url"].partition(":")[0]) == ("HTTPS", "https")


def _groups(values: dict[str, Any]) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = one("PrometheusRule", values)["spec"]["groups"]
    return groups


def _bundled() -> list[dict[str, Any]]:
    files = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted(RULES.glob("*.yml"))]
    return [group for file in files for group in file["groups"]]


def _ruled(thresholds: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"prometheusRule": {"enabled": True, "thresholds": thresholds}, **more}


INTERVAL = "account:exotel_sustainable_interval_seconds:threshold"
LONGEST_CALL = "account:exotel_longest_call_duration_seconds:threshold"
LONGEST_HOLD = "account:exotel_stream_longest_hold_seconds:threshold"
LONGEST_RING = "account_direction:exotel_observed_longest_ring_seconds:threshold"
ANSWERED = "account_direction:exotel_observed_rings_answered:threshold"
CLOCK = "all:exotel_clock_ahead_seconds:threshold"
RELOADED = "all:exotel_exporter_config_last_reload_successful:threshold"

#: A threshold of each level, of each form that values.yaml shows.
THRESHOLDS: dict[str, Any] = {
    CLOCK: "vector(NaN)",
    RELOADED: 0.25,
    LONGEST_HOLD: 'vector(600) or label_replace(vector(900), "account", "acme", "", "")',
    LONGEST_CALL: "vector(NaN)",
    LONGEST_RING: 'label_replace(vector(NaN), "account", "acme", "", "") or vector(60)',
    ANSWERED: "vector(0.5)",
    "le:exotel_service_level:bucket": 'label_replace(vector(1), "le", "30.0", "", "")',
}


@pytest.mark.usefixtures("generation")
def test_rules_are_those_of_prometheus(tmp_path: Path) -> None:
    """Word for word, whatever the values, templates in annotations too; promtool has no complaint."""
    for values in (RULED, _ruled(THRESHOLDS)):
        own, *groups = _groups(values)
        assert own["name"] == "exotel-own"
        assert groups == _bundled()
        file = tmp_path / "rules.yml"
        file.write_text(yaml.safe_dump({"groups": [own, *groups]}), encoding="utf-8")
        run("promtool", "check", "rules", "--lint=all", "--lint-fatal", str(file))


def test_release_can_have_any_threshold_of_its_own() -> None:
    """The chart makes every record that thresholds.yml reads, and no other."""
    [thresholds] = [group["rules"] for group in _bundled() if group["name"] == "exotel-thresholds"]
    read = {
        rule["record"]: set(re.findall(r"\bown:[\w:]+", rule["expr"]))
        for rule in thresholds
        if not rule.get("record", "record_wrong:").startswith("record_wrong:")
    }
    given = {record: "vector(7)" for record, own in read.items() if own and not record.startswith("url:")}
    values = _ruled(given)
    values["prometheusRule"]["runbooksUrl"] = OTHERS["prometheusRule.runbooksUrl"]
    made = [rule["record"] for rule in _groups(values)[0]["rules"]]
    assert sorted(made) == sorted(set().union(*read.values()))


#: What then holds. NaN, which promtool can't be told to expect, is what isn't equal to itself.
HOLDING: dict[str, dict[str, float]] = {
    f"group({CLOCK} != {CLOCK})": {"": 1},
    RELOADED: {"": 0.25},
    LONGEST_HOLD: {'account="acme"': 900, 'account="globex"': 600},
    f"group by (account) ({LONGEST_CALL} != {LONGEST_CALL})": {'account="acme"': 1, 'account="globex"': 1},
    f"{LONGEST_RING} == {LONGEST_RING}": {'account="globex", direction="inbound"': 60},
    f"count({LONGEST_RING})": {"": 2},
    ANSWERED: {f'account="{account}", direction="inbound"': 0.5 for account in ("acme", "globex")},
    "le:exotel_service_level:bucket": {'le="30.0"': 1},
    INTERVAL: {'account="acme"': 30, 'account="globex"': 30},
    "url:exotel_dashboards:info": {f'url="{OTHERS["prometheusRule.grafanaUrl"]}"': 1},
    "url:exotel_runbooks:info": {f'url="{OTHERS["prometheusRule.runbooksUrl"]}"': 1},
}


def test_slash_at_the_end_of_an_address_makes_no_difference() -> None:
    """Alerts put a path behind it."""
    urls = {key: OTHERS[f"prometheusRule.{key}"] for key in ("grafanaUrl", "runbooksUrl")}
    slashed = {key: f"{url}/" for key, url in urls.items()}
    with_slash, without = (
        _groups({"prometheusRule": {"enabled": True, **given}}) for given in (slashed, urls)
    )
    assert with_slash == without


def test_without_an_address_of_the_runbooks_alerts_link_where_the_rules_say() -> None:
    """The address stands in the rules alone; whoever has another sets it."""
    made = [rule["record"] for rule in _groups(_ruled({}))[0]["rules"]]
    assert "own:exotel_dashboards:info" in made
    assert "own:exotel_runbooks:info" not in made


@pytest.mark.usefixtures("generation")
def test_values_of_the_release_hold(tmp_path: Path) -> None:
    """For all accounts or one, in each direction; NaN switches off, with several accounts too."""
    values = _ruled(THRESHOLDS, serviceMonitor={"interval": "30s"})
    values["prometheusRule"] |= {
        key: OTHERS[f"prometheusRule.{key}"] for key in ("grafanaUrl", "runbooksUrl")
    }
    names = ("exotel-own", "exotel-thresholds")
    groups = [group for group in _groups(values) if group["name"] in names]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
    series = [
        {"series": f'{name}{{account="{account}"{labels}}}', "values": "1x5"}
        for account in ("acme", "globex")
        for name, labels in (
            ("account:exotel_up:max2m", ""),
            ("account_direction:exotel_observed_longest_ring_seconds:last2m", ', direction="inbound"'),
            ("account_direction:exotel_observed_rings_answered:ratio15m", ', direction="inbound"'),
        )
    ]
    checks = [
        {
            "expr": f"sum by (account, direction, le, url) ({expr})",
            "eval_time": "3m",
            "exp_samples": [{"labels": f"{{{labels}}}", "value": value} for labels, value in samples.items()],
        }
        for expr, samples in HOLDING.items()
    ]
    case = {"interval": "1m", "input_series": series, "promql_expr_test": checks}
    cases = {"rule_files": ["rules.yml"], "group_eval_order": [*names], "tests": [case]}
    (tmp_path / "case.yml").write_text(yaml.safe_dump(cases), encoding="utf-8")
    run("promtool", "test", "rules", "case.yml", cwd=tmp_path)


def test_threshold_of_the_interval_comes_before_the_interval() -> None:
    """Even 0 does, and there is one record of it: of two, the higher would hold."""
    values = _ruled({INTERVAL: 0}, serviceMonitor={"interval": "30s"})
    name = INTERVAL.replace("account:", "own:")
    assert [rule for rule in _groups(values)[0]["rules"] if rule["record"] == name] == [
        {"record": name, "expr": "vector(0)"}
    ]


def test_dashboards_are_those_of_grafana() -> None:
    """Each is a ConfigMap that the sidecar finds, smaller than Kubernetes allows."""
    labelled = {
        name: text
        for made in objects({"dashboards": {"enabled": True}})
        if made["metadata"]["labels"].get("grafana_dashboard") == "1"
        for name, text in made["data"].items()
    }
    committed = {
        f"exotel-{each.name}": each.read_text(encoding="utf-8") for each in DASHBOARDS.glob("*.json")
    }
    assert labelled == committed
    assert all(json.loads(text)["uid"] for text in labelled.values())
    assert DEFAULTS["dashboards"]["consoleUrl"] == CONSOLE
    assert max(len(text.encode()) for text in labelled.values()) < 2**19
