import contextlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict

from collector.payload import diagnosis, members, reading, rules
from collector.payload.members import Member
from collector.refusals import Refused

GOOD = {"website_id": "shop", "type": "event", "event_name": "a", "event_data": {"b": {"c": 1}}, "url": None}

# Integers of 30 digits and more are beyond every range; the exact way cuts them, and both refuse them.
WHOLE = st.integers(-(10**28), 10**28)
VALUES = st.one_of(st.none(), st.booleans(), WHOLE, st.text(max_size=5), st.lists(st.integers(), max_size=2))
FIELDS = st.sampled_from([*Member.__struct_fields__, "foo", "website_ID"])
BODIES = st.one_of(
    st.dictionaries(FIELDS, VALUES, max_size=6),
    st.lists(st.dictionaries(FIELDS, VALUES, max_size=6) | VALUES, max_size=4),
)


def plain(member: Member | Refused) -> object:
    if isinstance(member, Refused):
        return (member.kind.code, member.field, member.message)
    return asdict(member) | {"event_data": bytes(member.event_data)}


@given(BODIES)
def test_the_quick_and_the_exact_way_agree(value: object) -> None:
    compact = json.dumps(value, separators=(",", ":")).encode()
    quick = members.quick(compact)
    if quick is not None:
        exact = diagnosis.examine(compact)
        assert [plain(member) for member in quick.members] == [plain(member) for member in exact.members]
        assert (quick.batch, exact.unknown) == (exact.batch, [])


def test_a_clean_body_takes_the_quick_way() -> None:
    for body in (GOOD, [GOOD], [GOOD] * 50):
        assert members.quick(json.dumps(body, separators=(",", ":")).encode()) is not None
        assert members.minimal(json.dumps(body, separators=(",", ":")).encode()) is not None


SPELLINGS = st.sampled_from(
    [
        b" ",
        b"\\u0061",
        b"\\/",
        b"-0",
        b"1e3",
        b'"url":"a",',
        b'"url":1,',
        b"\\ud800",
        b"\\u0000",
        b"\xff",
        b"\xc3\xa9",
    ]
)


@given(
    BODIES,
    st.lists(st.tuples(st.integers(0, 200), SPELLINGS), max_size=2),
    st.sampled_from([None, (",", ":")]),
)
def test_what_is_read_as_it_stands_is_read_as_the_exact_way_does(
    value: object, inserted: list[tuple[int, bytes]], separators: tuple[str, str] | None
) -> None:
    body = json.dumps(value, separators=separators).encode()
    for at, spelling in inserted:
        body = body[:at] + spelling + body[at:]
    found = members.minimal(body)
    if found is not None:
        exact = diagnosis.examine(body)
        assert [plain(member) for member in found.members] == [plain(member) for member in exact.members]
        assert (found.batch, exact.unknown) == (exact.batch, [])


@pytest.mark.parametrize(
    "body",
    [
        b'{"url": "a"}',
        b'{"url":"a","url":"b"}',
        b'{"url":"a","\\u0075rl":"b"}',
        b'{"url":"\\u0061","url":"b"}',
        b'{"event_data":{},"event_data":{}}',
        b'{"url":"\\u0000"}',
        b'{"event_data":{"a":"\\u0000"}}',
        b'{"event_data":{"a":"\xff"}}',
        b'{"event_data":{"a":"\\ud800"}}',
        b'{"website_ID":"a"}',
        b"[]",
        b"[" + b",".join([b"{}"] * 51) + b"]",
    ],
)
def test_what_is_not_clean_is_not_read_as_it_stands(body: bytes) -> None:
    assert members.minimal(body) is None


def outcome(body: bytes) -> str | int:
    """ "read", or the status of the refusal; any other error is a fault."""
    try:
        return "read" if reading.read(body).members else "nothing"
    except Refused as refused:
        return refused.kind.status


@given(st.binary(max_size=200) | st.text('[]{}",:\\ud80019eE.-ntf ', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    assert outcome(body) in ("read", 400)


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (b"", "invalid_json", "empty"),
        (b" \n", "invalid_json", "empty"),
        (b"{", "invalid_json", "not JSON"),
        (b"[1,]", "invalid_json", "not JSON"),
        (b'{"a":NaN}', "invalid_json", "not JSON"),
        (b'{"a":1}{', "invalid_json", "not JSON"),
        (b'{"url":"\xff"}', "invalid_json", "not UTF-8"),
        (b'{"foo":"\xff"}', "invalid_json", "not UTF-8"),
        (b'{"\xff":1', "invalid_json", "not UTF-8 at byte 2"),
        (b'{"event_data":"\xff"}', "invalid_json", "not UTF-8 at byte 15"),
        (b'{"event_data":{"a":"\xff"}}', "invalid_json", "not UTF-8"),
        (b'{"url":"\\ud8"}', "invalid_json", "not JSON"),
        (b'{"url":"\\ud800', "invalid_json", "not JSON"),
        (b'{"url":"a\x00"}', "invalid_json", "not JSON"),
        (b"[" * 100_000, "invalid_json", "deep"),
        (b'{"a":' * 20_000, "invalid_json", "deep"),
        (b"[]", "validation_error", "the array is empty"),
        (b"42", "validation_error", "but is a number"),
        (b'"text"', "validation_error", "but is a string"),
        (b"null", "validation_error", "but is null"),
        (b"[" + b"1," * 50 + b"1]", "batch_too_large", "has 51 events"),
    ],
)
def test_a_body_can_be_refused_as_a_whole(body: bytes, code: str, said: str) -> None:
    with pytest.raises(Refused, match=said) as caught:
        reading.read(body)
    assert caught.value.kind.code == code


