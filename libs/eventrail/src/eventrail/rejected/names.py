"""Stages and reasons as people write them: `writer`, `insert_refused`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from eventrail.contract.v1.rejected_pb2 import RejectionReason, Stage
from eventrail.errors import ConfigurationError

_STAGE: Final = "STAGE_"
_REASON: Final = "REJECTION_REASON_"


def _numbers(names: Mapping[str, int], prefix: str) -> Mapping[str, int]:
    return MappingProxyType(
        {name.removeprefix(prefix).lower(): number for name, number in names.items() if number}
    )


STAGES: Final = _numbers(dict(Stage.items()), _STAGE)
"""Number of each stage by its short name."""

REASONS: Final = _numbers(dict(RejectionReason.items()), _REASON)
"""Number of each reason by its short name."""

_STAGE_NAMES: Final = {number: name for name, number in STAGES.items()}
_REASON_NAMES: Final = {number: name for name, number in REASONS.items()}


def stage_name(number: int) -> str:
    """Short name of a stage; `stage_7` for one that a newer version has named."""
    return _STAGE_NAMES.get(number, f"stage_{number}")


def reason_name(number: int) -> str:
    """Short name of a reason; `reason_7` for one that a newer version has named."""
    return _REASON_NAMES.get(number, f"reason_{number}")


def stage_number(text: str) -> int:
    """Number of the stage that a person wrote. Raises ConfigurationError that lists the known ones."""
    return _number(text, STAGES, _STAGE, "stage")


def reason_number(text: str) -> int:
    """Number of the reason that a person wrote. Raises ConfigurationError that lists the known ones."""
    return _number(text, REASONS, _REASON, "reason")


def _number(text: str, known: Mapping[str, int], prefix: str, what: str) -> int:
    name = text.upper().replace("-", "_").removeprefix(prefix).lower()
    if name not in known:
        raise ConfigurationError(f"--{what} {text!r} is no {what}; there are: {', '.join(known)}")
    return known[name]
