"""The seam to the websites: who asks for an id gets the website, or None."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Protocol

from eventrail.websites.model import Website


class Websites(Protocol):
    """The websites as they are now."""

    @property
    def open(self) -> bool:
        """True where there is no file: any website id is taken and there are no keys."""
        ...

    def find(self, website_id: str) -> Website | None:
        """The website with this id, None where there is none. `website_id` follows WEBSITE_ID_RULE."""
        ...

    def snapshot(self) -> "Websites":
        """The same websites for as long as the caller holds on to them: take one per request."""
        ...


@lru_cache(maxsize=4096)
def _unlisted(website_id: str) -> Website:
    return Website.model_construct(id=website_id, name=website_id, domains=())


class OpenWebsites:
    """An open stack: every id is a website, without domains, keys or limits of its own."""

    open = True

    def find(self, website_id: str) -> Website:
        """A website with nothing known but its id."""
        return _unlisted(website_id)

    def snapshot(self) -> "OpenWebsites":
        """Itself: it never changes."""
        return self


class ListedWebsites:
    """The websites of one version of the file; never changes. `all` keeps the file's order."""

    open = False

    def __init__(self, websites: Iterable[Website] = ()) -> None:
        self.all = tuple(websites)
        self._by_id = {website.id: website for website in self.all}
        # Here and not when it is first asked for: a new version is read in a thread, and questions do not wait.
        self._by_key: dict[bytes, list[Website]] = {}
        for website in self.all:
            for key in website.server_keys:
                self._by_key.setdefault(key.digest, []).append(website)

    def find(self, website_id: str) -> Website | None:
        """The website with this id, None where the file has none."""
        return self._by_id.get(website_id)

    def with_key(self, digest: bytes) -> Sequence[Website]:
        """The websites at which the key with this digest stands, in the file's order; none where nobody knows it."""
        return self._by_key.get(digest, ())

    def snapshot(self) -> "ListedWebsites":
        """Itself: it never changes."""
        return self
