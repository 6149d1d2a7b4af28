"""docs/deploy-kubernetes.md: every folder, number and version it names is so."""

import re
from pathlib import Path

import pytest

from benchmarks.__main__ import RESULTS
from benchmarks.cases import river
from benchmarks.report import Report
from devstack import schemas
from devstack.checkout import CHECKOUT
from devstack.jars import KAFKA_VERSION
from devstack.jars import parse_lock as parse_jars
from devstack.kubernetes import overlays
from devstack.kubernetes.programs import VERSION
from eventrail.contract import topics
from tests.deploy.kubernetes.conftest import rendered
from tests.deploy.kubernetes.manifests import SERVICES, Manifests
from tests.deploy.kubernetes.test_scaling import bounds, partitions, target, trigger

pytestmark = [pytest.mark.kustomize, pytest.mark.slow]

PAGE = (CHECKOUT / "docs/deploy-kubernetes.md").read_text(encoding="utf-8")


def test_every_folder_is_there_and_told() -> None:
    told = set(re.findall(r"`(k8s/[\w/-]+)`", PAGE))
    folders = {
        str(path.parent.relative_to(CHECKOUT)) for path in (CHECKOUT / "k8s").rglob("kustomization.yaml")
    }
    assert told == folders


def test_the_overlay_of_the_page_renders(kustomize_program: Path, tmp_path: Path) -> None:
    """Word for word, with a checkout beside it as the page says."""
    own, outside = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "eventrail").symlink_to(CHECKOUT)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/kustomization.yaml").write_text(own + outside, encoding="utf-8")
    (tmp_path / "mine/websites.yaml").write_text("websites: []\n", encoding="utf-8")
    made = rendered(tmp_path / "mine", kustomize_program)
    assert made.one("ConfigMap", "eventrail-websites")["data"] == {"websites.yaml": "websites: []\n"}
    assert list(made.of("Gateway"))
    for name in made.pods():
        assert made.container(name)["image"].startswith("registry.example.com/eventrail/"), name
    (way,) = made.one("NetworkPolicy", "kafka")["spec"]["egress"]
    assert way["to"] == [{"ipBlock": {"cidr": "192.0.2.0/24"}}]
    assert way["ports"]


def test_the_images_of_the_page_are_those_of_the_pods(production: Manifests) -> None:
    built = re.findall(r"^build (service|collector) ([\w-]+) (\w+) (\d+)$", PAGE, re.MULTILINE)
    assert {name: module for _target, name, module, _port in built} == SERVICES
    for target_, name, _module, port in built:
        assert (target_ == "collector") is (name == "collector")
        assert production.container(name)["ports"][0]["containerPort"] == int(port)
    images = {production.container(name)["image"].rpartition("/")[2] for name in production.pods()}
    assert images == {f"{name}:0.1.0" for name in SERVICES}


def test_every_page_and_file_is_there() -> None:
    for link in re.findall(r"\]\(([\w./-]+\.md)\)", PAGE):
        assert (CHECKOUT / "docs" / link).is_file(), link
    for file in re.findall(r"`((?:deploy|k8s)/[\w/-]+\.\w+)`", PAGE):
        assert (CHECKOUT / file).is_file(), file


def test_versions_are_those_that_were_asked(production: Manifests) -> None:
    locked = schemas.parse_lock(schemas.MODULES_LOCK.read_text())
    modules = [entry.partition("@v") for entry in locked if "compose" not in entry]
    (strimzi, _generator) = parse_jars(schemas.JARS_LOCK.read_text())
    for version in (*(version for _name, _at, version in modules), strimzi.coordinate.split(":")[2]):
        assert version in PAGE
    (kafka,) = production.of("Kafka")
    assert f"It runs Kafka {kafka['spec']['kafka']['version']}" in PAGE
    assert f"own tests run with {KAFKA_VERSION}" in PAGE


def test_what_the_page_shows_of_the_check_is_what_it_checks(kustomize_program: Path) -> None:
    for overlay in overlays.own(kustomize_program):
        assert f"\n{overlay.name}: {len(overlay.manifests)} objects\n" in PAGE
    assert f"0 refused by Kubernetes {VERSION}\n" in PAGE


def test_numbers_of_pods_are_those_of_the_manifests(production: Manifests) -> None:
    rows = re.findall(r"^\| ([\w-]+) \| (\d+) \| (\d+) \|", PAGE, re.MULTILINE)
    assert {name: (int(fewest), int(most)) for name, fewest, most in rows} == bounds(production)
    assert f"Topics have {partitions(production)} partitions" in PAGE
    for scaler in production.of("ScaledObject"):
        threshold = int(trigger(scaler, "kafka")["metadata"]["lagThreshold"])
        (row,) = re.findall(rf"^\| {target(scaler)} \| .*$", PAGE, re.MULTILINE)
        assert f"{threshold:,}" in row


def test_the_disks_hold_what_the_page_says(production: Manifests) -> None:
    sizes = {each.name: each.median for each in Report.read(RESULTS / "load.json").figures}
    raw, enriched = round(sizes[river.RAW_BYTES]), round(sizes[river.ENRICHED_BYTES])
    assert f"{raw} bytes of the raw topic" in PAGE
    assert f"{enriched} of the enriched one" in PAGE
    kept = {topic.name: int(topic.config["retention.ms"]) / 1000 for topic in (topics.RAW, topics.ENRICHED)}
    each = raw * kept[topics.RAW.name] + enriched * kept[topics.ENRICHED.name]
    assert f"{each / 1e6:.0f} MB for each event a second" in PAGE
    (pool,) = production.of("KafkaNodePool")
    (volume,) = pool["spec"]["storage"]["volumes"]
    assert volume["size"] == "1Ti"
    (told,) = re.findall(r"holds ([\d,]+) events/s", PAGE)
    assert 0.95 <= int(told.replace(",", "")) * each / (1 << 40) <= 1
