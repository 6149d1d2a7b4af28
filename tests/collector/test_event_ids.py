import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.event_ids import EventIds, Tick, canonical, following, time_of, uuid7

MOMENTS = st.integers(0, 2**47)


@given(MOMENTS, st.integers(0, 4095), st.integers(0, 2**64 - 1))
def test_an_id_is_a_uuid_of_version_7_that_carries_its_time(unix_ms: int, counter: int, bits: int) -> None:
    text = uuid7(Tick(unix_ms, counter), bits)
    parsed = uuid.UUID(text)
    assert (parsed.version, parsed.variant, str(parsed)) == (7, uuid.RFC_4122, text)
    assert time_of(text) == unix_ms
    assert canonical(text) == text


def test_the_layout_is_that_of_rfc_9562_appendix_a_6() -> None:
    assert uuid7(Tick(0x017F22E279B0, 0xCC3), 0x18C4DC0C0C07398F) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@given(st.lists(MOMENTS, min_size=2, max_size=100), st.integers(0, 2**62 - 1))
def test_ids_ascend_whatever_the_clock_does(moments: list[int], bits: int) -> None:
    ids = EventIds(randomness=lambda: bits)
    made = [ids.make(now)[0] for now in moments]
    assert made == sorted(set(made))


def test_a_full_millisecond_borrows_from_the_next() -> None:
    assert following(Tick(10, 4095), 10) == Tick(11, 0)
    assert following(Tick(10, 3), 9) == Tick(10, 4)
    assert following(Tick(10, 3), 11) == Tick(11, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("017F22E2-79B0-7CC3-98C4-DC0C0C07398F", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"),
        ("017f22e279b07cc398c4dc0c0c07398f", None),
        ("urn:uuid:017f22e2-79b0-7cc3-98c4-dc0c0c07398f", None),
        ("00000000-0000-0000-0000-000000000000", None),
        ("017f22e2-79b0-7cc3-98c4-dc0c0c07398f\n", None),
        ("", None),
    ],
)
def test_only_the_usual_text_form_is_a_uuid(text: str, expected: str | None) -> None:
    assert canonical(text) == expected


def test_other_versions_carry_no_time() -> None:
    assert time_of(str(uuid.uuid4())) is None
    assert time_of("017f22e2-79b0-7cc3-18c4-dc0c0c07398f") is None  # not the variant of RFC 9562
