from collections.abc import Callable

import pytest

from enricher.enrichments.bot import add_bot
from enricher.world import World
from eventrail.contract.v1.enriched_pb2 import (
    BOT_KIND_CRAWLER,
    BOT_KIND_HEADLESS,
    BOT_KIND_LIBRARY,
    Bot,
    BotKind,
    EnrichedEvent,
)
from eventrail.contract.v1.raw_pb2 import ClientHints, RawEvent
from tests.enricher.drafts import draft_of, event_of


def enriched(raw: RawEvent, world: World) -> EnrichedEvent:
    draft = draft_of(raw)
    add_bot(draft, world)
    return event_of(draft)


@pytest.mark.parametrize(
    ("user_agent", "kind", "name", "rule"),
    [
        ("Googlebot/2.1", BOT_KIND_CRAWLER, "Googlebot", "the agent calls itself a bot"),
        ("HeadlessChrome/142", BOT_KIND_HEADLESS, "HeadlessChrome", "agent token"),
        ("curl/8.5.0", BOT_KIND_LIBRARY, "curl", "agent token"),
    ],
)
def test_kind_name_and_reason(
    make_raw: Callable[..., RawEvent],
    world: World,
    user_agent: str,
    kind: BotKind.ValueType,
    name: str,
    rule: str,
) -> None:
    found = enriched(make_raw(user_agent=user_agent), world).bot
    assert found == Bot(kind=kind, name=name, reason=f"{rule}: {name}")


def test_hints_tell_too(make_raw: Callable[..., RawEvent], world: World) -> None:
    raw = make_raw(client_hints=ClientHints(brands='"HeadlessChrome";v="142"'))
    assert enriched(raw, world).bot.kind == BOT_KIND_HEADLESS


@pytest.mark.parametrize(
    "user_agent", ["", "Mozilla/5.0 (Linux; Android 9; CUBOT X19) Mobile", "\0", "x" * 100_000]
)
def test_who_may_be_a_person_has_none(
    make_raw: Callable[..., RawEvent], world: World, user_agent: str
) -> None:
    assert not enriched(make_raw(user_agent=user_agent), world).HasField("bot")


def test_the_lookup_keeps_its_own_copy(make_raw: Callable[..., RawEvent], world: World) -> None:
    enriched(make_raw(user_agent="curl/8"), world).bot.name = "changed"
    assert enriched(make_raw(user_agent="curl/8"), world).bot.name == "curl"
