"""A real file that is replaced, broken, swapped and removed."""

import asyncio
import os
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from eventrail.errors import ConfigurationError
from eventrail.health import OK
from eventrail.websites import OpenWebsites, watching
from eventrail.websites.settings import WebsitesSettings
from eventrail.websites.watching import WebsitesFile, open_websites


def text(*ids: str) -> str:
    entries = (f"- {{id: {name}, name: N, domains: [{name}.example]}}\n" for name in ids)
    return "websites:\n" + "".join(entries) if ids else "websites: []\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "websites.yaml"
    made.write_text(text("one"))
    return made


def known(websites: WebsitesFile) -> list[str]:
    return [website.id for website in websites.snapshot().all]


def settle(websites: WebsitesFile) -> None:
    """The two looks that a change needs: one sees it, the next one sees that it is no longer written."""
    websites.reload()
    websites.reload()


def errors(lines: list[MutableMapping[str, Any]]) -> int:
    return sum(line["log_level"] == "error" for line in lines)


async def until(fits: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not fits():  # noqa: ASYNC110 - the file has no event
            await asyncio.sleep(0.01)


def test_a_changed_file_replaces_the_websites_and_old_snapshots_stay(path: Path) -> None:
    websites = WebsitesFile(path)
    before = websites.snapshot()
    path.write_text(text("one", "two"))
    assert websites.find("two") is None
    settle(websites)
    assert websites.find("two") is not None
    assert before.find("two") is None


def test_a_file_that_is_still_written_is_not_read(path: Path) -> None:
    websites = WebsitesFile(path)
    path.write_text(text("one", "two"))
    websites.reload()
    path.write_text(text("one", "two", "three"))
    websites.reload()
    assert known(websites) == ["one"]
    websites.reload()
    assert known(websites) == ["one", "two", "three"]


def test_a_rename_and_a_swapped_link_are_seen(path: Path) -> None:
    # As Kubernetes does it: websites.yaml -> ..data/websites.yaml, ..data -> a folder per version.
    folder = path.parent
    for version, ids in (("v1", ("a",)), ("v2", ("b",))):
        (folder / version).mkdir()
        (folder / version / "websites.yaml").write_text(text(*ids))
    (folder / "..data").symlink_to("v1")
    link = folder / "mounted.yaml"
    link.symlink_to("..data/websites.yaml")
    websites = WebsitesFile(link)
    assert known(websites) == ["a"]
    (folder / "..new").symlink_to("v2")
    os.replace(folder / "..new", folder / "..data")  # noqa: PTH105
    settle(websites)
    assert known(websites) == ["b"]


def test_a_broken_version_keeps_the_old_one_and_says_so_once(path: Path) -> None:
    websites = WebsitesFile(path)
    path.write_text("websites:\n- {id: a/b}\n")
    with capture_logs() as lines:
        for _ in range(5):
            websites.reload()
    assert known(websites) == ["one"]
    assert errors(lines) == 1
    assert websites.fault is not None
    assert websites.fault.startswith(f"{path}:2:")
    assert websites.fault.endswith("(and 2 more)")
    path.write_text(text("two"))
    settle(websites)
    assert known(websites) == ["two"]
    assert websites.fault is None


async def test_readiness_names_what_is_wrong(path: Path) -> None:
    websites = WebsitesFile(path)
    assert await websites.check() == OK
    await asyncio.to_thread(path.write_text, "nonsense")
    settle(websites)
    assert await websites.check() == (
        f"an older version is in use, the newest is not: {path}:1:1: "
        "must be a mapping with the field websites, but is empty or plain text"
    )


@pytest.mark.parametrize("content", [b"", b"\xff", b"websites:\n\t- a"])
def test_an_emptied_or_damaged_file_keeps_the_old_one(path: Path, content: bytes) -> None:
    websites = WebsitesFile(path)
    path.write_bytes(content)
    settle(websites)
    assert known(websites) == ["one"]
    assert websites.fault


def test_a_file_that_is_gone_keeps_the_websites_until_it_is_back(path: Path) -> None:
    websites = WebsitesFile(path)
    content = path.read_bytes()
    path.unlink()
    with capture_logs() as lines:
        for _ in range(3):
            websites.reload()
    assert known(websites) == ["one"]
    assert "No such file" in str(websites.fault)
    assert errors(lines) == 1
    path.write_bytes(content)
    settle(websites)
    assert websites.fault is None


def test_a_broken_version_that_is_taken_back_by_renaming_is_good_again(path: Path) -> None:
    websites = WebsitesFile(path)
    path.rename(path.with_name("good"))
    path.write_text("nonsense")
    settle(websites)
    assert websites.fault
    path.with_name("good").rename(path)
    settle(websites)
    assert websites.fault is None


async def test_watching_takes_a_change_and_survives_a_broken_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.01)
    websites = WebsitesFile(path)
    task = asyncio.create_task(websites.watch())
    try:
        await asyncio.to_thread(path.write_text, "nonsense")
        await until(lambda: websites.fault)
        await asyncio.to_thread(path.write_text, text("two"))
        await until(lambda: websites.find("two"))
        assert not task.done()
    finally:
        task.cancel()


@pytest.mark.parametrize("kind", ["missing", "folder", "broken", "nul"])
def test_what_is_wrong_at_the_start_is_a_setting_that_is_wrong(tmp_path: Path, kind: str) -> None:
    path = {"missing": tmp_path / "none.yaml", "folder": tmp_path, "nul": "a\0b"}.get(
        kind, tmp_path / "w.yaml"
    )
    if kind == "broken":
        (tmp_path / "w.yaml").write_text("websites: 5")
    with pytest.raises(ConfigurationError, match="EVENTRAIL_WEBSITES") as caught:
        open_websites(WebsitesSettings(websites=str(path)))
    assert str(path) in str(caught.value)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigurationError, match="no regular file"):
        WebsitesFile(tmp_path / "pipe")


def test_no_path_is_an_open_stack() -> None:
    assert isinstance(open_websites(WebsitesSettings(websites="")), OpenWebsites)


def test_the_file_is_what_the_setting_names(path: Path) -> None:
    websites = open_websites(WebsitesSettings(websites=str(path)))
    assert isinstance(websites, WebsitesFile)
    assert not websites.open


def test_where_a_file_is_required_an_open_stack_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="EVENTRAIL_WEBSITES is not set"):
        open_websites(WebsitesSettings(websites="", require_websites=True))
    path = tmp_path / "websites.yaml"
    path.write_text("websites: []")
    assert isinstance(
        open_websites(WebsitesSettings(websites=str(path), require_websites=True)), WebsitesFile
    )
