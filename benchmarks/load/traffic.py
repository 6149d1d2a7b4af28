"""Requests as trackers send them: `Traffic(...).request(now_ms)` is the next one, ready for the wire.

20,000 visitors of 200 websites (the first has a tenth of the events, the others fewer and fewer), 2,000 user agents,
20,000 addresses, six kinds of events of the product spec. Each event has its own `event_id` (UUIDv7) and `timestamp`,
as the SDK sends them; 2 % are repeats: half of them of what was sent lately, half of events that are days old.
A request holds events of one visitor, as a page sends them.
"""

import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final

import msgspec

WEBSITES: Final = 200
VISITORS: Final = 20_000
AGENTS: Final = 2_000
ADDRESSES: Final = 20_000
OLD_EVENTS: Final = 2_000
REPEATED: Final = 0.02
_REMEMBERED: Final = 1_000
_DAY_MS: Final = 86_400_000
_encode: Final = msgspec.json.Encoder().encode

_AGENTS: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{0}.0.0.0 Safari/537.36",
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{1}.{2} "
        "Safari/605.1.15"
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS {1}_{2} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/{1}.{2} Mobile/15E148 Safari/604.1"
    ),
    (
        "Mozilla/5.0 (Linux; Android {1}; SM-S9{0}B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{0}.0.0.0 Mobile "
        "Safari/537.36"
    ),
    "Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0",
)
_LANGUAGES: Final = ("en-US", "de-DE", "fr-FR", "en-GB", "es-ES", "pt-BR", "ja-JP")
_SCREENS: Final = ("1920x1080", "390x844", "412x915", "1440x900", "2560x1440")
_REFERRERS: Final = (
    "",
    "",
    "https://www.google.com/",
    "https://news.example.com/item?id={0}",
    "https://t.co/{0}",
)


def _product_viewed(dice: random.Random) -> dict[str, Any]:
    product = dice.randrange(5_000)
    return {"product_id": f"widget-{product}", "price": product % 180 + 0.99, "in_stock": product % 9 > 0}


def _add_to_cart(dice: random.Random) -> dict[str, Any]:
    product = dice.randrange(5_000)
    return {"product": {"id": product, "name": f"Widget {product}"}, "quantity": dice.randrange(1, 4)}


def _purchase(dice: random.Random) -> dict[str, Any]:
    return {
        "plan": dice.choice(_PLANS),
        "amount": dice.randrange(5, 400) + 0.49,
        "currency": "USD",
        "items": dice.randrange(1, 5),
    }


def _signup_click(dice: random.Random) -> dict[str, Any]:
    return {"plan": dice.choice(_PLANS), "source": dice.choice(("pricing", "home", "blog"))}


def _video_play(dice: random.Random) -> dict[str, Any]:
    return {
        "video_id": f"demo-{dice.randrange(60)}",
        "duration": dice.randrange(300) + 0.5,
        "autoplay": False,
    }


def _file_download(dice: random.Random) -> dict[str, Any]:
    return {"file": f"whitepaper-{dice.randrange(40)}.pdf", "size_mb": dice.randrange(12) + 0.5}


_PLANS: Final = ("free", "pro", "enterprise")
_KINDS: Final[Mapping[str, Callable[[random.Random], dict[str, Any]]]] = {
    "product_viewed": _product_viewed,
    "add_to_cart": _add_to_cart,
    "purchase": _purchase,
    "signup_click": _signup_click,
    "video_play": _video_play,
    "file_download": _file_download,
}
"""Names of events, and what makes their properties."""

_SHARES: Final = (45, 20, 7, 8, 12, 8)


@dataclass(frozen=True, slots=True)
class Visitor:
    """The head of each of their requests up to the length of its body, and what their events begin with."""

    head: bytes
    events: tuple[bytes, ...]


