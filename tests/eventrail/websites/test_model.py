import pytest
from pydantic import ValidationError

from eventrail.websites import keys
from eventrail.websites.model import Defaults, Document, RateLimit, RateLimits, ServerKey, Website

LEAST = {"id": "shop", "name": "Shop", "domains": ["Shop.example", "www.shop.example"]}


def test_the_least_that_a_website_says() -> None:
    website = Website.model_validate(LEAST)
    assert website.domains == ("shop.example", "www.shop.example")
    assert website.main_domain == "shop.example"
    assert (website.timezone, website.privacy_signals, website.exclude_headless) == ("UTC", None, False)
    assert website.rate_limits == RateLimits()
    assert website.retention_days is None
    assert website.allows_origin("https://anywhere.example")
    assert website.key(keys.digest(b"x")) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": ".."},
        {"id": "a/b"},
        {"id": 7},
        {"name": ""},
        {"name": "x" * 256},
        {"domains": []},
        {"domains": "shop.example"},
        {"domains": ["a b"]},
        {"timezone": "Mars/Olympus"},
        {"timezone": "../etc/passwd"},
        {"timezone": ""},
        {"timezone": "Europe"},
        {"timezone": "a\0b"},
        {"allowed_origins": ["*"]},
        {"allowed_origins": None, "server_keys": [{"id": "a", "hash": "evk_x"}]},
        {"server_keys": [{"id": "a", "hash": keys.hash_of("a"), "scopes": []}]},
        {"server_keys": [{"id": "a", "hash": keys.hash_of("a"), "scopes": ["fly"]}]},
        {"server_keys": [{"id": "a", "hash": keys.hash_of("a")}, {"id": "a", "hash": keys.hash_of("b")}]},
        {"server_keys": [{"id": "a", "hash": keys.hash_of("a")}, {"id": "b", "hash": keys.hash_of("a")}]},
        {"rate_limits": {"per_address": {"per_second": 0, "burst": 1}}},
        {"rate_limits": {"per_address": {"per_second": float("nan"), "burst": 1}}},
        {"rate_limits": {"per_address": {"per_second": float("inf"), "burst": 1}}},
        {"rate_limits": {"per_address": {"per_second": "5", "burst": 1}}},
        {"rate_limits": {"per_address": {"per_second": True, "burst": 1}}},
        {"rate_limits": {"per_website": {"per_second": 1, "burst": 1.5}}},
        {"rate_limits": {"per_website": {"per_second": 1}}},
        {"privacy_signals": "maybe"},
        {"exclude_headless": 1},
        {"retention_days": 0},
        {"retention_days": "30"},
        {"colour": "red"},
    ],
)
def test_what_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Website.model_validate({**LEAST, **wrong})


def test_a_wrong_hash_is_not_shown() -> None:
    with pytest.raises(ValidationError) as caught:
        ServerKey.model_validate({"id": "a", "hash": "evk_secret"})
    assert "evk_secret" not in str([item["msg"] for item in caught.value.errors()])


def test_no_allowed_origin_is_not_any_origin() -> None:
    assert not Website.model_validate({**LEAST, "allowed_origins": []}).allows_origin("https://shop.example")


def test_a_key_may_send_unless_it_says_else() -> None:
    assert ServerKey(id="a", hash=keys.hash_of("a")).scopes == {"send"}


def test_defaults_fill_what_a_website_does_not_say() -> None:
    general, own = RateLimit(per_second=10, burst=20), RateLimit(per_second=1, burst=2)
    defaults = Defaults(
        timezone="Europe/Berlin",
        privacy_signals="honor",
        exclude_headless=True,
        retention_days=30,
        rate_limits=RateLimits(per_address=general, per_website=general),
    )
    silent = Website.model_validate(LEAST)
    says = Website.model_validate(
        {
            **LEAST,
            "id": "says",
            "timezone": "UTC",
            "privacy_signals": "ignore",
            "exclude_headless": False,
            "retention_days": None,
            "rate_limits": {"per_address": own.model_dump()},
        }
    )
    filled = Document(defaults=defaults, websites=(silent, says)).filled()
    assert filled[0].model_dump(include=set(Defaults.model_fields)) == defaults.model_dump()
    assert (filled[1].timezone, filled[1].privacy_signals, filled[1].exclude_headless) == (
        "UTC",
        "ignore",
        False,
    )
    assert filled[1].retention_days is None
    assert filled[1].rate_limits == RateLimits(per_address=own, per_website=general)
    assert filled[1].domains == says.domains
