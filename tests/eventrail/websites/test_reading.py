"""What may stand in websites.yaml; hostile YAML and every message are data here."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from eventrail.websites import keys
from eventrail.websites.model import Website
from eventrail.websites.reading import MAX_TOLD, WebsitesFileError, read

HASH = keys.hash_of("evk_x")
FULL = f"""\
defaults:
  timezone: Europe/Berlin
websites:
  - id: shop
    name: Widget shop
    domains: [shop.example, www.shop.example]
    timezone: America/New_York
    allowed_origins: [https://shop.example, https://*.shop.example]
    server_keys:
      - id: backend
        hash: {HASH}
        scopes: [send, read]
    rate_limits:
      per_address: {{per_second: 0.5, burst: 10}}
    privacy_signals: honor
    exclude_headless: true
    retention_days: 90
  - {{id: no, name: "12", domains: [no.example]}}
"""


def problems(text: str | bytes) -> list[str]:
    with pytest.raises(WebsitesFileError) as caught:
        read(text.encode() if isinstance(text, str) else text, "w.yaml")
    return str(caught.value).split("\n")


def test_a_whole_file() -> None:
    websites = read(FULL.encode(), "w.yaml")
    shop, no = websites.all
    assert (shop.timezone, shop.privacy_signals, shop.retention_days) == ("America/New_York", "honor", 90)
    assert shop.rate_limits.per_address is not None
    assert shop.rate_limits.per_address.per_second == 0.5
    found = shop.key(keys.digest(b"evk_x"))
    assert found is not None
    assert found.scopes == {"send", "read"}
    assert (no.id, no.name, no.timezone) == ("no", "12", "Europe/Berlin")


def test_all_errors_at_once_in_the_order_of_their_lines() -> None:
    text = """\
defaults: {timezone: Mars}
websites:
  - id: shop
    name: 12
    domain: [shop.example]
    domains: [shop.example, "a:b"]
  - id: shop
    name: Two
    domains: [SHOP.example.]
    timezone: UTC
    timezone: UTC
"""
    found = [line.removesuffix(" or space") for line in problems(text)]
    assert found == [
        "w.yaml:1:12: defaults.timezone: is no time zone of the IANA database; write it like Europe/Berlin",
        "w.yaml:4:5: websites[0].name: must be text; put it in quotes where it looks like something else",
        "w.yaml:5:5: websites[0].domain: is not known here; do you mean domains?",
        "w.yaml:6:29: websites[0].domains[1]: must be a host name such as shop.example: no scheme, port, path, *",
        "w.yaml:7:5: websites[1].id: the id 'shop' is there twice; first in line 3",
        "w.yaml:9:15: websites[1].domains[0]: the domain 'shop.example' is there twice; first in line 6",
        "w.yaml:11:5: websites[1].timezone: stands here again; it is in line 10",
    ]


WEBSITE = "{id: a, name: A, domains: [a.example]%s}"


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (", server_keys: [{id: k, hash: evk_secret}]", "websites[0].server_keys[0].hash: must be sha256:"),
        (
            ", server_keys: [{hash: *hash, id: k, scope: 1}]",
            "server_keys[0].scope: is not known here; do you mean scopes?",
        ),
        (", server_keys: {id: k}", "websites[0].server_keys: must be a list"),
        (", rate_limits: 5", "websites[0].rate_limits: must be a mapping of fields"),
        (
            ", rate_limits: {per_address: {per_second: 5}}",
            "websites[0].rate_limits.per_address.burst: is required",
        ),
        (", rate_limits: {per_adress: {}}", "is not known here; do you mean per_address?"),
        (", exclude_headless: yes", "websites[0].exclude_headless: must be true or false"),
        (", retention_days: 1.5", "websites[0].retention_days: must be a whole number"),
        (", privacy_signals: maybe", "websites[0].privacy_signals: should be 'honor' or 'ignore'"),
        (", allowed_origins: [shop.example]", "websites[0].allowed_origins[0]: must be an origin such as"),
        (", zzz: 1", "websites[0].zzz: is not known here"),
    ],
)
def test_one_error(extra: str, says: str) -> None:
    text = f"websites:\n- {WEBSITE % extra}\n".replace("*hash", HASH)
    (line,) = problems(text)
    assert line.startswith("w.yaml:2:")
    assert says in line
    assert "evk_secret" not in line


def test_a_flood_of_errors_is_counted() -> None:
    lines = problems("websites:\n" + "- {id: a/b, name: A, domains: [a]}\n" * 100)
    assert len(lines) == MAX_TOLD + 1
    assert lines[-1] == "w.yaml: and 248 more problems"


def test_no_website_is_a_list_without_any() -> None:
    assert read(b"websites: []", "w.yaml").all == ()


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "id": st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True),
                "name": st.text(
                    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30
                ),
                "timezone": st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"]),
                "privacy_signals": st.sampled_from(["honor", "ignore"]),
                "exclude_headless": st.booleans(),
                "retention_days": st.none() | st.integers(1, 3650),
            }
        ),
        max_size=5,
        unique_by=lambda website: website["id"],
    ),
    st.sampled_from(["block", "flow", "json"]),
)
@settings(deadline=None)
def test_what_is_written_is_read(websites: list[dict[str, Any]], style: str) -> None:
    for number, website in enumerate(websites):
        website["domains"] = [f"w{number}.example"]
    document = {"websites": websites}
    text = (
        json.dumps(document, ensure_ascii=False)
        if style == "json"
        else yaml.safe_dump(document, default_flow_style=style == "flow", allow_unicode=True)
    )
    assert read(text.encode(), "w.yaml").all == tuple(Website.model_validate(website) for website in websites)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(deadline=None)
def test_any_bytes_give_websites_or_the_one_error(content: bytes) -> None:
    try:
        read(content, "w.yaml")
    except WebsitesFileError as error:
        assert all(line.startswith("w.yaml:") for line in str(error).split("\n"))  # noqa: PT017