def test_every_depth_of_nesting_is_refused_or_read() -> None:
    for depth in [*range(850, 1010, 3), 5_000]:
        for body in (b"[" * depth + b"]" * depth, b'{"foo":' * depth + b"1" + b"}" * depth):
            assert outcome(body) in ("read", 400)


@pytest.mark.parametrize(
    ("member", "field", "said"),
    [
        (b'{"url":"a","url":"b"}', "url", "twice"),
        (b'{"url":"a","\\u0075rl":"b"}', "url", "twice"),
        (b'{"foo":1,"foo":2}', "foo", "twice"),
        (b'{"url" : "a", "url" :"b"}', "url", "twice"),
        (b'{"url":1}', "url", "expected a string, found a number"),
        (b'{"url":true}', "url", "expected a string, found a boolean"),
        (b'{"event_name":{}}', "event_name", "expected a string, found an object"),
        (b'{"event_name":[]}', "event_name", "expected a string, found an array"),
        (b'{"screen_width":"1"}', "screen_width", "expected an integer, found a string"),
        (b'{"screen_width":1.5}', "screen_width", "expected an integer, found a number"),
        (b'{"screen_width":false}', "screen_width", "expected an integer, found a boolean"),
        (b'{"timestamp":true}', "timestamp", "an integer .Unix milliseconds. or a string .* found a boolean"),
        (b'{"timestamp":1.5}', "timestamp", "found a number"),
        (b'{"url":"a\\u0000"}', "url", "NUL"),
        (b"7", None, "must be an event object, but is a number"),
        (b"[{}]", None, "but is an array"),
    ],
)
def test_a_member_that_is_wrong_is_told_what_and_the_others_stay(
    member: bytes, field: str | None, said: str
) -> None:
    read = reading.read(b"[%b,%b]" % (json.dumps(GOOD).encode(), member))
    good, bad = read.members
    assert isinstance(good, Member)
    assert isinstance(bad, Refused)
    assert bad.field == field
    with pytest.raises(Refused, match=said):
        raise bad


def test_unknown_fields_are_listed_once_and_at_most_fifty() -> None:
    body = [GOOD | {"foo": 1, "Url": {"x": 1}}, GOOD | {"foo": 2}]
    read = reading.read(json.dumps(body).encode())
    assert read.unknown == ["foo", "Url"]
    assert all(isinstance(member, Member) for member in read.members)
    many = reading.read(json.dumps(GOOD | {f"x{n}": 1 for n in range(99)}).encode())
    assert many.unknown == [f"x{n}" for n in range(50)]


def test_huge_integers_cost_nothing() -> None:
    read = reading.read(b'{"timestamp":%b}' % (b"9" * 100_000))
    assert isinstance(read.members[0], Member)
    assert read.members[0].timestamp == 10**30 - 1


MANY = b",".join(b'"%x":0' % number for number in range(10_000))
FEW = b",".join(b'"%x":0' % number for number in range(500))


@pytest.mark.parametrize(
    "body",
    [
        b"{" + MANY + b"}",
        b"{" + MANY + b',"270f":0}',
        b"[" + b",".join([b'{"event_data":{' + FEW + b',"1f3":0}}'] * 25) + b"]",
        b'{"timestamp":' + b"9" * 100_000 + b"}",
        b'{"url":"' + rb"\ud800" * 16_000 + b'"}',
        b"[" * 51_000 + b"]" * 51_000,
        b"[" + b"0," * 51_000 + b"0]",
    ],
    ids=["fields", "fields, one twice", "keys, one twice", "digits", "halves", "levels", "members"],
)
def test_the_worst_of_bodies_costs_little_time(body: bytes) -> None:
    assert len(body) <= 102_400
    began = time.process_time()
    with contextlib.suppress(Refused):
        for member in reading.read(body).members:
            with contextlib.suppress(Refused):
                if isinstance(member, Member):
                    rules.judge(member)
    assert time.process_time() - began < 0.25
