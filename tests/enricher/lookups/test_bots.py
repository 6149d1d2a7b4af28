import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enricher.lookups.bots import KINDS, MAX_NAME, BotLookup, Known, known_bots
from eventrail.contract.v1.enriched_pb2 import BOT_KIND_CRAWLER, BOT_KIND_HEADLESS, BOT_KIND_LIBRARY, Bot

LOOKUP = BotLookup()
CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)


def found(user_agent: str) -> tuple[int, str]:
    bot = LOOKUP.of(user_agent)
    return (bot.kind, bot.name) if bot else (0, "")


class TestKnownNames:
    def test_the_file_is_in_order(self) -> None:
        known = known_bots()
        assert len(known) > 400
        assert {entry.kind for entry in known} == set(KINDS)
        assert {entry.where for entry in known} == {"any", "first"}
        assert all(entry.token and entry.name and entry.operator for entry in known)
        assert [
            token for token, times in Counter(entry.token.lower() for entry in known).items() if times > 1
        ] == []

    @pytest.mark.parametrize("known", known_bots(), ids=lambda known: known.token)
    def test_each_is_found_as_a_whole_word_in_any_case(self, known: Known) -> None:
        for token in (known.token, known.token.lower(), known.token.upper()):
            bot = LOOKUP.of(f"{token}/1.0")
            assert bot is not None
            assert bot.kind == KINDS[known.kind]
            assert bot.name == known.name
            assert bot.reason == f"agent token: {known.token}"

    @pytest.mark.parametrize("known", known_bots(), ids=lambda known: known.token)
    def test_none_is_found_inside_of_a_word(self, known: Known) -> None:
        for word in (f"x{known.token}y", f"x-{known.token}-y", f"{known.token}y/1.0"):
            bot = LOOKUP.of(f"{CHROME} {word}")
            assert bot is None or bot.reason != f"agent token: {known.token}"

    def test_a_name_for_the_first_place_means_nothing_later(self) -> None:
        assert found("WhatsApp/2.23") == (BOT_KIND_CRAWLER, "WhatsApp")
        assert found(f"{CHROME} WhatsApp/2.23") == (0, "")

    def test_the_longest_name_is_meant(self) -> None:
        assert found("GoogleOther-Image/1.0") == (BOT_KIND_CRAWLER, "GoogleOther-Image")
        assert found("python-urllib3/2.0") == (BOT_KIND_LIBRARY, "python-urllib3")

    def test_a_library_by_name_wins_over_its_language(self) -> None:
        assert found("Python/3.12 aiohttp/3.11") == (BOT_KIND_LIBRARY, "aiohttp")

    def test_a_token_must_begin_with_a_word(self) -> None:
        with pytest.raises(ValueError, match="begin with a letter"):
            BotLookup([Known("crawler", "any", "-x", "x", "x")])


@pytest.mark.parametrize(
    ("user_agent", "kind", "name"),
    [
        ("SomeBot/1.0", BOT_KIND_CRAWLER, "SomeBot"),
        ("Mozilla/5.0 (compatible; SomeBot-Images/1.0; +https://some.example)", BOT_KIND_CRAWLER, "SomeBot-Images"),
        ("archive.org_bot", BOT_KIND_CRAWLER, "archive.org_bot"),
        ("Sogou web spider/4.0", BOT_KIND_CRAWLER, "Sogou web spider"),
        ("Bot", BOT_KIND_CRAWLER, "Bot"),
        ("my.first.crawler", BOT_KIND_CRAWLER, "my.first.crawler"),
        ("Luminator-robots/2.0", BOT_KIND_CRAWLER, "Luminator-robots"),
        (f"{CHROME} (Some Crawler)", BOT_KIND_CRAWLER, "Some Crawler"),
        ("ABot2/1 Mozilla/5.0", BOT_KIND_CRAWLER, "ABot2"),
        ("Mozilla/5.0 (compatible; Anything/1.0)", BOT_KIND_CRAWLER, "Anything"),
        ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Any-User/1.0)", BOT_KIND_CRAWLER, "Any-User"),
        (f"{CHROME} (+https://www.some.example/about)", BOT_KIND_CRAWLER, "some.example"),
        ("acme-crawler/1 python-requests/2.32", BOT_KIND_CRAWLER, "acme-crawler"),
        ("HeadlessChrome/142 Googlebot/2.1", BOT_KIND_CRAWLER, "Googlebot"),
        ("axios/1.7 HeadlessChrome/142", BOT_KIND_HEADLESS, "HeadlessChrome"),
        ("node-fetch/1.0 (+https://github.com/bitinn/node-fetch)", BOT_KIND_LIBRARY, "node-fetch"),
        ("myapp/1.0 okhttp/4.12.0", BOT_KIND_LIBRARY, "okhttp"),
    ],
)  # fmt: skip
def test_how_bots_name_themselves(user_agent: str, kind: int, name: str) -> None:
    assert found(user_agent) == (kind, name)


