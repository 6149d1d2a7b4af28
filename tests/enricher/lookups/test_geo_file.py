# ruff: noqa: ASYNC240 - a test may wait for its own small files
import os
import shutil
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from enricher.lookups.geo_file import GeoFile

ADDRESS = ip_address("81.2.69.142").packed
BERLIN = {"81.2.69.0/24": {"country": {"iso_code": "DE"}, "city": {"names": {"en": "Berlin"}}}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "city.mmdb"


@pytest.fixture
def berlin(write_mmdb: Callable[..., Path]) -> Path:
    return write_mmdb("Berlin-City", BERLIN)


async def looks(geo: GeoFile, times: int = 2) -> None:
    for _ in range(times):
        await geo.refresh()


def city(geo: GeoFile) -> str | None:
    found = geo.of(ADDRESS)
    return found.geo.city if found else None


async def test_without_a_path_there_is_no_place_and_nothing_to_look_at() -> None:
    geo = GeoFile(None)
    await looks(geo)
    assert (geo.of(ADDRESS), geo.database, geo.built_s, geo.file_failures) == (None, "", 0, 0)


@pytest.mark.parametrize("how", ["rename", "overwrite", "symlink"])
async def test_a_new_version_is_in_use_after_two_looks(
    path: Path, city_mmdb: Path, berlin: Path, tmp_path: Path, how: str
) -> None:
    shutil.copy(city_mmdb, tmp_path / "first.mmdb")
    path.symlink_to(tmp_path / "first.mmdb")
    geo = GeoFile(str(path))
    assert city(geo) == "Boxford"
    assert geo.built_s > 0
    await looks(geo)
    if how == "rename":
        shutil.copy(berlin, tmp_path / "new")
        (tmp_path / "new").rename(path)
    elif how == "overwrite":
        path.write_bytes(berlin.read_bytes())
    else:  # As Kubernetes swaps the files of a ConfigMap.
        (tmp_path / "link").symlink_to(berlin)
        (tmp_path / "link").rename(path)
    await looks(geo, 1)
    assert city(geo) == "Boxford", "it may still be written"
    with capture_logs() as told:
        await looks(geo, 1)
    assert city(geo) == "Berlin"
    assert geo.database.startswith("Berlin-City ")
    assert [line["log_level"] for line in told] == ["info"]
    await looks(geo, 3)
    assert geo.file_failures == 0


async def test_a_file_that_is_missing_at_the_start_is_taken_when_it_appears(path: Path, berlin: Path) -> None:
    with capture_logs() as told:
        geo = GeoFile(str(path))
        await looks(geo, 5)
    assert [line["log_level"] for line in told] == ["warning", "warning"]
    assert "no place" in told[0]["event"]
    assert (city(geo), geo.built_s) == (None, 0)
    shutil.copy(berlin, path)
    await looks(geo)
    assert city(geo) == "Berlin"


@pytest.mark.parametrize("content", [b"", b"no database", b"\0" * 4096])
async def test_a_broken_version_is_told_once_and_the_one_before_stays(
    path: Path, city_mmdb: Path, content: bytes
) -> None:
    shutil.copy(city_mmdb, path)
    geo = GeoFile(str(path))
    path.write_bytes(content)
    with capture_logs() as told:
        await looks(geo, 5)
    assert [line["log_level"] for line in told] == ["warning"]
    assert "stays in use" in told[0]["event"]
    assert (city(geo), geo.file_failures) == ("Boxford", 1)


async def test_a_file_that_is_removed_goes_on_being_used(path: Path, city_mmdb: Path) -> None:
    shutil.copy(city_mmdb, path)
    geo = GeoFile(str(path))
    path.unlink()
    with capture_logs() as told:
        await looks(geo, 5)
    assert len(told) == 1
    assert city(geo) == "Boxford"
    shutil.copy(city_mmdb, path)
    await looks(geo)
    assert city(geo) == "Boxford"


async def test_a_file_of_another_kind_or_a_folder_is_not_taken(
    path: Path, city_mmdb: Path, write_mmdb: Callable[..., Path]
) -> None:
    shutil.copy(city_mmdb, path)
    geo = GeoFile(str(path))
    shutil.copy(write_mmdb("GeoLite2-ASN", BERLIN), path)
    await looks(geo)
    path.unlink()
    path.mkdir()
    await looks(geo)
    assert (city(geo), geo.file_failures) == ("Boxford", 1)


async def test_a_file_cut_short_in_place_while_it_is_in_use_does_no_harm(
    path: Path, write_mmdb: Callable[..., Path]
) -> None:
    records = {f"81.{n}.0.0/16": {"city": {"names": {"en": f"City {n} " + "x" * 200}}} for n in range(250)}
    shutil.copy(write_mmdb("Large-City", records), path)
    geo = GeoFile(str(path))
    os.truncate(path, 0)
    # A map of the file itself would end the process here with SIGBUS.
    assert all(
        (found := geo.of(ip_address(f"81.{n}.1.1").packed)) and found.geo.city.startswith(f"City {n} ")
        for n in range(250)
    )


async def test_a_file_that_changes_while_it_is_read_is_not_taken(
    path: Path, city_mmdb: Path, berlin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(city_mmdb, path)
    geo = GeoFile(str(path))
    copy = shutil.copyfile

    def copy_while_written(source: str, target: Path) -> Path:
        copy(source, target)
        with path.open("ab") as file:
            file.write(b"more")
        return target

    shutil.copy(berlin, path)
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copyfile", copy_while_written)
        await looks(geo)
    assert (city(geo), geo.file_failures) == ("Boxford", 1)
    shutil.copy(berlin, path)
    await looks(geo)
    assert city(geo) == "Berlin"
