"""The canary's pod: its program takes what it is told, and it may speak to the public doors and to nothing inside."""

import re

import pytest

from canary.__main__ import main
from canary.settings import CanarySettings
from eventrail.settings import load
from tests.deploy.kubernetes.manifests import Manifests
from tests.deploy.kubernetes.test_network import CLICKHOUSE, KAFKA, PROMETHEUS, STRANGER, Pod, allowed

pytestmark = [pytest.mark.kustomize, pytest.mark.slow]


def test_every_variable_is_a_setting_and_every_value_is_taken(
    with_canary: Manifests, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = with_canary.container("canary")["env"]
    with pytest.raises(SystemExit):
        main(["--help"])
    known = set(re.findall(r"^  (EVENTRAIL_\w+)  \[", capsys.readouterr().out, re.MULTILINE))
    assert {item["name"] for item in given} <= known
    for item in given:
        monkeypatch.setenv(item["name"], item.get("value", "evk_secret"))
    settings = load(CanarySettings)
    [port] = with_canary.container("canary")["ports"]
    assert settings.listen == f"0.0.0.0:{port['containerPort']}"
    assert settings.collector_url.startswith("https://")
    assert settings.key == "evk_secret"


def test_it_ends_before_its_grace_is_over(with_canary: Manifests) -> None:
    """What it waits for is cancelled; only an answer of its own metrics may still be on its way."""
    assert with_canary.pods()["canary"]["terminationGracePeriodSeconds"] >= 10


def test_it_reaches_the_internet_as_a_client_and_no_backend(with_canary: Manifests) -> None:
    pod = Pod(with_canary.templates()["canary"]["metadata"]["labels"])
    assert allowed(with_canary, "Ingress", pod, PROMETHEUS, ("TCP", 8405))
    assert not allowed(with_canary, "Ingress", pod, STRANGER, ("TCP", 8405))
    [out] = with_canary.one("NetworkPolicy", "canary")["spec"]["egress"]
    assert [rule["port"] for rule in out["ports"]] == [443]
    for backend, port in ((KAFKA, 9093), (CLICKHOUSE, 9440)):
        others = [each for each in with_canary.of("NetworkPolicy") if each["metadata"]["name"] != "canary"]
        assert not allowed(Manifests(tuple(others)), "Egress", pod, backend, ("TCP", port))
