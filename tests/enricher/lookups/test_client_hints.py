import pytest
from hypothesis import given
from hypothesis import strategies as st

from enricher.lookups.client_hints import NO_HINTS, Hints, read_hints
from eventrail.contract.v1.raw_pb2 import ClientHints


def brands(field: str) -> tuple[tuple[str, str], ...]:
    return read_hints(ClientHints(brands=field)).brands


def test_all_fields() -> None:
    sent = ClientHints(
        brands='"Google Chrome";v="142", "Chromium";v="142"',
        mobile="?1",
        platform='"Android"',
        platform_version='"16.0.0"',
        model='"Pixel 9 Pro"',
    )
    assert read_hints(sent) == Hints(
        brands=(("Google Chrome", "142"), ("Chromium", "142")),
        mobile=True,
        platform="Android",
        platform_version="16.0.0",
        model="Pixel 9 Pro",
    )


def test_nothing_sent_says_nothing() -> None:
    assert read_hints(ClientHints()) == NO_HINTS == Hints()


@pytest.mark.parametrize(
    "grease",
    ["Not_A Brand", "Not.A/Brand", "Not A;Brand", " Not A;Brand", "Not?A_Brand", "(Not(A:Brand", "Not)A;Brand",
     "Not=A?Brand", "Not/A)Brand", "Not:A-Brand", ";Not A Brand", "Not-A.Brand", "Not;A=Brand"],
)  # fmt: skip
def test_the_brand_that_nobody_has_is_ignored(grease: str) -> None:
    assert brands(f'"{grease}";v="99", "Chromium";v="142"') == (("Chromium", "142"),)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ('"A"', (("A", ""),)),
        ('"A";v="1"', (("A", "1"),)),
        ('  "A";v="1"\t, \t"B";v="2"  ', (("A", "1"), ("B", "2"))),
        ('"A,B;C";v="1"', (("A,B;C", "1"),)),
        (r'"A\"B\\C";v="1"', ((r'A"B\C', "1"),)),
        ('"A"; x; y=?1; z=tok/en; n=-1.5; b=:YWJj:; v="1"', (("A", "1"),)),
        ('"A";v=1', (("A", ""),)),
    ],
)
def test_what_rfc_8941_allows(field: str, expected: tuple[tuple[str, str], ...]) -> None:
    assert brands(field) == expected


@pytest.mark.parametrize(
    "field",
    ['"A', 'A;v="1"', '"A";v="1",', '"A";v="1" "B"', ',"A"', '"A";V="1"', '"A";v="1', r'"A\n"', '"A";', "'A'",
     '"é"', '"A"|"B"', '("A" "B")'],
)  # fmt: skip
def test_what_breaks_it_is_ignored_as_a_whole(field: str) -> None:
    assert brands(f'"Chromium";v="142", {field}') == ()


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ('"Windows"', "Windows"),
        (' "macOS" ', "macOS"),
        ('"Linux";x=1', "Linux"),
        ("Windows", ""),
        ('"a" "b"', ""),
        ("", ""),
    ],
)
def test_texts(platform: str, expected: str) -> None:
    assert read_hints(ClientHints(platform=platform)).platform == expected


@pytest.mark.parametrize(
    ("mobile", "expected"), [("?1", True), ("?0", False), ("", None), ("1", None), ("true", None)]
)
def test_mobile(mobile: str, expected: bool | None) -> None:
    assert read_hints(ClientHints(mobile=mobile)).mobile is expected


@pytest.mark.parametrize(
    "field", ['"' * 100_000, '"A",' * 50_000, '"A";' + "a;" * 50_000, '"\\' * 50_000, ";" * 9_999]
)
def test_hostile_fields_cost_no_more_than_the_contract_allows(field: str) -> None:
    assert brands(field) == ()


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=200) | st.text('"\\;, v=?01:A', max_size=200)
)
def test_any_text_says_something_or_nothing(text: str) -> None:
    found = read_hints(
        ClientHints(brands=text, mobile=text, platform=text, platform_version=text, model=text)
    )
    assert all(name in text.replace("\\", "") or "\\" in name for name, _ in found.brands)
    assert len(found.model) <= 128


@given(
    st.lists(
        st.tuples(st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1, max_size=20),
                  st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,4}){0,3}", fullmatch=True)),
        min_size=1, max_size=8,
    )
)  # fmt: skip
def test_what_a_browser_writes_is_read_back(pairs: list[tuple[str, str]]) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    field = ", ".join(f"{quoted(name)};v={quoted(version)}" for name, version in pairs)
    assert brands(field) == tuple(pairs)
