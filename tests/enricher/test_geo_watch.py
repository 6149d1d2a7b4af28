import shutil
from pathlib import Path

from enricher.geo_watch import GeoWatch
from enricher.lookups.geo_file import GeoFile
from enricher.metrics import Metrics


async def test_metrics_tell_the_build_in_use_and_what_failed(tmp_path: Path, city_mmdb: Path) -> None:
    path, metrics = tmp_path / "city.mmdb", Metrics()

    def value(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"eventrail_enricher_geo_{name}", labels)

    geo = GeoFile(str(path))
    watch = GeoWatch(geo, metrics)
    assert value("database_build_time_seconds") == 0
    assert value("failures_total", what="file") == 1
    shutil.copy(city_mmdb, path)
    for _ in range(3):
        await watch.look()
    assert value("database_build_time_seconds") == geo.built_s > 1_700_000_000
    path.write_bytes(b"broken")
    for _ in range(5):
        await watch.look()
    assert value("failures_total", what="file") == 2
    assert value("failures_total", what="lookup") == 0
