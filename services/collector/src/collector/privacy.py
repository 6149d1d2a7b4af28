"""Signals of a browser that its user does not want to be tracked."""

from eventrail.websites.model import PrivacySignals

NAMES = frozenset((b"dnt", b"sec-gpc"))
"""Do Not Track (W3C Tracking Preference Expression) and Global Privacy Control, as header names."""


def is_signal(name: bytes, value: bytes) -> bool:
    """Whether this header asks not to be tracked: `DNT: 1` or `Sec-GPC: 1`; names in lower case."""
    return name in NAMES and value.strip() == b"1"


def honors(privacy_signals: PrivacySignals) -> bool:
    """Whether a signal takes visitor, session, city and region off an event."""
    return privacy_signals == "honor"
