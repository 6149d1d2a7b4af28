"""What /readyz says: whether Kafka answers, the worker has its share of the partitions, and the stream moves."""

from enricher.intake import Intake
from enricher.publisher import Publisher
from enricher.waits import Waits
from eventrail.health import OK, Check, Health


class Readiness:
    """What is known of the worker from outside; answers the checks of /readyz."""

    def __init__(self, publisher: Publisher, waits: Waits) -> None:
        self._publisher = publisher
        self._waits = waits
        self.startup = "starting"
        self.intake: Intake | None = None
        self.websites: Check | None = None

    async def kafka(self) -> str:
        return await self._publisher.reachable() if self.startup == OK else self.startup

    async def group(self) -> str:
        if self.intake is None or self.intake.account.generation is None:
            return "has no place in the consumer group yet, and no session states"
        return OK

    async def stream(self) -> str:
        return f"waits: {self._waits}" if self._waits else OK

    def health(self) -> Health:
        checks: dict[str, Check] = {"kafka": self.kafka, "group": self.group, "stream": self.stream}
        required = frozenset(checks)
        if self.websites is not None:
            # An older version of the file goes on being used, which is no reason to stop the stream.
            checks["websites"] = self.websites
        return Health(checks, required=required)
