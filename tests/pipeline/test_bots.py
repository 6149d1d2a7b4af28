"""Who sent it, from the headers of a request to the answers."""

import pytest

from tests.pipeline.river import River, until

pytestmark = pytest.mark.stack

SENDERS = {
    "person": {
        "user-agent": "Mozilla/5.0 (Linux; Android 10; K) Chrome/142.0.0.0 Mobile Safari/537.36",
        "sec-ch-ua": '"Chromium";v="142", "Brave";v="142", "Not_A Brand";v="99"',
        "sec-ch-ua-mobile": "?1",
        "sec-ch-ua-platform": '"Android"',
        "sec-ch-ua-platform-version": '"16.0.0"',
        "sec-ch-ua-model": '"CUBOT NOTE 21"',
    },
    "crawler": {"user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
    "headless": {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/142.0.0.0 Safari/537.36"},
    "library": {"user-agent": "python-requests/2.32.3"},
}


async def test_crawlers_are_kept_flagged_and_left_out_unless_asked_for(river: River, website: str) -> None:
    for name, headers in SENDERS.items():
        event = {"website_id": website, "type": "event", "event_name": name}
        answer = await river.collector.post("/api/collect", json=event, headers=headers)
        assert answer.status_code == 202, answer.text

    async def with_bots() -> dict[str, int]:
        found = await river.ask(website, include_bots="true")
        return {row["event_name"]: row["count"] for row in found}

    await until(with_bots, dict.fromkeys(SENDERS, 1).__eq__)
    assert await river.counts(website) == {"person": 1, "headless": 1, "library": 1}
    sql = (
        "SELECT event_name, toString(bot_kind), bot_name, browser, os, os_version, device_type FROM events FINAL "
        "WHERE website_id = %(website)s ORDER BY event_name"
    )
    assert river.rows(sql, website=website) == [
        ("crawler", "crawler", "Googlebot", "Googlebot", "", "", "bot"),
        ("headless", "headless", "HeadlessChrome", "HeadlessChrome", "Linux", "", "desktop"),
        ("library", "library", "python-requests", "Python Requests", "", "", ""),
        ("person", "none", "", "Brave", "Android", "16", "mobile"),
    ]
