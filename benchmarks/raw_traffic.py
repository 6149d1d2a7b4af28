"""Raw events as collectors publish them, in chunks: what the enricher's benchmarks feed it.

20,000 visitors of 200 websites, skewed, with 2,000 agents and 20,000 addresses; names and properties are those of
the shop (shop.py). The first event of a visitor comes from another site (half of them) or by a campaign (a tenth);
later ones mostly refer to the website itself. Browsers that send client hints send them here too. No client sends
a visitor id, so each visitor is a hash.
"""

import json
import random
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final, NamedTuple

from mmdb_writer import MMDBWriter
from netaddr import IPSet

from benchmarks.shop import NAMES, VISITORS, WEBSITES
from collector.event_ids import Tick, uuid7
from eventrail.clock import utc_day
from eventrail.contract.v1.enriched_pb2 import EVENT_TYPE_CUSTOM, Screen
from eventrail.contract.v1.raw_pb2 import ClientHints, RawEvent, RawEvents, SealedAddress
from eventrail.sealing import AddressSealer

CHUNK_EVENTS: Final = 50
START_MS: Final = 1_780_056_000_000
"""2026-05-29T12:00:00Z."""
_EVENTS_A_MS: Final = 10
_AGENTS: Final = 2_000
_CITIES: Final = 1_600
_ADDRESSES_OF_A_NETWORK: Final = 8
_FIRST_NETWORK: Final = int(IPv4Address("81.0.0.0"))
_WEIGHTS: Final = (45, 20, 7, 8, 12, 8)
_LANGUAGES: Final = ("en", "de", "fr", "en-US", "es", "pt-BR", "ja")
_SYSTEMS: Final = (
    ("Windows NT 10.0; Win64; x64", "Windows", (1920, 1080)),
    ("Macintosh; Intel Mac OS X 10_15_7", "macOS", (1440, 900)),
    ("X11; Linux x86_64", "Linux", (2560, 1440)),
    ("Linux; Android 10; K", "Android", (412, 915)),
)


class Agent(NamedTuple):
    """What a browser sends of itself."""

    text: str
    hints: ClientHints | None
    screen: Screen


def _agent(number: int) -> Agent:
    system, platform, (width, height) = _SYSTEMS[number % len(_SYSTEMS)]
    major, patch = 120 + number % 25, number // 25
    if number % 10 < 2:
        text = f"Mozilla/5.0 ({system}; rv:{major}.{patch}) Gecko/20100101 Firefox/{major}.{patch}"
        return Agent(text, None, Screen(width=width, height=height))
    if number % 10 < 5:
        text = (
            f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_{number % 7} like Mac OS X) AppleWebKit/605.1.15 "
            f"(KHTML, like Gecko) Version/26.{patch} Mobile/15E{number} Safari/604.1"
        )
        return Agent(text, None, Screen(width=390, height=844))
    mobile = "Mobile " if platform == "Android" else ""
    text = (
        f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) "
        f"Chrome/{major}.0.{6000 + number}.{patch} {mobile}Safari/537.36"
    )
    brands = f'"Chromium";v="{major}", "Google Chrome";v="{major}", "Not_A Brand";v="99"'
    hints = ClientHints(brands=brands, mobile="?1" if mobile else "?0", platform=f'"{platform}"')
    return Agent(text, hints, Screen(width=width, height=height))


class Visitor(NamedTuple):
    """Whose events they are; the same number gives the same visitor."""

    number: int
    website: int
    agent: Agent
    language: str

    @property
    def address(self) -> IPv4Address:
        network, host = divmod(self.number, _ADDRESSES_OF_A_NETWORK)
        return IPv4Address(_FIRST_NETWORK + 256 * network + 1 + host)


