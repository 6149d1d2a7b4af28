"""Each variable is a setting of the program that gets it, with a value that the program takes."""

import importlib
import re
from pathlib import Path

import pytest

from devstack.checkout import CHECKOUT
from eventrail.kafka.acls import ROLES
from eventrail.settings import Settings, load, variable
from tests.deploy.kubernetes.environment import ENDS, FILES, SECRETS, environment
from tests.deploy.kubernetes.manifests import SERVICES, Manifests

pytestmark = [pytest.mark.kustomize, pytest.mark.slow]

MODULES = {**SERVICES, "migrate": "writer", "topics": "eventrail"}
"""Whose door each pod runs."""

CLICKHOUSE_USERS = {"migrate": "migrator", "writer": "writer", "query-api": "reader", "auditor": "auditor"}


def settings_of(module: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    """The variables that `python -m MODULE --help` lists."""
    with pytest.raises(SystemExit):
        importlib.import_module(f"{module}.__main__").main(["--help"])
    return set(re.findall(r"^  (EVENTRAIL_\w+)  \[", capsys.readouterr().out, re.MULTILINE))


def all_kinds(kind: type[Settings] = Settings) -> set[type[Settings]]:
    """All that our packages declare; other tests declare some of their own."""
    below = {found for child in kind.__subclasses__() for found in all_kinds(child)}
    own = kind is not Settings and kind.__module__.partition(".")[0] in MODULES.values()
    return {*below, *((kind,) if own else ())}


def test_every_variable_of_a_pod_is_a_setting_of_its_program(
    overlay: Manifests, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in overlay.pods():
        own = {item["name"] for item in overlay.container(name).get("env", [])}
        unknown = own - settings_of(MODULES[name], capsys)
        assert not unknown, name


def test_every_shared_variable_is_a_setting_of_a_program(
    overlay: Manifests, capsys: pytest.CaptureFixture[str]
) -> None:
    known = {name for module in MODULES.values() for name in settings_of(module, capsys)}
    assert set(overlay.config) <= known
    assert len(overlay.config) >= 4


@pytest.mark.parametrize("name", SERVICES)
def test_the_program_takes_every_value(
    overlay: Manifests,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    listed = settings_of(MODULES[name], capsys)
    kinds = [kind for kind in all_kinds() if {variable(kind, field) for field in kind.model_fields} <= listed]
    assert {variable(kind, field) for kind in kinds for field in kind.model_fields} == listed
    for key, value in environment(overlay, name, tmp_path).items():
        monkeypatch.setenv(key, value)
    for kind in kinds:
        load(kind)


def test_every_file_that_is_named_is_mounted(overlay: Manifests) -> None:
    named = {key: value for key, value in overlay.config.items() if value.startswith("/")}
    if not named:
        assert "EVENTRAIL_KAFKA_SECURITY_PROTOCOL" not in overlay.config
    for name in SERVICES:
        mounted = {mount["mountPath"] for mount in overlay.container(name)["volumeMounts"]}
        for key, path in named.items():
            assert path in FILES
            reads_websites = name != "auditor" or key != "EVENTRAIL_WEBSITES"
            assert (str(Path(path).parent) in mounted) is reads_websites, (name, key)


def test_what_is_mounted_is_made_by_somebody(production: Manifests) -> None:
    made = {("configMap", name) for name in production.named("ConfigMap")}
    # Strimzi makes them: the authority of its cluster, and a password for each user.
    made |= {("secret", "eventrail-cluster-ca-cert")}
    made |= {("secret", name) for name in production.named("KafkaUser")}
    used = {
        (kind, source[kind]["name"])
        for pod in production.pods().values()
        for volume in pod.get("volumes", [])
        for source in volume.get("projected", {}).get("sources", [volume])
        for kind in ("configMap", "secret")
        if kind in source
    }
    assert len(used) >= 7
    assert used <= made


def test_folders_that_change_while_a_service_runs_are_mounted_as_folders(overlay: Manifests) -> None:
    mounts = [mount for name in SERVICES for mount in overlay.container(name)["volumeMounts"]]
    assert not [mount for mount in mounts if "subPath" in mount]


def test_each_service_sees_the_password_of_its_own_user_alone(production: Manifests) -> None:
    for name in SERVICES:
        own = {item["name"]: item.get("value") for item in production.container(name)["env"]}
        assert own["EVENTRAIL_KAFKA_SASL_USERNAME"] == f"eventrail-{name}"
        assert name in ROLES
        (access,) = [v for v in production.pods()[name]["volumes"] if v["name"] == "kafka-access"]
        secrets = {source["secret"]["name"] for source in access["projected"]["sources"]}
        assert secrets == {"eventrail-cluster-ca-cert", f"eventrail-{name}"}
    assert not [key for key in production.config if key.endswith(("_PASSWORD", "_USERNAME"))]


def test_production_is_closed_to_unknown_websites(production: Manifests) -> None:
    assert production.config["EVENTRAIL_REQUIRE_WEBSITES"] == "true"
    folder, _, file = production.config["EVENTRAIL_WEBSITES"].rpartition("/")
    assert file in production.one("ConfigMap", "eventrail-websites")["data"]
    for name in set(SERVICES) - {"auditor"}:
        mounts = {mount["mountPath"]: mount["name"] for mount in production.container(name)["volumeMounts"]}
        (volume,) = [v for v in production.pods()[name]["volumes"] if v["name"] == mounts[folder]]
        assert volume["configMap"]["name"] == "eventrail-websites"


def test_each_job_has_its_own_user_at_clickhouse(overlay: Manifests) -> None:
    keys = {
        name: item["valueFrom"]["secretKeyRef"]
        for name in overlay.pods()
        for item in overlay.container(name).get("env", [])
        if item["name"] == "EVENTRAIL_CLICKHOUSE_URL"
    }
    assert keys == {
        name: {"name": "eventrail", "key": f"clickhouse-url-{user}"}
        for name, user in CLICKHOUSE_USERS.items()
    }


def test_the_page_makes_every_secret_that_is_used(production: Manifests) -> None:
    """Those that no operator makes."""
    page = (CHECKOUT / "docs/deploy-kubernetes.md").read_text(encoding="utf-8")
    for name, key in SECRETS:
        assert f"create secret generic {name} " in page
        assert f"--from-literal={key}=" in page
    used = set(re.findall(r"'secretKeyRef': \{'key': '([\w.-]+)', 'name': '([\w-]+)'\}", str(production)))
    assert {(name, key) for key, name in used} == set(SECRETS)
    assert set(ENDS) <= {key for _name, key in SECRETS}
