"""What kind of thing a user agent runs on: a short table, read downwards."""

import re
from typing import Final

_BOT: Final = re.compile(
    # A name that ends in "bot" (Googlebot, archive.org_bot), but not a phone of the maker Cubot.
    r"(?<!\bcu)bot(?![a-z])"
    r"|spider|crawler|\bcrawl|slurp\b|mediapartners-google|google-(?:inspectiontool|read-aloud|extended)"
    r"|googleother|facebookexternalhit|meta-externalagent|bingpreview|lighthouse|page ?speed|pingdom|ia_archiver"
    r"|^whatsapp/",
    re.IGNORECASE,
)
_CONSOLE: Final = re.compile(r"\b(?:PlayStation|Xbox|Nintendo)\b")
_TV: Final = re.compile(
    r"smart-?tv|\bhbbtv\b|apple ?tv|google ?tv|android ?tv|\btv(?: safari)?\b|\bweb0s\b|netcast|\broku\b|\bcrkey\b"
    r"|\bbravia\b|\bvidaa\b|\bviera\b|(?-i:\bAFT[A-Z0-9]{1,6}\b)|\btvos\b|\bmibox\w*|\bshield android",
    re.IGNORECASE,
)
_TABLET: Final = re.compile(
    # "Tablet PC" is how Internet Explorer named a Windows with a pen.
    r"\biPad\b|\bTablet\b(?! PC)|\bPlayBook\b|\bKindle\b|\bSilk/|\bTouchPad\b"
)
_MOBILE: Final = re.compile(
    r"\bMobi|\biPhone\b|\biPod\b|\bWindows Phone\b|\bBlackBerry|\bBB10\b|\bOpera Mini\b|\bSymbian|\bKAIOS\b"
    # The Android runtime names itself in apps; it never says Mobile, and most of its devices are phones.
    r"|\bDalvik/"
)
_ANDROID: Final = re.compile(r"\bAndroid\b")
_DESKTOP: Final = re.compile(r"\bWindows\b|\bMacintosh\b|\bMac OS X\b|\bX11\b|\bCrOS\b|\bLinux\b|\bmacOS\b")

_TABLE: Final = (
    ("bot", _BOT),  # a crawler claims to be any device
    ("console", _CONSOLE),  # an Xbox also says Windows, a PlayStation may say SmartTV
    ("tv", _TV),  # televisions also say Linux or Android
    ("tablet", _TABLET),  # an iPad also says Mobile
    ("mobile", _MOBILE),
    ("tablet", _ANDROID),  # Android without Mobile: a tablet, by the convention of its browsers
    ("desktop", _DESKTOP),  # last: phones and televisions say Linux and Mac OS X, too
)


def device_type(user_agent: str) -> str:
    """One of "desktop", "mobile", "tablet", "tv", "console", "bot"; "" where the string does not tell."""
    return next((kind for kind, pattern in _TABLE if pattern.search(user_agent)), "")
