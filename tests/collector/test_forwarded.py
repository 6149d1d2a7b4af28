import pytest

from collector.forwarded import HEADERS, MAX_HOPS, UNKNOWN, forwarded, x_forwarded_for


def test_entries_come_from_the_right() -> None:
    assert list(x_forwarded_for(" a ,b,, c")) == ["c", "", "b", "a"]
    assert list(forwarded("for=a, for=b,, for=c")) == ["c", "", "b", "a"]


@pytest.mark.parametrize(
    ("element", "sender"),
    [
        ("for=192.0.2.43", "192.0.2.43"),
        ("FOR=192.0.2.43;Proto=http ; by=203.0.113.43", "192.0.2.43"),
        ('proto=http;for="[2001:db8:cafe::17]:4711"', "[2001:db8:cafe::17]:4711"),
        (r'for="\1\0.0.0.1"', "10.0.0.1"),
        ("for=192.0.2.1:80", "192.0.2.1:80"),
        (";;for=a;", "a"),
        ('by="x, y; for=z";for=a', "a"),
        ('host="a\\"b";for=a', "a"),
        ("for=_SEVKISEK", "_SEVKISEK"),
        ("for=unknown", UNKNOWN),
        ("for=", UNKNOWN),
        ('for=""', UNKNOWN),
        ("proto=https", UNKNOWN),
        ("for=a;for=b", UNKNOWN),
        ("for", UNKNOWN),
        ("for = a", UNKNOWN),
        ("for=a b", UNKNOWN),
        ('for="a', UNKNOWN),
        ("192.0.2.1", UNKNOWN),
    ],
)
def test_the_sender_of_an_element(element: str, sender: str) -> None:
    assert list(forwarded(element)) == [sender]


def test_commas_in_quotes_do_not_part_elements() -> None:
    assert list(forwarded('for=a, for=b;host="x,y", for=c')) == ["c", "b", "a"]


@pytest.mark.parametrize("spoofed", ['for="', '"', 'for="a\\', "for=\\", '"",for="x,'])
def test_an_open_quote_on_the_left_does_not_swallow_what_stands_right(spoofed: str) -> None:
    assert next(forwarded(spoofed + ', for="[2001:db8::1]";proto=https')) == "[2001:db8::1]"


@pytest.mark.parametrize(("header", "entry"), [("x-forwarded-for", "a"), ("forwarded", "for=a")])
def test_what_lies_beyond_the_bound_is_one_entry_that_names_nobody(header: str, entry: str) -> None:
    nodes = list(HEADERS[header](",".join([entry] * (MAX_HOPS + 5))))
    assert len(nodes) == MAX_HOPS
    assert nodes[:-1] == ["a"] * (MAX_HOPS - 1)
    assert nodes[-1] != "a"
