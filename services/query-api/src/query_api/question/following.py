"""Whom a question follows from event to event: visitors or sessions.

Hashed visitor ids change at midnight UTC. What follows a visitor for longer than a day takes the ids that clients
sent, and says in `meta` what it left out. Sessions never outlive their visitor's id.
"""

from enum import StrEnum
from typing import Final

DAY_SECONDS: Final = 86_400
MAX_DAYS: Final = 90
MAX_WINDOW_SECONDS: Final = MAX_DAYS * DAY_SECONDS


class By(StrEnum):
    """Who is followed."""

    VISITOR = "visitor"
    SESSION = "session"
