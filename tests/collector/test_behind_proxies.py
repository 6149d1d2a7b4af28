"""Whose address stands in the record, over HTTP."""

from collections.abc import Callable

import httpx
import pytest

from collector.settings import CollectorSettings
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.sealing import AddressOpener

EVENT = {"website_id": "shop", "type": "event", "event_name": "a"}
Published = Callable[[], list[RawEvent]]


async def address_of(http: httpx.AsyncClient, published: Published, *headers: tuple[str, str]) -> str | None:
    answer = await http.post("/api/collect", json=EVENT, headers=list(headers))
    assert answer.status_code == 202
    (event,) = published()
    if not event.HasField("client_address"):
        return None
    return str(AddressOpener({"k1": b"k" * 32}).open(event.client_address))


async def test_without_trusted_proxies_the_peer_is_the_client(
    http: httpx.AsyncClient, published: Published
) -> None:
    sent = ("x-forwarded-for", "198.51.100.1"), ("forwarded", "for=198.51.100.1")
    assert await address_of(http, published, *sent) == "203.0.113.7"


class TestTrusted:
    @pytest.fixture
    def settings(self) -> CollectorSettings:
        return CollectorSettings(trusted_proxies="203.0.113.7, 10.0.0.0/8")

    async def test_the_right_most_address_that_is_not_trusted(
        self, http: httpx.AsyncClient, published: Published
    ) -> None:
        sent = (
            ("X-Forwarded-For", "192.0.2.66, spoofed"),
            ("Forwarded", "for=192.0.2.66"),
            ("X-Real-IP", "192.0.2.66"),
            ("X-Forwarded-For", "[2001:db8::5]:4711, 10.1.1.1"),
        )
        assert await address_of(http, published, *sent) == "2001:db8::5"

    async def test_where_a_proxy_names_nobody_the_address_is_left_out(
        self, http: httpx.AsyncClient, published: Published
    ) -> None:
        assert await address_of(http, published, ("x-forwarded-for", "198.51.100.1, unknown")) is None

    async def test_a_request_of_the_proxy_itself(self, http: httpx.AsyncClient, published: Published) -> None:
        assert await address_of(http, published) == "203.0.113.7"


class TestForwarded:
    @pytest.fixture
    def settings(self) -> CollectorSettings:
        return CollectorSettings(trusted_proxies="203.0.113.7", forwarded_header="forwarded")

    async def test_the_chosen_header_is_read(self, http: httpx.AsyncClient, published: Published) -> None:
        sent = ("x-forwarded-for", "192.0.2.66"), ("forwarded", 'for=192.0.2.66, for="198.51.100.1:80"')
        assert await address_of(http, published, *sent) == "198.51.100.1"
