import json
import re
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.payload import event_data
from collector.payload.event_data import MAX_BYTES, MAX_DEPTH, read
from collector.refusals import Refused

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10)
NUMBERS = st.one_of(
    st.integers(-(10**18), 10**18).map(str),
    st.decimals(-1000, 1000, places=3).map(str),
    st.sampled_from(["1E5", "1e-7", "-0", "0.10", "1.0", "123456789012345678901234567890"]),
)
LEAVES = st.one_of(NUMBERS, TEXTS.map(json.dumps), st.sampled_from(["true", "false", "null"]))
SPACES = st.sampled_from(["", " ", "\n\t"])


@st.composite
def objects(draw: st.DrawFn, depth: int = 2) -> str:
    keys = draw(st.lists(TEXTS, unique=True, max_size=4))
    values = LEAVES if depth == 0 else LEAVES | objects(depth - 1) | LEAVES.map(lambda leaf: f"[ {leaf} ]")
    pairs = [f"{json.dumps(key)}{draw(SPACES)}:{draw(SPACES)}{draw(values)}" for key in keys]
    return f"{{{draw(SPACES)}{(',' + draw(SPACES)).join(pairs)}}}"


def compact(text: str) -> bytes:
    return msgspec.json.format(text.encode(), indent=-1)


@given(objects())
def test_the_compact_form_has_the_same_value_and_the_same_numbers(text: str) -> None:
    for raw in (compact(text), compact(json.dumps(text)), compact(json.dumps(text, ensure_ascii=False))):
        kept = read(raw)
        assert json.loads(kept) == json.loads(text)
        outside_strings = [re.sub(r'"(?:[^"\\]|\\.)*"', "", form) for form in (kept, text)]
        assert NUMBER.findall(outside_strings[0]) == NUMBER.findall(outside_strings[1])
        assert kept.encode() == compact(kept)


def outcome(read: Callable[[bytes], str | None], raw: bytes) -> object:
    try:
        return read(raw)
    except Refused as refused:
        return (refused.kind.code, refused.message)


HOSTILE = st.one_of(
    st.text('[]{}",:\\ud80019eE.-ntf \0', max_size=40).map(json.dumps),
    st.integers(25, 40).map(lambda depth: '{"a":' * depth + "1" + "}" * depth),
    st.integers(MAX_BYTES - 10, MAX_BYTES).map(lambda size: f'{{"a":"{"x" * size}"}}'),
    st.sampled_from(
        ['{"a":1,"a":1}', '{"a":{"b":1,"b":2}}', '{"a":"\\u0000"}', '{"a":1e400}', '{"\\u0061":1}']
    ),
)


@given((objects() | HOSTILE).flatmap(lambda text: st.sampled_from([text, json.dumps(text)])))
def test_what_is_read_at_a_glance_is_read_as_the_exact_way_does(text: str) -> None:
    raw = text.encode()
    exact = outcome(event_data._exact, raw)
    assert outcome(read, raw) == outcome(read, compact(text)) == exact
    if (at_a_glance := event_data._usual(raw)) is not None:
        assert at_a_glance == exact


def test_the_example_of_the_spec() -> None:
    assert read(compact(json.dumps('{ " plan " : " pro " }'))) == '{" plan ":" pro "}'


@pytest.mark.parametrize("raw", [b"", b"null", b'""', b'"  "', b'"null"'])
def test_nothing_is_nothing(raw: bytes) -> None:
    assert read(raw) == ""


@pytest.mark.parametrize("filler", ["é", "漢", "😀", "/", "a"])
def test_escapes_do_not_count_where_they_can_be_spared(filler: str) -> None:
    fits = (MAX_BYTES - len('{"a\\n":1.0e5,"b":""}')) // len(filler.encode())
    for count, taken in ((fits, True), (fits + 1, False)):
        units = (filler * count).encode("utf-16-be")
        escaped = "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
        raw = f'{{"a\\n":1.0e5,"b":"{escaped}"}}'.encode()
        if taken:
            assert read(raw) == f'{{"a\\n":1.0e5,"b":"{filler * count}"}}'
        else:
            with pytest.raises(Refused, match="compact JSON"):
                read(raw)


def test_the_escapes_of_what_fits_stay_as_sent() -> None:
    assert read(rb'{"a":"\u00e9\/"}') == r'{"a":"\u00e9\/"}'


def test_an_empty_object_stays() -> None:
    assert read(b"{}") == read(b'"{}"') == "{}"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"[1]", "is an array"),
        (b"1", "is a number"),
        (b"-1", "is a number"),
        (b"true", "is a boolean"),
        (b'"[1]"', "is an array"),
        (b'"\\"a\\""', "is a string"),
        (b'"{a:1}"', "holds no JSON"),
        (b'"hello"', "holds no JSON"),
        (b'"{\\"a\\":NaN}"', "holds no JSON"),
        (b'"{\\"a\\":-Infinity}"', "holds no JSON"),
        (b'"{\\"a\\":1}}"', "holds no JSON"),
        (b'"{\\"a\\":\\"\\\\ud8\\"}"', "holds no JSON"),
        (b'{"a":1e999}', "out of range"),
        (b'{"a":1,"b":2,"a":3}', 'the key "a" twice'),
        (b'{"a":{"b":1,"\\u0062":2}}', 'the key "b" twice'),
        (b'{"a":"\\u0000"}', "NUL"),
        (b'{"\\u0000":1}', "NUL"),
        (b'{"a":["\\u0000"]}', "NUL"),
    ],
)
def test_what_is_no_good_object_is_refused(raw: bytes, said: str) -> None:
    with pytest.raises(Refused, match=re.escape(said)) as caught:
        read(raw)
    assert (caught.value.kind.code, caught.value.field) == ("validation_error", "event_data")


def test_an_escaped_backslash_is_no_nul() -> None:
    assert read(b'{"a":"\\\\u0000"}') == '{"a":"\\\\u0000"}'


def test_a_colon_in_a_text_is_no_key() -> None:
    assert read(b'{"a":"x\\":y","b":{"a":1}}') == '{"a":"x\\":y","b":{"a":1}}'


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


def test_the_depth_is_counted_in_objects_and_arrays() -> None:
    assert read(nested(MAX_DEPTH))
    with pytest.raises(Refused, match="more than 32 levels"):
        read(nested(MAX_DEPTH + 1))
    with pytest.raises(Refused, match="more than 32 levels"):
        read(b'{"a":' + b"[" * 32 + b"]" * 32 + b"}")


def test_many_braces_in_texts_and_many_flat_arrays_are_no_depth() -> None:
    assert read(b'{"a":"%b","b":"\\"%b"}' % (b"{" * 100, b"[" * 100))
    assert read(b'{"a":[%b]}' % b",".join([b"[]"] * 100))


def test_a_bomb_inside_of_a_string_is_refused() -> None:
    for bomb in (b'"' + b"[" * 90_000 + b'"', b'"' + b'{\\"a\\":' * 10_000 + b'"'):
        with pytest.raises(Refused):
            read(bomb)


def test_the_limit_counts_bytes_of_the_compact_form() -> None:
    fits = b'{"a":"%b"}' % (b"x" * (MAX_BYTES - 8))
    assert len(fits) == MAX_BYTES
    assert read(fits)
    assert read(json.dumps(json.dumps({"a": "x" * (MAX_BYTES - 8)}, indent=2)).encode())
    for too_large in (fits.replace(b"xx", "é".encode() + b"x", 1), fits.replace(b"x", b"xx", 1)):
        with pytest.raises(Refused, match="4,097 bytes") as caught:
            read(too_large)
        assert caught.value.kind.code == "payload_too_large"
