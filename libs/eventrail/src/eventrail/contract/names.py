"""What a website id and an event name may be: one rule for the collector and the query API.

Source: spec section "Event Name Validation". Its code trims as Rust's `str::trim` does (Unicode White_Space)
and its message speaks of characters, so characters (Unicode code points) are what is counted.
"""

import re

EVENT_NAME_MAX_CHARACTERS = 255

_WHITE_SPACE = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_WEBSITE_ID = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}")

WEBSITE_ID_RULE = "1 to 64 characters of A-Z a-z 0-9 . _ - (not '.' or '..')"


def trim(text: str) -> str:
    """`text` without leading and trailing Unicode White_Space."""
    return text.strip(_WHITE_SPACE)


def is_website_id(text: str) -> bool:
    """Whether `text` follows WEBSITE_ID_RULE; such an id is safe as one segment of a URL path."""
    return _WEBSITE_ID.fullmatch(text) is not None
