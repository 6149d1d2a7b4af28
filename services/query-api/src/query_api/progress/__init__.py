"""How far the answers reach: the seam between the endpoints and what Kafka tells (docs/data-through.md)."""

from collections.abc import Mapping
from typing import Protocol

from query_api.progress.lag import Lag


class Progress(Protocol):
    """How far the answers reach; its one suite is tests/contracts/test_progress_contract.py. None of it raises."""

    def data_through_ms(self) -> int | None:
        """T: each event whose 202 left before T is stored, rejected or a copy; None where that is not known (yet).

        Unix milliseconds of this process's clock.
        """
        ...

    def held_by(self) -> tuple[str, ...]:
        """What keeps T from moving on, a line for each, for people; empty while it moves."""
        ...

    async def wait_for(self, offsets: Mapping[int, int], seconds: float) -> bool:
        """True as soon as the records at `offsets` (by raw partition) count in every answer; False after `seconds`."""
        ...


class Overview(Progress, Protocol):
    """Progress with all that is known behind it."""

    def lag(self) -> Lag:
        """How far each stage is, as of the last survey."""
        ...
