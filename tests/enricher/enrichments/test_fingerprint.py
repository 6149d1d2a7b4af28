from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from enricher.enrichments.fingerprint import SIZE, fingerprint

PARTS = st.lists(st.binary(max_size=4), max_size=4)


@given(PARTS, PARTS)
def test_other_parts_have_another_fingerprint(one: list[bytes], other: list[bytes]) -> None:
    assert (fingerprint(b"x", *one) == fingerprint(b"x", *other)) == (one == other)


@given(st.lists(st.integers(0, 600).map(bytes), max_size=4))
def test_each_part_goes_in_behind_its_length(parts: list[bytes]) -> None:
    framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    expected = blake2b(framed, digest_size=SIZE, person=b"x").digest()
    assert fingerprint(b"x", *parts) == expected


def test_purpose_and_key_tell_fingerprints_apart() -> None:
    found = {fingerprint(purpose, b"a", key=key) for purpose in (b"x", b"y") for key in (b"", b"k", b"l")}
    assert len(found) == 6
    assert {len(digest) for digest in found} == {SIZE}


def test_fingerprints_stay_what_they_are() -> None:
    # Session state and visitor ids outlive a release: a change here would split them all.
    assert fingerprint(b"session.key.v1", b"shop", b"alice").hex() == "8fffd08e5a0333f95aec45e37f0336a2"
    assert fingerprint(b"visitor.v1", b"shop", key=b"salt").hex() == "f11e2ef0cd82971c4190fad27cc696bc"
