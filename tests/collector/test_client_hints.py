import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.client_hints import read
from collector.intake import Client, _on_behalf
from collector.payload import reading, rules
from collector.refusals import Refused
from collector.sinks.memory import MemorySink
from eventrail.contract.codec import decode_raw
from eventrail.contract.v1.raw_pb2 import ClientHints, RawEvent

SHORT = '"Google Chrome";v="142", "Chromium";v="142", "Not_A Brand";v="99"'
FULL = '"Google Chrome";v="142.0.7444.59", "Chromium";v="142.0.7444.59", "Not_A Brand";v="99.0.0.0"'
EVENT = {"website_id": "shop", "type": "event", "event_name": "a"}


def headers(**named: str) -> list[tuple[bytes, bytes]]:
    return [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in named.items()]


def test_each_header_has_its_field() -> None:
    sent = headers(
        host="x",
        sec_ch_ua=SHORT,
        sec_ch_ua_mobile="?0",
        sec_ch_ua_platform='"Windows"',
        sec_ch_ua_platform_version='"15.0.0"',
        sec_ch_ua_model='""',
        sec_ch_ua_arch='"x86"',
        sec_ch_width="3",
    )
    assert read(sent) == ClientHints(
        brands=SHORT, mobile="?0", platform='"Windows"', platform_version='"15.0.0"', model='""'
    )


@pytest.mark.parametrize("turned", [False, True])
def test_the_list_with_full_versions_wins_wherever_it_stands(turned: bool) -> None:
    sent = headers(sec_ch_ua=SHORT, sec_ch_ua_full_version_list=FULL)
    assert read(sent[::-1] if turned else sent) == ClientHints(brands=FULL)


def test_a_list_in_two_headers_is_one_list() -> None:
    sent = [(b"sec-ch-ua", b'"A";v="1"'), (b"sec-ch-ua", b'"B";v="2"')]
    assert read(sent) == ClientHints(brands='"A";v="1", "B";v="2"')


def test_no_hints_are_none() -> None:
    assert read([]) is None
    assert read(headers(user_agent="x", sec_ch_ua_bitness='"64"')) is None
    assert read(headers(sec_ch_ua="", sec_ch_ua_model=" ")) is None


@pytest.mark.parametrize(
    ("name", "field", "most"),
    [("sec_ch_ua", "brands", 512), ("sec_ch_ua_platform", "platform", 64), ("sec_ch_ua_model", "model", 128)],
)
def test_what_is_too_long_is_left_out_and_never_cut(name: str, field: str, most: int) -> None:
    exactly: dict[str, Any] = {field: "x" * most}
    assert read(headers(**{name: "x" * most})) == ClientHints(**exactly)
    assert read(headers(**{name: "x" * (most + 1)})) is None


def test_a_full_list_that_is_too_long_leaves_the_short_one() -> None:
    sent = headers(sec_ch_ua=SHORT, sec_ch_ua_full_version_list="x" * 513)
    assert read(sent) == ClientHints(brands=SHORT)


@given(
    st.lists(st.tuples(st.sampled_from([b"sec-ch-ua", b"sec-ch-ua-mobile", b"sec-ch-ua-x"]), st.binary(max_size=600)))
)  # fmt: skip
def test_any_bytes_give_text_within_the_contract(sent: list[tuple[bytes, bytes]]) -> None:
    found = read(sent) or ClientHints()
    assert len(found.brands) <= 512
    assert len(found.mobile) <= 2
    assert all(value.isascii() for _, value in found.ListFields())


async def test_hints_of_the_request_reach_the_record(http: httpx.AsyncClient, sink: MemorySink) -> None:
    sent = {"sec-ch-ua": SHORT, "sec-ch-ua-platform": '"macOS"'}
    assert (await http.post("/api/collect", json=EVENT, headers=sent)).status_code == 202
    assert (await http.post("/api/collect", json=EVENT | {"event_name": "b"})).status_code == 202
    hinted, plain = sorted(events(sink), key=lambda event: event.event_name)
    assert hinted.client_hints == ClientHints(brands=SHORT, platform='"macOS"')
    assert not plain.HasField("client_hints")


def events(sink: MemorySink) -> list[RawEvent]:
    return [event for chunks in sink.chunks.values() for chunk in chunks for event in decode_raw(chunk)]


@pytest.mark.parametrize(
    ("said", "hinted"),
    [({}, True), ({"client_ip": "203.0.113.9"}, True), ({"user_agent": "visitor"}, False)],
)
def test_the_hints_of_a_server_say_nothing_about_its_visitor(said: dict[str, str], *, hinted: bool) -> None:
    (member,) = reading.read(json.dumps(EVENT | said).encode()).members
    assert not isinstance(member, Refused)
    server = Client(None, "server/1", hints=ClientHints(mobile="?0"))
    assert (_on_behalf(rules.judge(member), server).hints is not None) == hinted
