"""What kind of thing a user agent runs on: a short table, read downwards."""

import re
from typing import Final

from enricher.lookups.client_hints import NO_HINTS, Hints

_CONSOLE: Final = re.compile(r"\b(?:PlayStation|Xbox|Nintendo)\b")
_TV: Final = re.compile(
    r"smart-?tv|\bhbbtv\b|apple ?tv|google ?tv|android ?tv|\btv(?: safari)?\b|\bweb0s\b|netcast|\broku\b|\bcrkey\b"
    r"|\bdtv\b|\bbravia\b|\bvidaa\b|\bviera\b|(?-i:\bAFT[A-Z0-9]{1,6}\b)|\btvos\b|\bmibox\w*|\bshield android",
    re.IGNORECASE,
)
_TABLET: Final = re.compile(
    # "Tablet PC" is how Internet Explorer named a Windows with a pen.
    r"\biPad\b|\bTablet\b(?! PC)|\bPlayBook\b|\bKindle\b|\bSilk/|\bTouchPad\b"
    # An iPad asks for pages as a Mac does; only some of its browsers still let it show.
    r"|\bMacintosh;.*\b(?:CriOS|FxiOS|EdgiOS|Mobile)/"
)
_MOBILE: Final = re.compile(
    r"\bMobi|\biPhone\b|\biPod\b|\bWindows Phone\b|\bBlackBerry|\bBB10\b|\bOpera Mini\b|\bSymbian|\bKAIOS\b|\biOS \d"
    # The Android runtime names itself in apps; it never says Mobile, and most of its devices are phones.
    r"|\bDalvik/"
)
_ANDROID: Final = re.compile(r"\bAndroid\b")
_DESKTOP: Final = re.compile(r"\bWindows\b|\bMacintosh\b|\bMac OS X\b|\bX11\b|\bCrOS\b|\bLinux\b|\bmacOS\b")

_TABLE: Final = (
    ("console", _CONSOLE),  # an Xbox also says Windows, a PlayStation may say SmartTV
    ("tv", _TV),  # televisions also say Linux or Android
    ("tablet", _TABLET),  # an iPad also says Mobile
    ("mobile", _MOBILE),
    ("tablet", _ANDROID),  # Android without Mobile: a tablet, by the convention of its browsers
    ("desktop", _DESKTOP),  # last: phones and televisions say Linux and Mac OS X, too
)


_DESKTOP_PLATFORMS: Final = frozenset({"Windows", "macOS", "Linux", "Chrome OS", "Chromium OS"})


def device_type(user_agent: str, hints: Hints = NO_HINTS) -> str:
    """One of "desktop", "mobile", "tablet", "tv", "console"; "" where neither string nor hints tell.

    A browser that froze its string says "Android 10; K" of any device: then the hints know the model, and whether
    it is a phone.
    """
    described = f"{user_agent} {hints.model}" if hints.model else user_agent
    said = next((kind for kind, pattern in _TABLE if pattern.search(described)), "")
    if hints.mobile is None or said in ("tv", "console"):
        return said
    if hints.mobile:
        return "tablet" if _TABLET.search(described) else "mobile"
    if hints.platform in _DESKTOP_PLATFORMS:
        return "desktop"
    return "tablet" if hints.platform == "Android" else said
