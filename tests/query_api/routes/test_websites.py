"""`GET /api/websites`."""

import httpx
import pytest

from eventrail import metrics
from eventrail.clock import ManualClock
from eventrail.websites import ListedWebsites, ServerKey, Website, Websites, keys
from eventrail.websites.model import Scope
from query_api.app import create_app
from query_api.engine import Engine
from query_api.metrics import Metrics
from query_api.settings import QueryApiSettings

PATH = "/api/websites"
KEY, SENDER, STRANGER = (keys.make(bytes([number]) * keys.KEY_BYTES) for number in range(3))


def entry(key: str, *scopes: Scope) -> ServerKey:
    return ServerKey(id=f"k{keys.hash_of(key)[-5:]}", hash=keys.hash_of(key), scopes=frozenset(scopes))


WEBSITES = ListedWebsites(
    [
        Website(
            id="shop",
            name="Widget shop",
            domains=("shop.example", "www.shop.example"),
            timezone="Europe/Berlin",
            retention_days=400,
            server_keys=(entry(KEY, "operate", "export", "read"), entry(SENDER, "send")),
        ),
        Website(id="anothers", name="Another's", domains=("anothers.example",)),
        Website(id="blog", name="Blog", domains=("blog.example",), server_keys=(entry(KEY, "read"),)),
    ]
)
MANY = ListedWebsites(
    Website(id=f"w{number}", name="w", domains=(f"w{number}.example",), server_keys=(entry(KEY, "read"),))
    for number in range(2500)
)


async def ask(
    engine: Engine, websites: Websites | None, key: str | None = KEY, **query: str
) -> httpx.Response:
    app = create_app(
        engine, ManualClock(), QueryApiSettings(), Metrics(metrics.registry("query-api")), websites
    )
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://x") as client:
        return await client.get(PATH, headers=headers, params=query)


async def test_what_the_key_may_see_in_the_order_of_the_file(engine: Engine) -> None:
    answer = await ask(engine, WEBSITES)
    assert answer.status_code == 200
    assert answer.json() == {
        "data": [
            {
                "website_id": "shop",
                "name": "Widget shop",
                "domains": ["shop.example", "www.shop.example"],
                "timezone": "Europe/Berlin",
                "retention_days": 400,
                "scopes": ["read", "export", "operate"],
            },
            {
                "website_id": "blog",
                "name": "Blog",
                "domains": ["blog.example"],
                "timezone": "UTC",
                "retention_days": None,
                "scopes": ["read"],
            },
        ],
        "meta": {"open": False, "total": 2},
    }


async def test_a_key_that_only_sends_sees_where_it_sends(engine: Engine) -> None:
    answer = await ask(engine, WEBSITES, SENDER)
    assert [(item["website_id"], item["scopes"]) for item in answer.json()["data"]] == [("shop", ["send"])]


@pytest.mark.parametrize("key", [None, STRANGER])
async def test_without_a_valid_key_it_is_401(engine: Engine, key: str | None) -> None:
    assert (await ask(engine, WEBSITES, key)).status_code == 401


async def test_an_open_stack_knows_none(engine: Engine) -> None:
    answer = await ask(engine, None, None)
    assert answer.json() == {"data": [], "meta": {"open": True}}


async def test_pages_are_whole_and_in_order(engine: Engine) -> None:
    first = (await ask(engine, MANY)).json()
    assert (len(first["data"]), first["meta"]["total"]) == (1000, 2500)
    found = [
        item["website_id"]
        for offset in (0, 1000, 2000, 3000)
        for item in (await ask(engine, MANY, offset=str(offset))).json()["data"]
    ]
    assert found == [f"w{number}" for number in range(2500)]
    assert [
        item["website_id"] for item in (await ask(engine, MANY, limit="2", offset="7")).json()["data"]
    ] == ["w7", "w8"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"limit": "٣"}, "limit"),
        ({"limit": ""}, "limit"),
        ({"offset": "-1"}, "offset"),
        ({"offset": "1000001"}, "offset"),
        ({"offset": "1" * 5000}, "offset"),
        ({"page": "2"}, "page"),
    ],
)
async def test_a_wrong_page_is_a_400_that_names_it(engine: Engine, query: dict[str, str], field: str) -> None:
    answer = await ask(engine, WEBSITES, **query)
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == field
