"""Apps that show pages inside of themselves, where ua-parser sees only the web view of the system."""

import re
from typing import Final

_APP: Final = re.compile(r"\b(MicroMessenger|KAKAOTALK|LinkedInApp)\]?[/ ]([0-9]+(?:\.[0-9]+){0,3})")
_NAMES: Final = {"MicroMessenger": "WeChat Browser", "KAKAOTALK": "KakaoTalk", "LinkedInApp": "LinkedIn"}


def app_of(user_agent: str) -> tuple[str, str] | None:
    """Name and version of the app, None where the string names none of them."""
    found = _APP.search(user_agent)
    return (_NAMES[found[1]], found[2]) if found else None
