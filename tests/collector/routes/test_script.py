import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from collector.app import make_app, make_health, make_intake
from collector.metrics import Metrics
from collector.settings import CollectorSettings
from collector.sinks.memory import MemorySink
from eventrail.clock import ManualClock

SCRIPT = b"(() => {})()"
ORIGIN = {"origin": "https://shop.example"}
PLAIN = {"accept-encoding": "identity"}


@pytest.fixture
def settings(tmp_path: Path) -> CollectorSettings:
    return CollectorSettings(script=str(tmp_path))


@pytest_asyncio.fixture
async def built(
    tmp_path: Path, settings: CollectorSettings, sink: MemorySink, metrics: Metrics, clock: ManualClock
) -> AsyncIterator[httpx.AsyncClient]:
    (tmp_path / "s.js").write_bytes(SCRIPT)
    (tmp_path / "s.js.gz").write_bytes(gzip.compress(SCRIPT))
    (tmp_path / "s.old.js").write_bytes(b"old")
    intake = make_intake(b"s" * 32, {"k1": b"k" * 32}, settings)
    app = make_app(settings, intake, sink, make_health(sink, lambda: None), metrics, clock)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://collector") as client:
        yield client


async def test_it_comes_by_name_for_an_hour_and_by_digest_for_ever(built: httpx.AsyncClient) -> None:
    by_name = await built.get("/s.js", headers=PLAIN)
    digest = by_name.headers["etag"].removeprefix('W/"').removesuffix('"')
    by_digest = await built.get(f"/s.{digest}.js", headers=PLAIN)
    assert by_name.content == by_digest.content == SCRIPT
    assert "max-age=3600" in by_name.headers["cache-control"]
    assert "immutable" in by_digest.headers["cache-control"]
    assert by_name.headers["content-type"] == "text/javascript; charset=utf-8"


async def test_an_earlier_version_stays_as_long_as_its_file(built: httpx.AsyncClient) -> None:
    digest = "cba06b5736faf67e"
    assert (await built.get(f"/s.{digest}.js", headers=PLAIN)).content == b"old"


async def test_it_is_packed_for_those_who_take_that(built: httpx.AsyncClient) -> None:
    packed = await built.get("/s.js", headers={"accept-encoding": "gzip"})
    assert (packed.headers["content-encoding"], packed.content) == ("gzip", SCRIPT)
    assert packed.headers["content-length"] == str(len(gzip.compress(SCRIPT)))
    assert packed.headers["vary"] == "Accept-Encoding"
    plain = await built.get("/s.js", headers=PLAIN)
    assert "content-encoding" not in plain.headers
    assert plain.headers["etag"] == packed.headers["etag"]


async def test_who_has_it_gets_304_and_head_gets_no_body(built: httpx.AsyncClient) -> None:
    etag = (await built.get("/s.js")).headers["etag"]
    again = await built.get("/s.js", headers={"if-none-match": etag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert "max-age" in again.headers["cache-control"]
    head = await built.head("/s.js", headers=PLAIN)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(SCRIPT)))


@pytest.mark.parametrize("headers", [{}, ORIGIN])
async def test_any_page_may_use_it_and_the_answer_is_the_same_for_all(
    built: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    for path, status in (("/s.js", 200), ("/s.0123456789abcdef.js", 404)):
        answer = await built.get(path, headers=headers)
        assert answer.status_code == status
        assert answer.headers.get_list("access-control-allow-origin") == ["*"]
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-credentials" not in answer.headers
        assert "Origin" not in answer.headers.get("vary", "")


async def test_a_version_that_is_not_here_says_which_one_is(built: httpx.AsyncClient) -> None:
    answer = await built.get("/s.0123456789abcdef.js")
    digest = (await built.get("/s.js")).headers["etag"].removeprefix('W/"').removesuffix('"')
    assert answer.json()["error"]["code"] == "not_found"
    assert f"/s.{digest}.js" in answer.json()["error"]["message"]
    assert answer.headers["cache-control"] == "no-store"


async def test_where_it_was_not_built_it_says_so_and_logs_once(http: httpx.AsyncClient) -> None:
    with capture_logs() as told:
        answers = [await http.get(path) for path in ("/s.js", "/s.js", "/s.0123456789abcdef.js")]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert "EVENTRAIL_COLLECTOR_SCRIPT" in answers[0].json()["error"]["message"]
    assert [(line["log_level"], "/s.js" in line["event"]) for line in told] == [("warning", True)]


async def test_other_methods_are_refused(built: httpx.AsyncClient) -> None:
    assert (await built.post("/s.js")).status_code == 405
