"""The cache of schemas, with modules of this machine in the place of the registry's."""

import hashlib
from pathlib import Path

import pytest

from devstack import schemas
from devstack.errors import SchemasError
from devstack.jars import parse_lock as parse_jars

MODULE = "sigs.k8s.io/gateway-api@v1.0.0"


def silent(_: str) -> None:
    pass


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/eventrail"


@pytest.fixture
def downloads(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Modules that are unpacked here, and a Strimzi that writes one schema; the list fills with what was asked for."""
    asked: list[str] = []
    lock = tmp_path / "modules.lock"
    lock.write_text(f"# a comment\n{MODULE} h1:good\nk8s.io/kubernetes@v1.99.1 h1:good\n")

    def download(module: str, work: Path) -> tuple[Path, str]:
        asked.append(module)
        place = work / module
        for file in schemas.FILES[module.partition("@")[0]]:
            (place / file).parent.mkdir(parents=True, exist_ok=True)
            (place / file).write_text(module)
        return place, "h1:good"

    monkeypatch.setattr(schemas, "MODULES_LOCK", lock)
    monkeypatch.setattr(schemas, "_download", download)
    monkeypatch.setattr("devstack.jars.ensure", lambda _progress, folder, _lock: folder)
    monkeypatch.setattr(
        schemas, "_write_strimzi", lambda _jars, target: (target / "Kafka.yaml").write_text("x")
    )
    return asked


def test_only_the_schemas_stay(downloads: list[str], cache: Path) -> None:
    folder = schemas.ensure(silent)
    assert sorted(path.name for path in folder.iterdir()) == [
        "Kafka.yaml",
        "gateway.networking.k8s.io_gateways.yaml",
        "gateway.networking.k8s.io_httproutes.yaml",
        "kubernetes-1.99.1.json",
    ]
    assert sorted(path.name for path in cache.iterdir()) == [folder.name, f"{folder.name}.lock"]


def test_what_was_fetched_is_not_fetched_again(downloads: list[str]) -> None:
    assert schemas.ensure(silent) == schemas.ensure(silent)
    assert len(downloads) == 2


def test_another_lock_makes_another_fetch(downloads: list[str]) -> None:
    first = schemas.ensure(silent)
    schemas.MODULES_LOCK.write_text(f"{MODULE} h1:good\n")
    assert schemas.ensure(silent) != first
    assert len(downloads) == 3


def test_another_module_than_the_locked_one_is_refused_and_leaves_nothing(
    downloads: list[str], cache: Path
) -> None:
    schemas.MODULES_LOCK.write_text(f"{MODULE} h1:other\n")
    with pytest.raises(SchemasError, match=r"gateway-api@v1\.0\.0 has the hash h1:good.*h1:other"):
        schemas.ensure(silent)
    assert [path.suffix for path in cache.iterdir()] == [".lock"]


def test_the_locks_name_every_source_with_its_hash() -> None:
    modules = schemas.parse_lock(schemas.MODULES_LOCK.read_text())
    assert {module.partition("@")[0] for module in modules} == set(schemas.FILES)
    assert all(found.startswith("h1:") and len(found) == 47 for found in modules.values())
    strimzi = parse_jars(schemas.JARS_LOCK.read_text())
    assert {jar.coordinate.split(":")[1] for jar in strimzi} == {"api", "crd-generator"}
    assert len({jar.coordinate.split(":")[2] for jar in strimzi}) == 1
    assert all(len(jar.sha256) == 2 * hashlib.sha256().digest_size for jar in strimzi)
