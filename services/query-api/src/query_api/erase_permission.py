"""Whether a request may erase events of a website: the key that it shows needs the scope `erase`."""

from collections.abc import Callable
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request

from eventrail.websites import Websites, keys

SCOPE: Final = "erase"

Permit = Callable[[Request, str], None]
"""Given a request and a website id, returns, or raises what problems.py knows."""


def by_key(websites: Websites) -> Permit:
    """In an open stack everybody may; else 404 for an unknown website, 401 without its key, 403 without the scope."""

    def permit(request: Request, website_id: str) -> None:
        now = websites.snapshot()
        website = now.find(website_id)
        if now.open:
            return
        if website is None:
            raise HTTPException(404)
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        key = website.key(keys.digest(shown.strip().encode())) if scheme.lower() == "bearer" else None
        if key is None:
            raise HTTPException(401, "a key of this website is needed: Authorization: Bearer evk_...")
        if SCOPE not in key.scopes:
            raise HTTPException(403, f"this key lacks the scope {SCOPE}")

    return permit
