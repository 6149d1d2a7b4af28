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


def test_the_purpose_tells_fingerprints_apart() -> None:
    found = {fingerprint(purpose, b"a") for purpose in (b"x", b"y")}
    assert len(found) == 2
    assert {len(digest) for digest in found} == {SIZE}


def test_fingerprints_stay_what_they_are() -> None:
    # Session states outlive a release: a change here would split them all.
    assert fingerprint(b"session.key.v1", b"shop", b"alice").hex() == "8fffd08e5a0333f95aec45e37f0336a2"
