"""Properties: the spec's and the issue's rules, and a slow reading of them as the judge."""

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventrail.errors import ContractError
from eventrail.rows import properties as module
from eventrail.rows.properties import ARRAY, BOOLEAN, NUMBER, STRING, properties


def as_dict(event_data: str) -> dict[str, str]:
    made = properties(event_data)
    assert len(set(made.paths)) == len(made.paths) == len(made.types)
    return dict(zip(made.paths, made.texts, strict=True))


@pytest.mark.parametrize(
    ("event_data", "expected"),
    [
        ("", {}),
        ("{}", {}),
        (' { "plan" : "pro" } ', {"plan": "pro"}),
        ('{"plan":"pro","amount":49.99,"currency":"USD"}', {"plan": "pro", "amount": "49.99", "currency": "USD"}),
        ('{"product":{"id":123,"name":"Widget"}}', {"product.id": "123", "product.name": "Widget"}),
        ('{"n":[1.0,-0,1e5,1E+2,0.10,100000000000000000000]}', {"n": "[1.0,-0,1e5,1E+2,0.10,100000000000000000000]"}),
        ('{"a":1.0,"b":-0,"c":1e5,"d":0.10}', {"a": "1.0", "b": "-0", "c": "1e5", "d": "0.10"}),
        ('{"big":' + "9" * 5000 + "}", {"big": "9" * 5000}),
        ('{"t":true,"f":false,"n":null}', {"t": "true", "f": "false"}),
        ('{"empty":{},"deep":{"empty":{}}}', {}),
        ('{"a":[]}', {"a": "[]"}),
        ('{"a":[null,true,"x\\"y"]}', {"a": '[null,true,"x\\"y"]'}),
        ('{"a":[{"k":null,"e":{},"n":1.50}]}', {"a": '[{"k":null,"e":{},"n":1.50}]'}),
        ('{"":1,"*":2,"a.b":3}', {"": "1", "*": "2", "a.b": "3"}),
        ('{"\\"":4,"\'":5,"a b":6}', {'"': "4", "'": "5", "a b": "6"}),
        ('{"":{"":{"":1}}}', {"..": "1"}),
        ('{"a.b":1,"a":{"b":2}}', {"a.b": "2"}),
        ('{"a":{"b":2},"a.b":1}', {"a.b": "1"}),
        ('{"a.b":1,"a":{"b":null}}', {"a.b": "1"}),
        ('{"a":1,"a":2}', {"a": "2"}),
        ('{"a":1,"a":null}', {}),
        ('{"s":"1"}', {"s": "1"}),
        ('{"s":"true","n":"null"}', {"s": "true", "n": "null"}),
        ('{"s":"München ✓ \\u00e9"}', {"s": "München ✓ é"}),
        ('{"s":"\\ud83d\\ude00"}', {"s": "😀"}),
        ('{"\\ud800":"a\\udc00b"}', {"\ufffd": "a\ufffdb"}),
        ('{"a":["\\ud800"]}', {"a": '["\ufffd"]'}),
        ('{"s":"\\u0000"}', {"s": "\0"}),
    ],
)  # fmt: skip
def test_examples(event_data: str, expected: dict[str, str]) -> None:
    assert as_dict(event_data) == expected


def test_types_tell_values_of_the_same_text_apart() -> None:
    made = properties('{"a":"1","b":1,"c":"true","d":true,"e":"[]","f":[],"g":null,"h":{},"i":{"j":-0.5}}')
    assert dict(zip(made.paths, made.types, strict=True)) == {
        "a": STRING, "b": NUMBER, "c": STRING, "d": BOOLEAN, "e": STRING, "f": ARRAY, "i.j": NUMBER,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("event_data", "shape"),
    [
        ("", ""),
        ("{}", "{}"),
        (' { "a" : 1 , "b" : "x" } ', '{"a":\0,"b":\0}'),
        ('{"a":{"b":1,"c":null},"d":{}}', '{"a":{"b":\0,"c":null},"d":{}}'),
        ('{"a":1,"a":2}', '{"a":\0}'),
        ('{"\\u0000":1}', '{"\\u0000":\0}'),
        ('{"a":"\\u00e9"}', '{"a":\0}'),
        ('{"a.b":1,"a":{"b":2}}', ""),
        ('{"a":"\\ud800"}', ""),
        ('{"\\ud800":1}', ""),
        ('{"' + "a" * 2000 + '":1}', ""),
        ('{"x":null,"' + "a" * 2000 + '":1}', ""),
    ],
    ids=lambda value: value[:20],
)
def test_the_shape_is_there_where_it_tells_the_whole_text(event_data: str, shape: str) -> None:
    assert properties(event_data).shape == shape


