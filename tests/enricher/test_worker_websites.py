"""A worker keeps its websites fresh; neither broker nor engine is needed for that."""

import asyncio
import base64
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from enricher.settings import AllSettings, EnricherSettings, LookupSettings
from enricher.worker import Enricher
from eventrail.clock import ManualClock
from eventrail.errors import ConfigurationError
from eventrail.sealing import SealingSettings
from eventrail.settings import KafkaSettings
from eventrail.websites.settings import WebsitesSettings

pytestmark = pytest.mark.slow

KEY = f"t1:{base64.b64encode(bytes(32)).decode()}"


def enricher(monkeypatch: pytest.MonkeyPatch, websites: str) -> Enricher:
    monkeypatch.setenv("EVENTRAIL_ADDRESS_KEYS", KEY)
    monkeypatch.setenv("EVENTRAIL_SALT_KEYS", KEY)
    settings = AllSettings(
        EnricherSettings(),
        LookupSettings(),
        SealingSettings(),
        KafkaSettings(),
        WebsitesSettings(websites=websites),
    )
    return Enricher(settings, ManualClock())


def write(path: Path, domain: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(f"websites:\n  - id: shop\n    name: Shop\n    domains: [{domain}]\n")
    fresh.rename(path)


async def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


def main_domain(worker: Enricher) -> str:
    website = worker._world.websites.find("shop")
    assert website is not None
    return website.main_domain


async def test_a_changed_file_reaches_the_pipeline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "websites.yaml"
    write(path, "shop.example")
    worker = enricher(monkeypatch, str(path))
    assert main_domain(worker) == "shop.example"
    async with worker._fresh_websites():
        write(path, "other.example")
        await until(lambda: main_domain(worker) == "other.example")
        path.write_text("websites: nonsense\n")
        await until(lambda: b"eventrail_websites_broken 1.0" in generate_latest(worker._metrics.registry))
    assert main_domain(worker) == "other.example"
    assert (await worker._readiness.health().ask())[1]["websites"].startswith("an older version is in use")


async def test_without_a_file_the_stack_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = enricher(monkeypatch, "")
    async with worker._fresh_websites():
        assert main_domain(worker) == ""
    assert "websites" not in (await worker._readiness.health().ask())[1]


def test_a_missing_file_is_a_configuration_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="EVENTRAIL_WEBSITES"):
        enricher(monkeypatch, "/nowhere/websites.yaml")
