import pytest

from eventrail.contract.v1.rejected_pb2 import RejectionReason, Stage
from eventrail.errors import ConfigurationError
from eventrail.rejected import names


def test_every_stage_and_reason_can_be_written_and_read_back() -> None:
    for stage in filter(None, Stage.values()):
        assert names.stage_number(names.stage_name(stage)) == stage
    for reason in filter(None, RejectionReason.values()):
        assert names.reason_number(names.reason_name(reason)) == reason


@pytest.mark.parametrize(
    "written", ["insert_refused", "insert-refused", "INSERT_REFUSED", "REJECTION_REASON_INSERT_REFUSED"]
)
def test_a_reason_is_understood_however_it_is_copied(written: str) -> None:
    assert names.reason_number(written) == RejectionReason.REJECTION_REASON_INSERT_REFUSED


def test_an_unknown_word_is_told_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"--stage 'query' is no stage; there are: enricher, writer"):
        names.stage_number("query")
    with pytest.raises(ConfigurationError, match=r"--reason 'unspecified' is no reason; there are: undecod"):
        names.reason_number("unspecified")


def test_what_a_newer_version_named_is_a_number_here() -> None:
    assert names.stage_name(77) == "stage_77"
    assert names.reason_name(77) == "reason_77"
