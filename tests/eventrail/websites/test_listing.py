import pytest

from eventrail.websites import ListedWebsites, OpenWebsites, ServerKey, Website, Websites, keys

SHOP = Website(id="shop", name="Shop", domains=("shop.example",))


@pytest.mark.parametrize("websites", [OpenWebsites(), ListedWebsites([SHOP])])
def test_what_both_do(websites: Websites) -> None:
    found = websites.snapshot().find("shop")
    assert found is not None
    assert found.id == "shop"
    assert found.allows_origin("https://any.example")
    assert found.key(b"x" * 32) is None
    assert websites.open is websites.snapshot().open


def test_an_open_stack_knows_every_id_and_no_more() -> None:
    found = OpenWebsites().find("anything")
    assert (found.id, found.main_domain, found.timezone) == ("anything", "", "UTC")
    assert found.rate_limits.per_address is None


def test_a_list_knows_its_own_only() -> None:
    websites = ListedWebsites([SHOP])
    assert websites.find("Shop") is None
    assert websites.all == (SHOP,)
    assert ListedWebsites().find("shop") is None


def test_the_websites_of_a_key_in_the_order_of_the_file() -> None:
    def website(website_id: str, *texts: str) -> Website:
        entries = [ServerKey(id=text, hash=keys.hash_of(text)) for text in texts]
        return Website(
            id=website_id, name="N", domains=(f"{website_id}.example",), server_keys=tuple(entries)
        )

    websites = ListedWebsites([website("b", "x", "y"), website("a", "x"), website("c")])
    assert [found.id for found in websites.with_key(keys.digest(b"x"))] == ["b", "a"]
    assert [found.id for found in websites.with_key(keys.digest(b"y"))] == ["b"]
    assert websites.with_key(keys.digest(b"z")) == ()
