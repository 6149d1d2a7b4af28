from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from enricher.fragments import fragment, positions
from eventrail.contract.v1.enriched_pb2 import Agent, EnrichedEvent, Geo, RawPosition


def test_fragments_one_behind_the_other_are_one_event() -> None:
    joined = fragment(agent=Agent()) + fragment(geo=Geo(country="DE"), channel="Direct") + fragment(bot=None)
    assert EnrichedEvent.FromString(joined) == EnrichedEvent(
        agent=Agent(), geo=Geo(country="DE"), channel="Direct"
    )


@given(st.integers(0, 2**31 - 1), st.integers(0, 2**63 - 1))
def test_each_event_of_a_record_has_its_position(partition: int, offset: int) -> None:
    for index, found in enumerate(islice(positions(partition, offset), 300)):
        place = RawPosition(partition=partition, offset=offset, index=index)
        assert found == fragment(raw_position=place)
