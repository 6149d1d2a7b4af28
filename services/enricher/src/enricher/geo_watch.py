"""Looks after the GeoIP database while the worker runs."""

from enricher.lookups.geo_file import GeoFile
from enricher.metrics import Metrics


class GeoWatch:
    """Keeps `geo` fresh, and shows in `metrics` what is in use and what failed."""

    def __init__(self, geo: GeoFile, metrics: Metrics) -> None:
        self._geo = geo
        self._metrics = metrics
        self._counted = {"file": 0, "lookup": 0}
        self._show()

    async def look(self) -> None:
        """One look; to be called every few seconds. Raises nothing for the file's sake."""
        await self._geo.refresh()
        self._show()

    def _show(self) -> None:
        self._metrics.geo_built.set(self._geo.built_s)
        for what, total in (("file", self._geo.file_failures), ("lookup", self._geo.failures)):
            self._metrics.geo_failures.labels(what).inc(total - self._counted[what])
            self._counted[what] = total
