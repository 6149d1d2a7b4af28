from ipaddress import ip_address

import pytest

from collector.access import NOTHING_SHOWN, Access, Door, Shown, address_of, agent_of, said_on_behalf, shown
from collector.refusals import Refused
from eventrail.websites import ListedWebsites, ServerKey, Website, keys
from eventrail.websites.model import PrivacySignals

KEY, READER, OTHER = "evk_shop", "evk_reader", "evk_other"
WEBSITES = ListedWebsites(
    [
        Website(
            id="shop",
            name="Shop",
            domains=("shop.example",),
            allowed_origins=("https://shop.example", "https://*.shop.example"),
            server_keys=(
                ServerKey(id="backend", hash=keys.hash_of(KEY)),
                ServerKey(id="reader", hash=keys.hash_of(READER), scopes=frozenset({"read"})),
            ),
            privacy_signals="honor",
        ),
        Website(
            id="blog",
            name="Blog",
            domains=("blog.example",),
            server_keys=(ServerKey(id="backend", hash=keys.hash_of(OTHER)),),
            privacy_signals="ignore",
        ),
        Website(id="silent", name="Silent", domains=("silent.example",)),
    ]
)


def access(given: Shown = NOTHING_SHOWN, privacy_signals: PrivacySignals = "ignore") -> Access:
    return Door(WEBSITES, privacy_signals).access(given)


def bearer(key: str) -> Shown:
    return Shown(authorization=f"Bearer {key}".encode())


def refusal(given: Shown, website_id: str) -> tuple[str, str]:
    with pytest.raises(Refused) as caught:
        access(given).grant(website_id)
    return caught.value.kind.code, caught.value.message


def test_an_unknown_website_is_named() -> None:
    assert refusal(NOTHING_SHOWN, "nope") == ("not_found", "Unknown website_id: nope")


def test_a_known_one_takes_events_and_knows_no_key() -> None:
    grant = access().grant("shop")
    assert (grant.website.id, grant.by_key, grant.withhold) == ("shop", False, False)


@pytest.mark.parametrize("origin", ["https://shop.example", "https://www.shop.example"])
def test_allowed_origins(origin: str) -> None:
    assert access(Shown(origin=origin)).grant("shop").website.id == "shop"


@pytest.mark.parametrize(
    "origin", ["", "null", "https://evil.example", "https://shop.example, https://evil.example"]
)
def test_other_origins_are_refused_where_a_website_lists_its_own(origin: str) -> None:
    assert refusal(Shown(origin=origin), "shop")[0] == "origin_not_allowed"
    assert access(Shown(origin=origin)).grant("blog").website.id == "blog"


def test_a_valid_key_is_known_and_judged_per_website() -> None:
    shop = access(bearer(KEY))
    assert shop.grant("shop").by_key
    with pytest.raises(Refused, match="no server key of blog"):
        shop.grant("blog")
    assert shop.grant("shop").by_key


@pytest.mark.parametrize(
    "authorization",
    [
        b"",
        b"Bearer",
        b"Bearer ",
        b"evk_shop",
        b"Basic evk_shop",
        b"Bearer evk_shop, Bearer evk_shop",
        b"Bearer \xff",
    ],
)
def test_a_wrong_key_is_never_ignored(authorization: bytes) -> None:
    assert refusal(Shown(authorization=authorization), "shop")[0] == "invalid_key"
    assert refusal(Shown(authorization=authorization), "silent")[0] == "invalid_key"


@pytest.mark.parametrize("authorization", [b"bearer evk_shop", b"BEARER  evk_shop ", b" Bearer evk_shop"])
def test_the_scheme_is_read_as_http_writes_it(authorization: bytes) -> None:
    assert access(Shown(authorization=authorization)).grant("shop").by_key


def test_a_key_that_may_not_send_is_refused_by_its_name_and_never_shown() -> None:
    code, message = refusal(bearer(READER), "shop")
    assert code == "invalid_key"
    assert "'reader'" in message
    assert READER not in message
    assert OTHER not in refusal(bearer(OTHER), "shop")[1]


def test_an_open_stack_knows_all_websites_and_no_keys() -> None:
    grant = Door().access(bearer("anything")).grant("nope")
    assert (grant.website.id, grant.by_key) == ("nope", False)


@pytest.mark.parametrize("general", ["ignore", "honor"])
@pytest.mark.parametrize("opted_out", [False, True])
def test_privacy_signals_follow_the_website_and_else_the_setting(
    general: PrivacySignals, opted_out: bool
) -> None:
    found = access(Shown(opted_out=opted_out), general)
    assert found.grant("shop").withhold is opted_out
    assert found.grant("blog").withhold is False
    assert found.grant("silent").withhold is (opted_out and general == "honor")


def test_what_headers_show() -> None:
    assert shown([(b"user-agent", b"x")]) is NOTHING_SHOWN
    assert shown([(b"origin", b"https://a"), (b"authorization", b"Bearer k"), (b"dnt", b"0")]) == Shown(
        "https://a", b"Bearer k"
    )
    assert shown([(b"origin", b"a"), (b"origin", b"b")]).origin == "a, b"
    assert (
        shown([(b"authorization", b"Bearer k"), (b"authorization", b"Bearer l")]).authorization
        == b"Bearer k, Bearer l"
    )
    assert shown([(b"sec-gpc", b"1")]).opted_out
    assert shown([(b"origin", b"\xff")]).origin == "ÿ"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7 ", "203.0.113.7"),
        ("2001:DB8::1", "2001:db8::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_addresses_on_behalf(text: str, address: str) -> None:
    assert address_of(text) == ip_address(address)


@pytest.mark.parametrize(
    "text", ["1", "203.0.113", "203.0.113.7:80", "[::1]", "localhost", "1.2.3.4/8", "x" * 10_000, "%"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(Refused) as caught:
        address_of(text)
    assert caught.value.field == "client_ip"
    assert text not in caught.value.message.split()


def test_agents_on_behalf() -> None:
    assert agent_of("x" * 1024) == "x" * 1024
    with pytest.raises(Refused, match="1,025 characters"):
        agent_of("x" * 1025)


def test_what_was_said_on_behalf() -> None:
    assert list(said_on_behalf("", "")) == []
    assert list(said_on_behalf("a", "b")) == ["client_ip", "user_agent"]
    assert list(said_on_behalf("", "b")) == ["user_agent"]
