from collections.abc import Callable

import pytest

from enricher.enrichments.origin import reject_rule_breakers
from enricher.world import World
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.errors import ContractError
from tests.enricher.drafts import draft_of


@pytest.mark.parametrize(
    "broken",
    [{"website_id": ""}, {"event_id": ""}, {"event_id": "x"}, {"event_type": 0}, {"event_type": 9},
     {"timestamp_ms": 0}, {"timestamp_ms": -1}, {"received_at_ms": 0}, {"event_name": ""}],
)  # fmt: skip
def test_rule_breakers_are_rejected(
    make_raw: Callable[..., RawEvent], world: World, broken: dict[str, object]
) -> None:
    with pytest.raises(ContractError) as caught:
        reject_rule_breakers(draft_of(make_raw(**broken)), world)
    assert caught.value.rule


def test_others_pass(make_raw: Callable[..., RawEvent], world: World) -> None:
    reject_rule_breakers(draft_of(make_raw()), world)