@pytest.mark.parametrize(
    "user_agent",
    [
        CHROME,
        "CUBOT",
        "Mozilla/5.0 (Linux; Android 9; CUBOT X19) Mobile",
        "Mozilla/5.0 (Linux; Android 9; cubot_note_s Build/CUBOT) Mobile",
        "Mozilla/5.0 (Linux; Android 13; CUBOT KINGKONG AX; alps-CUBOT) Mobile",
        "botanic/1.0",
        "Robotics Browser",
        "acme-backend/2.1",
        "acme-backend/2.1 (+https://acme.example)",
        "Mozilla/5.0 (X11; Linux Mint; Linux x86_64; rv:138.0) Gecko/20100101 Firefox/138.0",
        "Mozilla/5.0 (Linux; Android 12; POCO F3) Mobile",
        f"{CHROME} Tesla/2024.14",
        "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1)",
        "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.1; Embedded Web Browser from: http://bsalsa.com/)",
        "Mozilla/5.0 (compatible; Konqueror/4.5; Windows)",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) https://shop.example/bot.html",
        "ShopApp/331 CFNetwork/3826.500.131 Darwin/24.5.0",
        "my-curl/1.0",
        "curlew/1.0",
        "",
    ],
)
def test_who_is_no_bot(user_agent: str) -> None:
    assert LOOKUP.of(user_agent) is None


def test_a_cubot_that_crawls_is_a_crawler() -> None:
    assert found("Mozilla/5.0 (Linux; Android 9; CUBOT) Mobile (compatible; AhrefsBot/7.0)") == (
        BOT_KIND_CRAWLER,
        "AhrefsBot",
    )


def test_brands_of_client_hints() -> None:
    assert LOOKUP.of(CHROME, ["Chromium", "HeadlessChrome"]) == Bot(
        kind=BOT_KIND_HEADLESS, name="HeadlessChrome", reason="client hint brand: HeadlessChrome"
    )
    assert LOOKUP.of(CHROME, ["Chromium", "Google Chrome"]) is None


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
    | st.text("bot/ cu+http:.-(;", max_size=200)
)
def test_any_text_gives_a_whole_answer_or_none(text: str) -> None:
    bot = LOOKUP.of(text, [text])
    if bot:
        assert bot.kind in KINDS.values()
        assert 0 < len(bot.name) <= MAX_NAME
        assert bot.reason.endswith(bot.name) or bot.reason.partition(": ")[0] in {
            "agent token",
            "client hint brand",
        }


@pytest.mark.parametrize(
    "part",
    [
        "bot",
        "cubot",
        " bot",
        "compatible; ",
        "google-",
        "a-",
        "+http://",
        "Mozilla/",
        "a ",
        "spider.",
        "\u0130",
    ],
)
def test_hostile_text_costs_little(part: str) -> None:
    text = (f"Mozilla/5.0 {part * 1024}")[:1024]
    began = time.process_time()
    for _ in range(10):
        LOOKUP.of(text, [text])
    assert (time.process_time() - began) / 10 < 0.05
