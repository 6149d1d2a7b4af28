import pytest

from eventrail.websites import yaml_tree
from eventrail.websites.yaml_tree import MAX_BYTES, MAX_DEPTH, NotTaken, Place, Problem, parse

LAUGHS = b"a: &a [x,x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (letter, letter, b",".join([b"*%c" % (letter - 1)] * 10)) for letter in range(98, 110)
)


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (b"", 1, "empty"),
        (b"# only a comment\n", 1, "empty"),
        (b"just text", 1, "plain text"),
        (b"\xff", 1, "is not UTF-8: byte 0xff"),
        (b"a:\n  b: \xc3(", 2, "is not UTF-8: byte 0xc3"),
        (b"a: \x01", 1, "control characters"),
        (b"a:\n\t- b", 2, "indent with spaces, tabs are not taken"),
        (b"a: [", 2, "is no YAML"),
        (b"- a\nb: c", 2, "is no YAML"),
        (b"a: 1\n---\nb: 2\n", 2, "a second document"),
        (b"a: !!python/object:os.system x", 1, "tags such as"),
        (b"a: !!str 1", 1, "tags such as"),
        (b"a: !local {}", 1, "tags such as"),
        (b"&a [*a]", 1, "*a stands inside of what it means"),
        (b"a: *b", 1, "*b means nothing"),
        (b"x: &b 1\ny: &b [*b]", 2, "stands inside"),
        (b"1: 2", 1, "a key must be text"),
        (b"~: 2", 1, "a key must be text"),
        (b"[a]: b", 1, "a key must be text"),
        (b"? {a: b}\n: c", 1, "a key must be text"),
        (b"[" * 100_000, 1, f"deeper than {MAX_DEPTH}"),
        (b"{a: " * 100_000, 1, f"deeper than {MAX_DEPTH}"),
        (LAUGHS, 5, "aliases expanded"),
        (b"#" * (MAX_BYTES + 1), 1, "at most 8,388,608"),
    ],
)
def test_what_gives_no_tree(content: bytes, line: int, says: str) -> None:
    with pytest.raises(NotTaken) as caught:
        parse(content)
    assert says in caught.value.problem.message
    assert caught.value.problem.place.line == line


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("12:30:45", "12:30:45"),
        ("2026-02-01", "2026-02-01"),
        ("0x10", "0x10"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-7", -7),
        ("1.5", 1.5),
        ("1e3", "1e3"),
        ("0E0", "0E0"),
        ("08", "08"),
        ("+5", "+5"),
        ("1.", "1."),
        ("0", 0),
        ("-0.25", -0.25),
        ("'12'", "12"),
        ('"true"', "true"),
        ("|\n  12", "12"),
        ("9" * 31, "9" * 31),
    ],
)
def test_scalars(text: str, value: object) -> None:
    root, problems = parse(f"a: {text}".encode())
    assert root.plain() == {"a": value}
    assert type(root.plain()["a"]) is type(value)
    assert problems == []


def test_places_of_everything() -> None:
    root, _ = parse(b"\xef\xbb\xbfa:\n  - b: 1\n    c: [x,\n      y]\n")
    assert root.locate(("a", 0, "c", 1)) == Place(4, 7)
    assert root.locate(("a", 0, "b")) == Place(2, 5)
    assert root.locate(("a", 0, "missing")) == Place(2, 5)
    assert root.locate(("missing",)) == Place(1, 1)
    assert root.locate(("a", 7)) == Place(1, 1)


def test_a_key_that_stands_twice_is_named_and_the_first_one_kept() -> None:
    root, problems = parse(b"w:\n- {a: 1}\n- a: 1\n  b: 2\n  a: 3\n")
    assert problems == [Problem(Place(5, 3), ("w", 1, "a"), "stands here again; it is in line 3")]
    assert root.plain() == {"w": [{"a": 1}, {"a": 1, "b": 2}]}


def test_anchors_within_bounds_are_taken() -> None:
    root, _ = parse(b"a: &x {k: 1}\nb: [*x, *x]\n")
    assert root.plain() == {"a": {"k": 1}, "b": [{"k": 1}, {"k": 1}]}


def test_a_large_file_is_read_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"websites:\n" + b"- {a: 1}\n" * 1000
    parse(content)
    monkeypatch.setattr(yaml_tree, "MAX_NODES", 1000)
    with pytest.raises(NotTaken, match="more than 1,000"):
        parse(content)