def visitors(seed: int = 1) -> list[Visitor]:
    """All of them, in an order by chance. A tenth is of `site-0`, the others are skewed."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    agents = [_agent(number) for number in range(_AGENTS)]
    made = [
        Visitor(
            number,
            0 if number % 10 == 0 else 1 + int((WEBSITES - 1) * dice.random() ** 2),
            dice.choice(agents),
            dice.choice(_LANGUAGES),
        )
        for number in range(VISITORS)
    ]
    dice.shuffle(made)
    return made


def write_places(path: Path) -> None:
    """A City database with the network of each visitor's address; some seconds."""
    writer = MMDBWriter(4, "Benchmark-City", languages=["en"], description="for benchmarks")
    for network in range(VISITORS // _ADDRESSES_OF_A_NETWORK):
        city = network % _CITIES
        record = {
            "country": {"iso_code": chr(65 + city % 26) + "X"},
            "subdivisions": [{"names": {"en": f"Region {city % 400}"}}],
            "city": {"names": {"en": f"City {city}"}},
        }
        writer.insert_network(IPSet([f"{IPv4Address(_FIRST_NETWORK + 256 * network)}/24"]), record)
    writer.to_db_file(str(path))


class Traffic:
    """Makes the events, 10 in each millisecond from `start_ms` on; the same seed gives the same ones, sealed anew.

    `together` events of one visitor come in one request, and so share the sealed address.
    """

    def __init__(
        self, sealer: AddressSealer, seed: int = 1, start_ms: int = START_MS, together: int = 1
    ) -> None:
        self._dice = random.Random(seed)  # noqa: S311 - no secret
        self._sealer = sealer
        self._start_ms = start_ms
        self._visitors = visitors(seed)
        self._made = self._requests = 0
        self._together = together

    def chunks(self, events: int, partitions: int) -> Iterator[tuple[int, bytes]]:
        """Partition and value of raw records with the next `events` events, CHUNK_EVENTS in each but the last ones.

        The first VISITORS requests are one of each visitor; later ones are of anybody.
        """
        waiting: list[list[RawEvent]] = [[] for _ in range(partitions)]
        for _ in range(events // self._together):
            visitor = self._next_visitor()
            partition = visitor.number % partitions
            mine = waiting[partition]
            sealed = self._sealer.seal(visitor.address)
            mine += (self._event(visitor, sealed) for _ in range(self._together))
            if len(mine) >= CHUNK_EVENTS:
                yield partition, RawEvents(events=mine).SerializeToString()
                mine.clear()
        for partition, rest in enumerate(waiting):
            if rest:
                yield partition, RawEvents(events=rest).SerializeToString()

    def _next_visitor(self) -> Visitor:
        number, self._requests = self._requests, self._requests + 1
        return self._visitors[number] if number < VISITORS else self._dice.choice(self._visitors)

    def _event(self, visitor: Visitor, sealed: SealedAddress) -> RawEvent:
        self._made += 1
        dice, at_ms = self._dice, self._start_ms + self._made // _EVENTS_A_MS
        name = dice.choices(NAMES, _WEIGHTS)[0]
        path, properties = _content(name, dice)
        home = f"https://shop-{visitor.website}.example"
        referrer, query = self._origin(home)
        return RawEvent(
            website_id=f"site-{visitor.website}",
            event_id=uuid7(Tick(at_ms, dice.getrandbits(12)), dice.getrandbits(62)),
            event_type=EVENT_TYPE_CUSTOM,
            event_name=name,
            timestamp_ms=at_ms,
            received_at_ms=at_ms + 20 + dice.randrange(200),
            identity_day=utc_day(at_ms),
            event_data=json.dumps(properties, separators=(",", ":")),
            url=f"{home}{path}{query}",
            referrer=referrer,
            client_address=sealed,
            user_agent=visitor.agent.text,
            language=visitor.language,
            screen=visitor.agent.screen,
            client_hints=visitor.agent.hints,
        )

    def _origin(self, home: str) -> tuple[str, str]:
        """Referrer and query of the page."""
        dice, chance = self._dice, self._dice.random()
        if self._requests > VISITORS:
            query = f"?page={dice.randrange(7)}" if chance < 0.05 else ""
            return f"{home}/products/widget-{int(5000 * chance**3)}", query
        if chance < 0.1:
            number = dice.randrange(12)
            source, medium = (("google", "cpc"), ("newsletter", "email"), ("facebook", "social"))[number % 3]
            return "", f"?utm_source={source}&utm_medium={medium}&utm_campaign=winter-{number}"
        return f"https://www.site-{dice.randrange(40)}.example/" if chance < 0.6 else "", ""


def _content(name: str, dice: random.Random) -> tuple[str, Mapping[str, Any]]:
    """Path of the page and properties of an event with this name."""
    product = int(5000 * dice.random() ** 3)
    price = round(5.9 + product % 180, 2)
    plan = dice.choice(("free", "pro", "team", "enterprise"))
    page = f"/products/widget-{product}"
    match name:
        case "product_viewed":
            return page, {"product_id": f"widget-{product}", "price": price, "in_stock": product % 9 > 0}
        case "add_to_cart":
            return page, {"product": {"id": product, "name": f"Widget {product}"}, "quantity": 1}
        case "purchase":
            order = f"ord_{dice.randrange(10**6)}"
            return "/checkout", {
                "order_id": order, "amount": price, "currency": "USD", "items": 2, "plan": plan, "first_order": False,
            }  # fmt: skip
        case "signup_click":
            return "/pricing", {"plan": plan, "source": dice.choice(("pricing", "home", "blog", "docs"))}
        case "video_play":
            video = product % 60
            return f"/videos/{video}", {
                "video_id": f"demo-{video}",
                "duration": dice.randrange(300),
                "autoplay": False,
            }
        case _:
            file = product % 40
            return f"/downloads/{file}", {"file": f"whitepaper-{file}.pdf", "size_mb": 2.4}
