"""Keys and what they may do, without HTTP."""

from collections.abc import Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from eventrail.websites import ListedWebsites, OpenWebsites, ServerKey, Website, Websites, keys
from eventrail.websites.model import Scope
from query_api.access import Access, Door
from query_api.errors import Forbidden, Invalid, NotFound, Unauthorized

READER, SENDER, OPERATOR, STRANGER = (keys.make(bytes([number]) * keys.KEY_BYTES) for number in range(4))


def entry(name: str, key: str, *scopes: Scope) -> ServerKey:
    return ServerKey(id=name, hash=keys.hash_of(key), scopes=frozenset(scopes))


def website(website_id: str, *server_keys: ServerKey) -> Website:
    return Website(
        id=website_id, name=website_id, domains=(f"{website_id}.example",), server_keys=server_keys
    )


LISTED = ListedWebsites(
    [
        website("shop", entry("dashboard", READER, "read", "export"), entry("tracker", SENDER, "send")),
        website("blog", entry("another-name", READER, "erase"), entry("ops", OPERATOR, "operate")),
        website("lonely"),
    ]
)


def bearing(key: str) -> Sequence[bytes]:
    return [b"Bearer " + key.encode()]


def access(key: str, websites: Websites = LISTED) -> Access:
    return Door(websites).access(bearing(key))


@pytest.mark.parametrize(
    ("authorization", "error"),
    [
        ([], None),
        ([b""], None),
        ([b"Basic dXNlcjpwYXNz"], None),
        ([READER.encode()], None),
        ([b"Bearer"], "invalid_token"),
        ([b"Bearer   "], "invalid_token"),
        ([b"Bearer " + STRANGER.encode()], "invalid_token"),
        ([b"Bearer " + READER.encode() + b"x"], "invalid_token"),
        ([b"Bearer " + READER.encode()[:-1]], "invalid_token"),
        ([b"Bearer " + keys.hash_of(READER).encode()], "invalid_token"),
        ([b"Bearer \xff\x00"], "invalid_token"),
        ([b"Bearer " + READER.encode()] * 2, "invalid_token"),
    ],
)
def test_what_is_no_valid_key(authorization: Sequence[bytes], error: str | None) -> None:
    with pytest.raises(Unauthorized) as raised:
        Door(LISTED).access(authorization)
    assert raised.value.error == error
    assert "evk_" not in raised.value.message


@pytest.mark.parametrize("scheme", [b"Bearer ", b"bearer ", b"BEARER   ", b"  Bearer "])
def test_the_scheme_is_taken_in_any_case(scheme: bytes) -> None:
    assert Door(LISTED).access([scheme + READER.encode() + b" "]).website("shop", "read").id == "shop"


@pytest.mark.parametrize(
    ("key", "website_id", "scope", "refusal"),
    [
        (READER, "shop", "read", None),
        (READER, "shop", "export", None),
        (READER, "shop", "erase", Forbidden),
        (READER, "blog", "erase", None),
        (READER, "blog", "read", Forbidden),
        (READER, "lonely", "read", NotFound),
        (READER, "nowhere", "read", NotFound),
        (READER, "Shop", "read", NotFound),
        (READER, "a/b", "read", Invalid),
        (READER, "", "read", Invalid),
        (SENDER, "shop", "read", Forbidden),
        (SENDER, "blog", "read", NotFound),
        (OPERATOR, "blog", "read", Forbidden),
    ],
)
def test_a_key_at_a_website(key: str, website_id: str, scope: Scope, refusal: type[Exception] | None) -> None:
    if refusal is None:
        assert access(key).website(website_id, scope) is LISTED.find(website_id)
        return
    with pytest.raises(refusal):
        access(key).website(website_id, scope)


def test_a_website_that_is_anothers_reads_like_one_that_does_not_exist() -> None:
    messages = []
    for website_id in ("lonely", "nobody"):
        with pytest.raises(NotFound) as raised:
            access(READER).website(website_id, "read")
        messages.append(raised.value.message.replace(website_id, "…"))
    assert messages[0] == messages[1]


def test_a_refusal_names_the_scope() -> None:
    with pytest.raises(Forbidden, match="'erase' at website 'shop'"):
        access(READER).website("shop", "erase")


def test_the_pipeline_is_for_operators_of_any_website() -> None:
    access(OPERATOR).operate()
    for key in (READER, SENDER):
        with pytest.raises(Forbidden, match="'operate' at any website"):
            access(key).operate()


def test_the_websites_of_a_key_in_the_order_of_the_file() -> None:
    assert [(grant.website.id, sorted(grant.scopes)) for grant in access(READER).grants()] == [
        ("shop", ["export", "read"]),
        ("blog", ["erase"]),
    ]


@pytest.mark.parametrize("authorization", [[], [b"Bearer nonsense"], [b"Basic x", b"Basic y"]])
def test_an_open_stack_asks_for_no_key(authorization: Sequence[bytes]) -> None:
    found = Door(OpenWebsites()).access(authorization)
    assert found.website("anything", "erase").id == "anything"
    found.operate()
    assert found.key is None
    assert found.grants() == ()
    with pytest.raises(Invalid):
        found.website("a/b", "read")


def test_a_request_is_judged_by_one_version_and_the_next_one_by_the_new_one() -> None:
    class Changing:
        open = False
        now = LISTED

        def find(self, website_id: str) -> Website | None:
            return self.now.find(website_id)

        def snapshot(self) -> ListedWebsites:
            return self.now

    websites = Changing()
    door = Door(websites)
    begun = door.access(bearing(READER))
    websites.now = ListedWebsites([website("shop", entry("new", STRANGER, "read"))])
    assert begun.website("shop", "read").id == "shop"
    with pytest.raises(Unauthorized):
        door.access(bearing(READER))
    assert door.access(bearing(STRANGER)).website("shop", "read").id == "shop"


def test_no_digest_is_shown() -> None:
    key = access(READER).key
    assert key is not None
    assert repr(keys.digest(READER.encode())) not in repr(key)
    assert keys.hash_of(READER)[7:] not in repr(key)


@given(
    st.lists(st.binary(max_size=80) | st.binary(max_size=80).map(lambda end: b"Bearer " + end), max_size=3)
)
def test_no_header_opens_the_door_but_a_key(authorization: list[bytes]) -> None:
    with pytest.raises(Unauthorized):
        Door(LISTED).access(authorization)


@given(st.text(max_size=80))
def test_no_text_is_a_website_of_the_key_but_its_own(website_id: str) -> None:
    assume(website_id not in {"shop", "blog"})
    with pytest.raises((Invalid, NotFound)):
        access(READER).website(website_id, "read")