class Traffic:
    """Requests of `batch` events each; the same seed gives the same visitors and the same order of events.

    `path` and `host` are those of the request; `fresh` counts ids that were never given before. Of more `visitors`
    than 20,000 not all are kept: they are made again when they come again.
    """

    def __init__(
        self, batch: int, seed: int, host: str, path: str = "/api/collect", visitors: int = VISITORS
    ) -> None:
        self.batch = batch
        self.fresh = 0
        self._dice = random.Random(seed)  # noqa: S311 - no secret
        self._visitors = visitors
        self._visitor = lru_cache(VISITORS)(partial(_visitor, seed, host, path))
        for number in range(min(visitors, VISITORS)):
            self._visitor(number)
        self._recent: deque[tuple[Visitor, bytes]] = deque(maxlen=_REMEMBERED)
        self._old: list[tuple[Visitor, bytes] | None] = [None] * OLD_EVENTS
        self._one = batch == 1

    def request(self, now_ms: int) -> bytes:
        """Head and body. An event's time is `now_ms` (Unix milliseconds), but for repeats of old ones."""
        dice = self._dice
        number = dice.random()
        if number < REPEATED / 2:
            visitor, body = self._old_one(now_ms)
        elif number < REPEATED and self._recent:
            visitor, body = dice.choice(self._recent)
        else:
            visitor = self._visitor(int(self._visitors * dice.random()))
            body = self._body(visitor, now_ms)
            if number > 0.9:
                self._recent.append((visitor, body))
        return b"%b%d\r\n\r\n%b" % (visitor.head, len(body), body)

    def _body(self, visitor: Visitor, now_ms: int) -> bytes:
        self.fresh += self.batch
        if self._one:
            return self._event(visitor, now_ms)
        return b"[%b]" % b",".join([self._event(visitor, now_ms) for _ in range(self.batch)])

    def _event(self, visitor: Visitor, now_ms: int) -> bytes:
        bits = self._dice.getrandbits(74)
        event_id = b"%08x-%04x-7%03x-%04x-%012x" % (
            now_ms >> 16,
            now_ms & 0xFFFF,
            bits >> 62,
            0x8000 | bits >> 48 & 0x3FFF,
            bits & 0xFFFF_FFFF_FFFF,
        )
        begin = visitor.events[bits % len(visitor.events)]
        return b'%b,"event_id":"%b","timestamp":%d}' % (begin, event_id, now_ms)

    def _old_one(self, now_ms: int) -> tuple[Visitor, bytes]:
        """One of a fixed set of events that happened one to six days ago."""
        place = self._dice.randrange(OLD_EVENTS)
        found = self._old[place]
        if found is None:
            visitor = self._visitor(place)
            found = visitor, self._body(visitor, now_ms - _DAY_MS - self._dice.randrange(5 * _DAY_MS))
            self._old[place] = found
        return found


def _visitor(seed: int, host: str, path: str, number: int) -> Visitor:
    dice = random.Random(f"{seed} {number}")  # noqa: S311 - no secret
    website = 0 if number % 10 == 0 else 1 + int((WEBSITES - 1) * dice.random() ** 2)
    agent = dice.randrange(AGENTS)
    address = dice.randrange(ADDRESSES)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {_agent(agent)}\r\n"
        f"X-Forwarded-For: 11.{address >> 8 & 255}.{address & 255}.{address % 250 + 1}\r\n"
        f"Origin: https://shop-{website}.example\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate, br\r\n"
        f"Accept-Language: {_LANGUAGES[agent % 7]}\r\nContent-Type: application/json\r\nContent-Length: "
    )
    names = dice.choices(tuple(_KINDS), _SHARES, k=6)
    return Visitor(head.encode(), tuple(_event_begin(website, agent, name, dice) for name in names))


def _agent(number: int) -> str:
    return _AGENTS[number % len(_AGENTS)].format(60 + number // 5 % 90, 10 + number % 9, number % 7)


def _event_begin(website: int, agent: int, name: str, dice: random.Random) -> bytes:
    campaign = "?utm_source=google&utm_medium=cpc&utm_campaign=winter-3" if dice.random() < 0.1 else ""
    fields = {
        "website_id": f"site-{website}",
        "event_type": "custom",
        "event_name": name,
        "url": f"https://shop-{website}.example/products/widget-{dice.randrange(500)}{campaign}",
        "referrer": dice.choice(_REFERRERS).format(dice.randrange(1000)),
        "language": _LANGUAGES[agent % 7],
        "screen": _SCREENS[agent % 5],
        "event_data": _encode(_KINDS[name](dice)).decode(),
    }
    return _encode(fields)[:-1]
