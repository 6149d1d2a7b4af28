import pytest

from enricher.lookups.salts import DerivedSalts
from eventrail.errors import ConfigurationError


def test_each_day_has_its_own_salt_that_replicas_share() -> None:
    one, other = DerivedSalts(b"s" * 16), DerivedSalts(b"s" * 16)
    salts = [one.of(day) for day in range(-3, 100)]
    assert salts == [other.of(day) for day in range(-3, 100)]
    assert len(set(salts)) == len(salts)
    assert {len(salt) for salt in salts} == {32}


def test_another_secret_gives_other_salts() -> None:
    assert DerivedSalts(b"s" * 16).of(1) != DerivedSalts(b"t" * 16).of(1)
    assert DerivedSalts(b"s" * 200).of(1) != DerivedSalts(b"s" * 201).of(1)


def test_a_secret_that_can_be_guessed_is_refused_without_being_shown() -> None:
    with pytest.raises(ConfigurationError, match="15 bytes, but needs at least 16") as caught:
        DerivedSalts(b"hunter2-hunter2")
    assert "hunter2" not in str(caught.value)
