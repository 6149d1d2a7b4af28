"""The manifests as a platform gets them: rendered by kustomize itself, once for all tests."""

from pathlib import Path

import pytest
import yaml

from devstack import kustomize
from devstack.checkout import CHECKOUT
from tests.deploy.kubernetes.manifests import Manifests

K8S = CHECKOUT / "k8s"

PREPARING_SECONDS = 900
"""The first test builds kustomize, and the first one of schemas fetches them: once on each machine."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("kustomize"):
            item.add_marker(pytest.mark.timeout(PREPARING_SECONDS))


@pytest.fixture(scope="session")
def kustomize_program() -> Path:
    return kustomize.ensure(print)


def rendered(folder: Path, program: Path) -> Manifests:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return Manifests(tuple(yaml.load_all(kustomize.render(folder, program), loader)))


@pytest.fixture(scope="session")
def dev(kustomize_program: Path) -> Manifests:
    return rendered(K8S / "overlays/dev", kustomize_program)


@pytest.fixture(scope="session")
def production(kustomize_program: Path) -> Manifests:
    return rendered(K8S / "overlays/production", kustomize_program)


@pytest.fixture(scope="session", params=["dev", "production"])
def overlay(request: pytest.FixtureRequest) -> Manifests:
    """Each overlay in turn."""
    found: Manifests = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def with_doors(kustomize_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Manifests:
    """The production overlay under a platform's own, with the examples of doors."""
    return _platform(tmp_path_factory.mktemp("platform"), ["ingress", "gateway"], kustomize_program)


@pytest.fixture(scope="session")
def with_spool(kustomize_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Manifests:
    """The production overlay under a platform's own, whose collectors have spools."""
    return _platform(tmp_path_factory.mktemp("platform"), ["spool"], kustomize_program)


@pytest.fixture(scope="session")
def with_canary(kustomize_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Manifests:
    """The production overlay under a platform's own, with a canary."""
    return _platform(tmp_path_factory.mktemp("platform"), ["canary"], kustomize_program)


def _platform(folder: Path, components: list[str], program: Path) -> Manifests:
    kustomize.write_overlay(
        folder, K8S / "overlays/production", [K8S / "components" / name for name in components]
    )
    return rendered(folder, program)
