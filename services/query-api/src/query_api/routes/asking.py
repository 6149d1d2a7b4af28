"""What every endpoint needs to answer: the engine, the clock and the limits."""

import asyncio
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated

from fastapi import Path
from starlette.requests import Request

from eventrail.clock import Clock
from eventrail.websites import OpenWebsites, Website, Websites
from eventrail.websites.model import Scope
from query_api.access import Access
from query_api.admission import access_of
from query_api.engine import Answer, Engine
from query_api.errors import ClientGone
from query_api.events_table import Statement
from query_api.question import ALL_BOTS, CRAWLERS, BotKinds, utc_date
from query_api.routes.documentation import WEBSITE_ID_DESCRIPTION
from query_api.settings import QueryApiSettings

WebsiteId = Annotated[str, Path(description=WEBSITE_ID_DESCRIPTION, examples=["cm5x9yz1a0001"])]


@dataclass(frozen=True)
class Asking:
    """Passed to each endpoint when the application is built."""

    engine: Engine
    clock: Clock
    settings: QueryApiSettings
    websites: Websites = field(default_factory=OpenWebsites)

    def website(self, request: Request, website_id: str, scope: Scope) -> Website:
        """The website that `request` is about: the first line of each endpoint of one website.

        Raises Invalid for what is no id, NotFound where the key is of no such website, Forbidden without `scope`.
        """
        return access_of(request).website(website_id, scope)

    def operator(self, request: Request) -> None:
        """The first line of each endpoint about the pipeline. Raises Forbidden without the scope `operate`."""
        access_of(request).operate()

    def access(self, request: Request) -> Access:
        """All that `request` may do."""
        return access_of(request)

    async def answer(self, request: Request, statement: Statement) -> Answer:
        """Rows of `statement`; a client that disconnects ends its query. Raises what Engine.answer raises."""
        answering = asyncio.ensure_future(self.engine.answer(statement))
        watching = asyncio.ensure_future(_disconnected(request))
        try:
            await asyncio.wait((answering, watching), return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                raise ClientGone
            return answering.result()
        finally:
            answering.cancel()
            watching.cancel()

    def left_out(self, website_id: str) -> BotKinds:
        """The kinds of bots that are not counted on a website unless asked for; any text is fine as its id."""
        website = self.websites.find(website_id)
        return ALL_BOTS if website and website.exclude_headless else CRAWLERS

    def today(self) -> date:
        """Today in UTC."""
        return utc_date(self.clock.now_ms())


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
