import pytest
from msgspec.structs import replace

from collector.payload import rules
from collector.payload.members import Member
from collector.refusals import Refused

GOOD = Member(website_id="shop", event_type="custom", event_name="signup")
UUID4 = "9f0c1c1e-52b5-4a9f-8a3c-0d8a3b1c2d3e"
UUID7 = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


def refusal(**fields: object) -> Refused:
    with pytest.raises(Refused) as caught:
        rules.judge(replace(GOOD, **fields))
    return caught.value


def texts(event: rules.Event) -> dict[str, str]:
    found = {name: getattr(event, name) for name in ("url", "referrer", "language")}
    return {name: text for name, text in found.items() if text} | {
        f"utm_{name}": text for name, text in event.campaign.items()
    }


@pytest.mark.parametrize(
    ("event_type", "alias", "expected"),
    [
        ("custom", None, rules.CUSTOM),
        (None, "custom", rules.CUSTOM),
        (None, "event", rules.CUSTOM),
        ("event", None, rules.CUSTOM),
        ("custom", "event", rules.CUSTOM),
    ],
)
def test_kinds_of_a_custom_event(event_type: str | None, alias: str | None, expected: int) -> None:
    assert rules.judge(replace(GOOD, event_type=event_type, type=alias)).event_type == expected


@pytest.mark.parametrize("name", [None, "", "  "])
def test_a_page_view_has_no_name(name: str | None) -> None:
    event = rules.judge(replace(GOOD, event_type="pageview", event_name=name))
    assert (event.event_type, event.event_name) == (rules.PAGEVIEW, "")


def test_a_name_is_trimmed_and_counted_in_characters() -> None:
    assert rules.judge(replace(GOOD, event_name="\u3000 a b\t")).event_name == "a b"
    assert rules.judge(replace(GOOD, event_name=" " + "ü" * 255)).event_name == "ü" * 255


@pytest.mark.parametrize("name", list(rules.MAX_CHARACTERS))
def test_each_text_is_kept_up_to_its_cap_and_refused_beyond(name: str) -> None:
    cap = rules.MAX_CHARACTERS[name]
    assert texts(rules.judge(replace(GOOD, **{name: "ü" * cap}))) == {name: "ü" * cap}
    assert texts(rules.judge(replace(GOOD, **{name: ""}))) == {}
    refused = refusal(**{name: "ü" * (cap + 1)})
    assert refused.field == name
    assert f"{cap + 1:,} characters" in refused.message


def test_both_forms_of_a_screen() -> None:
    assert rules.judge(replace(GOOD, screen="1920x1080")).screen == (1920, 1080)
    assert rules.judge(replace(GOOD, screen_width=1, screen_height=65_535)).screen == (1, 65_535)
    assert rules.judge(replace(GOOD, screen="1X2", screen_width=1, screen_height=2)).screen == (1, 2)
    assert rules.judge(GOOD).screen is None


@pytest.mark.parametrize(
    "name", ["type", "visitor_id", "screen", "event_id", "timestamp", "sent_at", "language", "url"]
)
@pytest.mark.parametrize("nothing", [None, ""])
def test_empty_and_null_are_absent(name: str, nothing: str | None) -> None:
    assert rules.judge(replace(GOOD, **{name: nothing})) == rules.judge(GOOD)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("en-GB", "en-GB"),
        ("en-GB,en;q=0.9,de;q=0.8,*;q=0.5", "en-GB"),
        ("fr-CH;q=1, fr", "fr-CH"),
        (" de , en", "de"),
        ("x" * 35 + "," + "y" * 500, "x" * 35),
    ],
)
def test_of_a_header_of_languages_the_first_is_taken(sent: str, kept: str) -> None:
    assert rules.judge(replace(GOOD, language=sent)).language == kept


@pytest.mark.parametrize("sent", ["*", "*;q=0.1", ",en", "*, de"])
def test_a_header_that_begins_with_no_language_says_none(sent: str) -> None:
    assert rules.judge(replace(GOOD, language=sent)).language == ""


def test_the_clock_at_sending_belongs_to_a_timestamp() -> None:
    assert rules.judge(replace(GOOD, timestamp=5, sent_at="1970-01-01T00:00:00.007Z")).clock_ms == 7
    assert rules.judge(replace(GOOD, timestamp=5)).clock_ms is None
    assert rules.judge(replace(GOOD, sent_at=7)).clock_ms is None
    assert rules.judge(replace(GOOD, event_id=UUID7, sent_at=7)).clock_ms is None
    assert rules.judge(replace(GOOD, event_id=UUID7, timestamp=5, sent_at=7)).clock_ms == 7


def test_an_id_comes_with_a_time() -> None:
    event = rules.judge(replace(GOOD, event_id=UUID4.upper(), timestamp=5))
    assert (event.event_id, event.sent_ms, event.time_field) == (UUID4, 5, "timestamp")
    event = rules.judge(replace(GOOD, event_id=UUID7))
    assert (event.event_id, event.sent_ms, event.time_field) == (UUID7, 0x017F22E279B0, "event_id")
    event = rules.judge(replace(GOOD, event_id=UUID7, timestamp=5))
    assert (event.sent_ms, event.time_field) == (5, "timestamp")
    assert rules.judge(GOOD).sent_ms is None


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"website_id": None}, "website_id", "is required"),
        ({"website_id": ""}, "website_id", "must be 1 to 64"),
        ({"website_id": "a/b"}, "website_id", "must be 1 to 64"),
        ({"website_id": "a" * 65}, "website_id", "must be 1 to 64"),
        ({"event_type": None}, "event_type", "is required"),
        ({"event_type": "click"}, "event_type", 'must be "custom"'),
        ({"type": "Event"}, "type", 'must be "custom"'),
        ({"type": "pageview"}, "type", "something else"),
        ({"event_name": None}, "event_name", "is required"),
        ({"event_name": " \u2003"}, "event_name", "must not be empty"),
        ({"event_name": "x" * 256}, "event_name", "has 256 characters"),
        ({"event_type": "pageview"}, "event_name", "no name"),
        ({"visitor_id": "ü" * 33}, "visitor_id", "has 66 bytes"),
        ({"screen": "1920"}, "screen", "WIDTHxHEIGHT"),
        ({"screen": "0x10"}, "screen", "1 to 65,535"),
        ({"screen": "\uff11x\uff12"}, "screen", "WIDTHxHEIGHT"),
        ({"screen_width": 5}, "screen_width", "needs screen_height"),
        ({"screen_height": 5}, "screen_height", "needs screen_width"),
        ({"screen_width": 5, "screen_height": 65_536}, "screen_width", "1 to 65,535"),
        ({"screen": "1x2", "screen_width": 5, "screen_height": 6}, "screen", "something else"),
        ({"event_id": "17"}, "event_id", "must be a UUID"),
        ({"event_id": UUID4}, "event_id", "needs timestamp"),
        ({"timestamp": "yesterday"}, "timestamp", "must be Unix milliseconds"),
        ({"sent_at": "now"}, "sent_at", "must be Unix milliseconds"),
        ({"sent_at": 10**17}, "sent_at", "out of range"),
        ({"language": "x" * 36 + ",en"}, "language", "has 36 characters"),
    ],
)
def test_each_rule_names_its_field(fields: dict[str, object], field: str, said: str) -> None:
    refused = refusal(**fields)
    assert (refused.kind.code, refused.field) == ("validation_error", field)
    assert said in refused.message
