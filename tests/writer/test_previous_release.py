"""What earlier releases left on the enriched topic becomes rows."""

import pytest

from eventrail.contract.codec import decode_enriched
from tests.enricher.releases import RELEASES, recorded
from writer.batch import WaitingRecord
from writer.block import block


@pytest.mark.parametrize("release", RELEASES)
def test_each_of_its_events_becomes_a_row(release: str) -> None:
    values = recorded(release).enriched
    made = block([WaitingRecord(0, offset, b"key", value) for offset, value in enumerate(values)])
    assert made.rejections == []
    assert len(made.rows) == len(values)
    assert {decode_enriched(value).website_id for value in values} == {"shop"}
