"""Texts that every collector takes: no half characters, no NUL."""

from eventrail_client.errors import InvalidEvent


def text(value: str, field: str) -> str:
    """`value`, with U+FFFD for each half of a surrogate pair. Raises InvalidEvent where it holds a NUL."""
    if "\0" in value:
        raise InvalidEvent("holds the NUL character; leave it out", field)
    if value.isascii():
        return value
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
