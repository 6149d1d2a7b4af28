"""What every endpoint needs to answer: the engine, the clock and the limits."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Path
from starlette.requests import Request

from eventrail.clock import Clock
from eventrail.contract.names import WEBSITE_ID_RULE, is_website_id
from eventrail.websites import OpenWebsites, Website, Websites
from query_api import body, meta
from query_api.engine import Answer, Engine
from query_api.errors import ClientGone, Invalid
from query_api.events_table import Statement
from query_api.question.given import Given, from_body, from_query
from query_api.question.selection import ALL_BOTS, CRAWLERS, Context, Limits, Selection
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

    def website(self, request: Request, website_id: str, scope: str) -> Website:
        """The website that `request` is about. Raises Invalid for what is no id."""
        if not is_website_id(website_id):
            raise Invalid(f"website_id must be {WEBSITE_ID_RULE}", "website_id")
        website = self.websites.find(website_id)
        assert website is not None  # noqa: S101
        return website

    def context(self, website: Website) -> Context:
        """What questions about `website` are read against."""
        settings = self.settings
        return Context(
            website.id,
            self.clock.now_ms(),
            website.timezone,
            ALL_BOTS if website.exclude_headless else CRAWLERS,
            website.retention_days,
            Limits(
                settings.max_event_names,
                settings.max_property_keys,
                settings.max_property_values,
                settings.max_points,
                settings.max_groups,
            ),
        )

    async def given(self, request: Request, fields: Sequence[str]) -> Given:
        """What the query string of a GET or the JSON body of a POST says. Raises Invalid, TooLarge."""
        if request.method == "POST":
            if request.scope["query_string"]:
                raise Invalid("a POST is asked by its body alone; put what the query string says there")
            return from_body(await body.read(request), fields)
        if body.is_announced(request):
            raise Invalid("a GET is asked by its query string alone; send the body by POST to the same path")
        return from_query(request.scope["query_string"], fields)

    async def conversation(self, request: Request, selection: Selection, given: Given) -> "Conversation":
        """The statements behind one answer about `selection`."""
        return Conversation(self.engine, request, selection, None)


@dataclass
class Conversation:
    """The statements behind one answer, one after the other, and what they cost."""

    engine: Engine
    request: Request
    selection: Selection
    data_through_ms: int | None
    cost: meta.Cost = field(default_factory=meta.Cost)

    async def rows(self, statement: Statement) -> Sequence[Any]:
        """Rows of `statement`. Raises what `answer` raises."""
        answer = await answered(self.engine, self.request, statement)
        self.cost.add(answer)
        return answer.rows

    def meta(self, more: dict[str, Any] | None = None, *, visitors: bool = False) -> dict[str, Any]:
        """`meta` of the answer, with `more` in it; `visitors` where it counts them."""
        told = meta.about(self.selection, self.cost, self.data_through_ms, visitors=visitors)
        return {**told, **(more or {})}


async def answered(engine: Engine, request: Request, statement: Statement) -> Answer:
    """Rows of `statement`; a client that disconnects ends its query. Raises ClientGone and what it raises."""
    answering = asyncio.ensure_future(engine.answer(statement))
    watching = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait((answering, watching), return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            raise ClientGone
        return answering.result()
    finally:
        answering.cancel()
        watching.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
