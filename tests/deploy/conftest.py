import pytest

from tests.deploy.families import Family, families, registries


@pytest.fixture(scope="session")
def registered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Family]]:
    """What each service registers."""
    made = registries(tmp_path_factory.mktemp("websites"))
    return {service: families(one) for service, one in made.items()}


@pytest.fixture(scope="session")
def exposed(registered: dict[str, list[Family]]) -> dict[str, Family]:
    """The same by the names under which Prometheus asks."""
    return {series: family for found in registered.values() for family in found for series in family.series}
