"""`python -m tests.enricher.planted BUG`: an enricher with a fault of ours in it."""

import sys
from collections.abc import Callable, Mapping
from typing import Any


def poison() -> None:
    """A step fails for some events."""
    _plant_step(lambda event_name: event_name == "poison")


def all_fail() -> None:
    """A step fails for every event, as after a broken rules file."""
    _plant_step(lambda _event_name: True)


def _plant_step(fails: Callable[[str], bool]) -> None:
    from enricher import pipeline

    def add_trouble(draft: Any, _world: Any) -> None:
        if fails(draft.raw.event_name):
            raise KeyError(draft.raw.event_name)

    pipeline.STEPS = (*pipeline.STEPS, add_trouble)  # type: ignore[misc]


def fails_after_the_acknowledgement() -> None:
    """All is published, and then the work fails, again and again, before anything is marked as done."""
    from enricher.intake import Intake

    keep, calls = Intake._keep, 0

    def trouble(self: Intake, *arguments: Any) -> None:
        nonlocal calls
        calls += 1
        if calls % 20 == 5:
            raise RuntimeError("planted")
        keep(self, *arguments)

    Intake._keep = trouble  # type: ignore[method-assign,assignment]


BUGS: Mapping[str, Callable[[], None]] = {
    bug.__name__: bug for bug in (poison, all_fail, fails_after_the_acknowledgement)
}

if __name__ == "__main__":
    from enricher.__main__ import main

    BUGS[sys.argv[1]]()
    sys.exit(main(["worker"]))
