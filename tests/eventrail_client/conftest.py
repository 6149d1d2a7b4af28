from collections.abc import Iterator

import pytest

from eventrail_client.options import Options
from tests.eventrail_client.collector import FaultyCollector, collecting


@pytest.fixture
def collector() -> Iterator[FaultyCollector]:
    with collecting() as running:
        yield running


@pytest.fixture
def quick() -> Options:
    """Times that no test has to wait for."""
    return Options(max_age=0.01, first_pause=0.01, longest_pause=0.05, request_timeout=0.5)
