"""docs/websites.md says what the code does."""

import re
from pathlib import Path

from eventrail.websites.model import Defaults, Website
from eventrail.websites.reading import read

PAGE = (Path(__file__).parents[3] / "docs" / "websites.md").read_text(encoding="utf-8")


def example() -> str:
    found = re.search(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    assert found is not None
    return found[1]


def test_the_example_is_in_order_and_shows_every_field() -> None:
    shop, blog = read(example().encode(), "docs/websites.md").all
    assert shop.model_fields_set >= set(Website.model_fields) - {"timezone"}
    assert (shop.privacy_signals, blog.privacy_signals) == ("ignore", "honor")
    assert (shop.timezone, blog.timezone) == ("America/New_York", "Europe/Berlin")
    assert shop.rate_limits.per_address == blog.rate_limits.per_address is not None


def test_the_table_has_every_field() -> None:
    assert re.findall(r"^\| `(\w+)` \| ", PAGE.split("## Check")[0], flags=re.MULTILINE) == list(
        Website.model_fields
    )
    named = re.search(r"^(.*) may stand below `defaults` too", PAGE, flags=re.MULTILINE)
    assert named is not None
    assert re.findall(r"`(\w+)`", named[1]) == list(Defaults.model_fields)
