import pytest

from enricher.lookups.brands import browser_by, numbers, system_by
from enricher.lookups.client_hints import NO_HINTS, Hints


def test_no_hints_change_nothing() -> None:
    assert browser_by(NO_HINTS, "Chrome Mobile", "142.0.0.0") == ("Chrome Mobile", "142.0.0.0")
    assert system_by(NO_HINTS, "Windows", "10") == ("Windows", "10")


@pytest.mark.parametrize(
    ("brands", "family", "version", "expected"),
    [
        ((("Chromium", "142"), ("Google Chrome", "142.0.1")), "Chrome", "142.0.0.0", ("Chrome", "142.0.1")),
        ((("Google Chrome", "142"),), "Chrome", "142.0.0.0", ("Chrome", "142.0.0.0")),
        ((("Google Chrome", "14"),), "Chrome", "142.0.0.0", ("Chrome", "14")),
        ((("Google Chrome", "142"),), "Chrome Mobile", "141.0.0.0", ("Chrome Mobile", "142")),
        ((("Google Chrome", "x"),), "Chrome", "142.0.0.0", ("Chrome", "142.0.0.0")),
        ((("Brave", "142"), ("Google Chrome", "142")), "Chrome", "142.0.0.0", ("Brave", "142")),
        ((("Brave", ""),), "Chrome", "142.0.0.0", ("Brave", "")),
        ((("Microsoft Edge", "142"),), "Edge Mobile", "142.0.0.0", ("Edge Mobile", "142.0.0.0")),
        ((("Google Chrome", "142"),), "Instagram", "400.0.0", ("Instagram", "400.0.0")),
        ((("Microsoft Edge", "142"),), "Facebook", "521.0.0", ("Facebook", "521.0.0")),
        ((("Google Chrome", "142"),), "", "", ("Chrome", "142")),
        ((("Nobody", "1"),), "", "", ("", "")),
    ],
)
def test_the_browser(
    brands: tuple[tuple[str, str], ...], family: str, version: str, expected: tuple[str, str]
) -> None:
    assert browser_by(Hints(brands=brands), family, version) == expected


@pytest.mark.parametrize(
    ("platform", "version", "expected"),
    [
        ("Windows", "0.1.0", "7"),
        ("Windows", "0.2", "8"),
        ("Windows", "0.3.0", "8.1"),
        ("Windows", "0.9", "10"),  # unknown: the string's
        ("Windows", "1.0.0", "10"),
        ("Windows", "12.0.0", "10"),
        ("Windows", "13.0.0", "11"),
        ("Windows", "9" * 60, "11"),
        ("Windows", "", "10"),
        ("Windows", "eleven", "10"),
    ],
)
def test_windows(platform: str, version: str, expected: str) -> None:
    hints = Hints(platform=platform, platform_version=version)
    assert system_by(hints, "Windows", "10") == ("Windows", expected)


@pytest.mark.parametrize(
    ("platform", "version", "said", "expected"),
    [
        ("macOS", "14.5.0", ("Mac OS X", "10.15.7"), ("Mac OS X", "14.5")),
        ("macOS", "", ("Mac OS X", "10.15.7"), ("Mac OS X", "10.15.7")),
        ("Android", "16.0.0", ("Android", "10"), ("Android", "16")),
        ("Android", "", ("Linux", ""), ("Android", "")),
        ("Windows", "", ("Linux", "5"), ("Windows", "")),
        ("Linux", "6.8.0", ("Ubuntu", ""), ("Ubuntu", "")),
        ("Linux", "6.8.0", ("Windows", "10"), ("Linux", "")),
        ("Chromium OS", "16433.41.0", ("Chrome OS", "14541.0.0"), ("Chrome OS", "16433.41")),
        ("Unknown", "7", ("Windows", "10"), ("Windows", "10")),
        ("<b>", "7", ("", ""), ("", "")),
    ],
)
def test_other_systems(platform: str, version: str, said: tuple[str, str], expected: tuple[str, str]) -> None:
    assert system_by(Hints(platform=platform, platform_version=version), *said) == expected


@pytest.mark.parametrize(
    ("version", "expected"), [("14.5.0", "14.5.0"), ("14.beta.1", "14"), ("", ""), (".1", ""), ("٣.1", "")]
)
def test_numbers(version: str, expected: str) -> None:
    assert numbers(version) == expected
