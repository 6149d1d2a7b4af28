"""docs/nextjs.md: what it shows are the files of the app that test_next_app.py builds and drives."""

import re
from pathlib import Path

import pytest

from devstack.npm import SDK

PAGE = Path(__file__).parents[2] / "docs" / "nextjs.md"
SHOWN = re.findall(
    r"^<!-- file: (\S+) -->\n```tsx\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)


def test_every_example_is_a_file() -> None:
    assert len(SHOWN) == PAGE.read_text(encoding="utf-8").count("```tsx") > 0


@pytest.mark.parametrize(("name", "text"), SHOWN, ids=[name for name, _ in SHOWN])
def test_the_example_is_the_file(name: str, text: str) -> None:
    assert (SDK / "next-app" / name).read_text(encoding="utf-8") == text


def test_the_tables_have_the_properties_and_options_of_the_types() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for source, interface in (
        ("provider.tsx", "SparklyticsProviderProps"),
        ("server.ts", "ServerEventOptions"),
    ):
        code = (SDK / "next" / "src" / source).read_text(encoding="utf-8")
        body = code.split(f"interface {interface} {{")[1].split("\n}")[0]
        names = set(re.findall(r"^  (\w+)\??:", body, re.MULTILINE)) - {"children"}
        assert names
        assert {name for name in names if f"`{name}" not in text} == set()
