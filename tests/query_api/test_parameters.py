import pytest

from query_api.parameters import Parameters


def test_a_value_goes_by_its_name_or_gets_one() -> None:
    parameters = Parameters()
    assert parameters.put("limit", 7) == "%(limit)s"
    assert parameters.put("limit", 7) == "%(limit)s"
    assert parameters.add("a") == "%(p1)s"
    assert parameters.add("a") == "%(p2)s"
    assert parameters.values == {"limit": 7, "p1": "a", "p2": "a"}


def test_a_name_stands_for_one_value() -> None:
    parameters = Parameters()
    parameters.put("limit", 7)
    with pytest.raises(ValueError, match="two values for the parameter limit"):
        parameters.put("limit", 8)
