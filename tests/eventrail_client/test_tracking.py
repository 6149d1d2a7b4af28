import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from eventrail_client import Client, InvalidEvent, Options, Refusal

Member = dict[str, Any]


@pytest.fixture
def sent() -> list[httpx.Request]:
    return []


@pytest.fixture
def transport(sent: list[httpx.Request]) -> Iterator[httpx.MockTransport]:
    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(202, json={"accepted": len(json.loads(request.content)), "rejected": []})

    with httpx.MockTransport(answer) as made:
        yield made


def members(sent: list[httpx.Request]) -> list[Member]:
    return [member for request in sent for member in json.loads(request.content)]


def test_a_visitor_gives_its_fields_to_each_event(
    sent: list[httpx.Request], transport: httpx.MockTransport
) -> None:
    with Client("http://collector", "shop", transport=transport) as client:
        visitor = client.visitor(visitor_id="u-1", client_ip="203.0.113.7", url="/a")
        visitor.track("viewed")
        visitor.track("bought", {"plan": "pro"}, url="/b")
    first, second = members(sent)
    assert (first["visitor_id"], first["client_ip"], first["url"]) == ("u-1", "203.0.113.7", "/a")
    assert (second["visitor_id"], second["url"], second["event_data"]) == ("u-1", "/b", {"plan": "pro"})


def test_the_request_is_one_of_the_app_server(
    sent: list[httpx.Request], transport: httpx.MockTransport
) -> None:
    with Client("http://collector/trail", "shop", server_key="key-1", transport=transport) as client:
        client.track("a")
    assert str(sent[0].url) == "http://collector/trail/api/collect"
    assert sent[0].headers["authorization"] == "Bearer key-1"
    assert sent[0].headers["content-type"] == "application/json"


def test_what_the_collector_would_refuse_is_told_and_not_sent(
    sent: list[httpx.Request], transport: httpx.MockTransport
) -> None:
    told: list[Refusal] = []
    with Client("http://collector", "shop", on_refused=told.append, transport=transport) as client:
        assert client.track("x" * 256) is None
        assert client.counts.taken == 0
    assert told == [
        Refusal(
            None, "x" * 256, None, "validation_error",
            "event_name: has 256 characters, but must have 255 or fewer", "event_name",
        )
    ]  # fmt: skip
    assert sent == []


def test_a_strict_client_raises(transport: httpx.MockTransport) -> None:
    with Client("http://collector", "shop", strict=True, transport=transport) as client:
        with pytest.raises(InvalidEvent, match="event_data: is 5,008 bytes"):
            client.track("a", {"a": "x" * 5000})
        with pytest.raises(TypeError, match="visitorid"):
            client.track("a", visitorid="u-1")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "wrong", [{"url": "collector"}, {"website_id": "a/b"}, {"server_key": ""}, {"website_id": ".."}]
)
def test_what_cannot_be_right_is_refused_at_once(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"url|website_id|server_key"):
        Client(**{"url": "http://collector", "website_id": "shop", **wrong})  # type: ignore[arg-type]


def test_ids_are_what_was_returned(sent: list[httpx.Request], transport: httpx.MockTransport) -> None:
    with Client("http://collector", "shop", transport=transport, options=Options(batch_events=1)) as client:
        ids = [client.track("a"), client.track("a")]
    assert [member["event_id"] for member in members(sent)] == ids
    assert len(set(ids)) == 2
    assert len(sent) == 2
