"""Browsers and systems by their client hints, in the words of ua-parser, so that one browser has one name."""

from collections.abc import Sequence
from itertools import takewhile
from typing import Final

from enricher.lookups.client_hints import Hints

_ENGINES: Final = {"Google Chrome": "Chrome", "Android WebView": "Chrome", "Chromium": "Chromium"}
"""Brands that others also carry: they tell the version of what looks like Chrome, and never rename anything else."""

_BROWSERS: Final = {
    "Microsoft Edge": "Edge",
    "Microsoft Edge WebView2": "Edge",
    "Opera": "Opera",
    "Opera GX": "Opera",
    "OperaMobile": "Opera",
    "Opera Mobile": "Opera",
    "Brave": "Brave",
    "Vivaldi": "Vivaldi",
    "YaBrowser": "Yandex Browser",
    "Yowser": "Yandex Browser",
    "Samsung Internet": "Samsung Internet",
    "Whale": "Whale",
    "DuckDuckGo": "DuckDuckGo",
    "Oculus Browser": "Oculus Browser",
    "Meta Quest Browser": "Oculus Browser",
    "Amazon Silk": "Amazon Silk",
    "Silk": "Amazon Silk",
    "UCBrowser": "UC Browser",
    "MiuiBrowser": "MiuiBrowser",
    "HuaweiBrowser": "Huawei Browser",
    "HeadlessChrome": "HeadlessChrome",
    "Avast Secure Browser": "Avast Secure Browser",
    "AVG Secure Browser": "AVG Secure Browser",
    "CCleaner Browser": "CCleaner Browser",
    "Norton Private Browser": "Norton Private Browser",
    "Norton Secure Browser": "Norton Secure Browser",
    "Coc Coc": "Coc Coc",
    "QQBrowser": "QQ Browser",
    "Ecosia": "Ecosia",
    "Arc": "Arc",
}
"""Brands that say more than the agent string, where Brave and others are plain Chrome."""

MAC: Final = "Mac OS X"
_CHROMES: Final = ("Chrome", "Chromium")

_SYSTEMS: Final = {
    "Windows": "Windows",
    "macOS": MAC,
    "Android": "Android",
    "Chrome OS": "Chrome OS",
    "Chromium OS": "Chrome OS",
    "iOS": "iOS",
    "Linux": "Linux",
    "Fuchsia": "Fuchsia",
}
"""Values of Sec-CH-UA-Platform."""

_OLD_WINDOWS: Final = {"0.1": "7", "0.2": "8", "0.3": "8.1"}


def browser_by(hints: Hints, family: str, version: str) -> tuple[str, str]:
    """Family and version of the browser; `family` and `version` are what the agent string says.

    A version that only has the major of the one in the string tells nothing new, so the string's stays.
    """
    brand, brand_version = _named(hints.brands)
    if not brand:
        return family, version
    if not family.startswith(brand):  # "Chrome Mobile" and "Edge Mobile" say more than the brand
        if family and (brand in _CHROMES or not family.startswith(_CHROMES)):
            return family, version
        family, version = brand, ""
    return family, _more_exact(brand_version, version)


def _named(brands: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """The brand that says most, by the order of the tables: the order of the list is shuffled on purpose."""
    versions = dict(brands)
    for names in (_BROWSERS, _ENGINES):
        for name, family in names.items():
            if name in versions:
                return family, versions[name]
    return "", ""


def _more_exact(hinted: str, said: str) -> str:
    hinted = numbers(hinted)
    return said if not hinted or f"{said}.".startswith(f"{hinted}.") else hinted


def system_by(hints: Hints, family: str, version: str) -> tuple[str, str]:
    """Family and version of the system; `family` and `version` are what the agent string says.

    Windows is "10" for platform versions from 1 to 12 and "11" from 13 on
    (https://learn.microsoft.com/microsoft-edge/web-platform/how-to-detect-win11).
    """
    system = _SYSTEMS.get(hints.platform, "")
    if not system or (system == "Linux" and family not in _SYSTEMS.values()):
        return family, version  # "Ubuntu" says more than "Linux"
    hinted = _system_version(system, numbers(hints.platform_version))
    return system, hinted or (version if system == family else "")


def _system_version(system: str, version: str) -> str:
    if not version or system == "Linux":
        return ""  # what it says there is the kernel's, or nothing
    if system == "Windows":
        return _OLD_WINDOWS.get(version.removesuffix(".0"), "") or _windows(
            int(version.partition(".")[0][:9])
        )
    while version.endswith(".0"):
        version = version[:-2]
    return version


def _windows(major: int) -> str:
    if major == 0:
        return ""
    return "11" if major >= 13 else "10"


def numbers(version: str) -> str:
    """The dotted numbers that `version` begins with: "14.5" of "14.5.beta"."""
    return ".".join(takewhile(is_number, version.split(".")))


def is_number(part: str) -> bool:
    """Whether `part` is one or more of the digits 0 to 9."""
    return part.isascii() and part.isdigit()
