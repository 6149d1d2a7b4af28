from hashlib import blake2b
from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from enricher.lookups.visitor_ids import VisitorIds

SALT = b"a" * 32
ADDRESS = ip_address("81.2.69.142").packed
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@given(
    st.binary(min_size=16, max_size=64),
    st.lists(
        st.tuples(TEXT, st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16), TEXT),
        max_size=4,
    ),
)
def test_an_id_is_the_keyed_hash_of_all_its_parts_each_behind_its_length(
    salt: bytes, visits: list[tuple[str, bytes, str]]
) -> None:
    ids = VisitorIds(salt)
    for website, address, agent in visits * 2:
        parts = (website.encode(), address, agent.encode())
        framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        whole = blake2b(framed, digest_size=16, key=salt, person=b"visitor.v1")
        assert ids.of(website, address, agent) == whole.hexdigest()


def test_nobody_recomputes_an_id_without_the_salt() -> None:
    facts = ("shop", ADDRESS, "curl/8.5.0")
    assert VisitorIds(SALT).of(*facts) != VisitorIds(b"b" * 32).of(*facts)


def test_bytes_do_not_wander_between_the_parts() -> None:
    ids, address = VisitorIds(SALT), ip_address("97.98.99.100").packed
    assert ids.of("x", address, "abcd") != ids.of("xabcd", address, "")


def test_ids_stay_what_they_are() -> None:
    # All workers of a day must agree, also while a new release is rolled out.
    assert VisitorIds(SALT).of("shop", ADDRESS, "curl/8.5.0") == "81a7428842a1e77079c9e3f8316683cd"