@pytest.mark.parametrize(
    ("event_data", "why"),
    [
        ("{", "no JSON text"),
        (" ", "no JSON text"),
        ("{'a':1}", "no JSON text"),
        ("{} {}", "goes on after"),
        ("[1]", "no object"),
        ('"x"', "no object"),
        ("null", "no object"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "too deeply"),
        ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "too deeply"),
    ],
)
def test_what_is_no_object_breaks_a_rule(event_data: str, why: str) -> None:
    with pytest.raises(ContractError, match=why) as error:
        properties(event_data)
    assert error.value.rule
    assert "'" not in str(error.value), "the text must not quote the data"


class Number:
    """A number's text, drawn so that no parser's idea of it matters."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


NUMBERS = st.from_regex(
    re.compile(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][-+]?[0-9]{1,3})?", re.ASCII), fullmatch=True
)
NAMES = st.one_of(st.sampled_from(["", ".", "a", "a.b", "b", "*", '"', "\\"]), st.text(max_size=5))
LEAVES = st.one_of(st.none(), st.booleans(), st.text(max_size=8), NUMBERS.map(Number))
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=12,
)


def written(value: Any, space: str = "") -> str:
    """JSON text, numbers as they are."""
    if isinstance(value, Number):
        return value.text
    if isinstance(value, dict):
        members = (f"{json.dumps(name)}{space}:{space}{written(item, space)}" for name, item in value.items())
        return f"{{{space}{f'{space},'.join(members)}{space}}}"
    if isinstance(value, list):
        return f"[{space}{f'{space},'.join(written(item, space) for item in value)}{space}]"
    return json.dumps(value)


def judged(members: dict[str, Any]) -> dict[str, str]:
    """The rules, one by one, without regard to speed."""
    pairs: list[tuple[str, str]] = []

    def visit(path: list[str], value: Any) -> None:
        if isinstance(value, dict):
            for name, item in value.items():
                visit([*path, name], item)
        elif isinstance(value, str):
            pairs.append((".".join(path), value))
        elif value is not None:
            pairs.append((".".join(path), unescaped(written(value))))

    visit([], members)
    return dict(pairs)


def unescaped(text: str) -> str:
    """JSON text with only those escapes that JSON demands (RFC 8259, section 7)."""
    strings = re.compile(r'"(?:[^"\\]|\\.)*"')
    return strings.sub(lambda found: json.dumps(json.loads(found[0]), ensure_ascii=False), text)


@given(st.dictionaries(NAMES, VALUES, max_size=5), st.sampled_from(["", " ", "\n\t"]))
def test_any_object_is_read_by_the_rules(members: dict[str, Any], space: str) -> None:
    assert as_dict(written(members, space)) == judged(members)


@given(st.dictionaries(NAMES, VALUES, max_size=5), st.sampled_from(["", " ", "\n\t"]))
def test_the_quick_parser_reads_what_the_exact_one_reads(members: dict[str, Any], space: str) -> None:
    read_alike(written(members, space))


@given(st.text(alphabet='{}[]":,.\\udc80 \n\t01-eEtrufalsn"ab\x01\x7f\ufeff', max_size=40))
def test_the_quick_parser_takes_no_text_that_the_exact_one_refuses(text: str) -> None:
    read_alike(text)
    read_alike(f'{{"a":{text}}}')


@pytest.mark.parametrize(
    "text",
    [
        "-0",
        "[-0]",
        "-0.0",
        "-0e1",
        '"-0"',
        "[1,-0]",
        "NaN",
        "-Infinity",
        "1E400",
        "01",
        '"2026-01-05"',
        "9" * 400,
    ],
)
def test_the_parsers_agree_on_numbers(text: str) -> None:
    read_alike(f'{{"a":{text}}}')
    read_alike(f'{{"a": {text} }}')


def read_alike(text: str) -> None:
    quick = read(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_decode_quickly", no_quick_parser)
        assert quick == read(text)


def no_quick_parser(_: str) -> Any:
    raise msgspec.DecodeError


def read(text: str) -> Any:
    try:
        return properties(text)
    except ContractError as error:
        return str(error)


@given(st.text(alphabet='{}[]":,.\\udc80 \n\t01-eEtrufalsn"ab', max_size=40))
def test_any_text_is_read_or_refused_and_can_be_stored(text: str) -> None:
    try:
        found = as_dict(text)
    except ContractError as error:
        assert error.rule  # noqa: PT017 - both outcomes are right; what is checked depends on which
    else:
        for path, value in found.items():
            path.encode()
            value.encode()
            assert type(value) is str
