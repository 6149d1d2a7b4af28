r"""Halves of characters: a tracker that cuts a text in the middle of an emoji sends `\ud83d` alone.

JavaScript's JSON.stringify writes such a half as an escape (ECMA-262, 25.5.2.4), which is JSON by its grammar
(RFC 8259 section 8.2) but names no character. As browsers do when they encode text (WHATWG Encoding, USVString),
each half becomes U+FFFD; everything else stays byte for byte.
"""

import re
from typing import Final

import msgspec

_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}(?:\\u[dD][c-fC-F][0-9a-fA-F]{2})?|u[dD][c-fC-F][0-9a-fA-F]{2}|.)",
    flags=re.DOTALL,
)
_HALF: Final = re.compile(rb"\\u[dD][89a-fA-F]")


def compact(text: bytes) -> bytes:
    """`text` (JSON) in compact form, halves mended. Raises ValueError where it is none, RecursionError."""
    try:
        return msgspec.json.format(text, indent=-1)
    except ValueError:
        if not _HALF.search(text):
            raise
    return msgspec.json.format(mended(text), indent=-1)


def mended(text: bytes) -> bytes:
    r"""`text` (JSON) with `\ufffd` for each half that stands alone; it is as long as before."""
    return _ESCAPE.sub(_mend, text)


def _mend(escape: re.Match[bytes]) -> bytes:
    # A lone half is all of its escape: 6 bytes. Pairs have 12, other escapes 2.
    return rb"\ufffd" if len(escape[0]) == 6 else escape[0]
