"""What every endpoint needs to answer: the engine, the clock and the limits."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Path
from starlette.requests import Request

from eventrail.clock import Clock
from eventrail.websites import OpenWebsites, Website, Websites
from eventrail.websites.model import Scope
from query_api import body, meta
from query_api.access import Access
from query_api.admission import access_of
from query_api.engine import Answer, Engine
from query_api.errors import ClientGone, Invalid, TooCostly, TooEarly
from query_api.events_table import Statement
from query_api.progress import Overview
from query_api.progress.memory import MemoryProgress
from query_api.progress.token import ask_token, ask_wait
from query_api.question.given import Given, from_body, from_query, read_object
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
    progress: Overview = field(default_factory=MemoryProgress)

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
        """Rows of one statement, as `answered` gives them."""
        return await answered(self.engine, request, statement)

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
            return from_body(await _body(request), fields)
        if body.is_announced(request):
            raise Invalid("a GET is asked by its query string alone; send the body by POST to the same path")
        return from_query(request.scope["query_string"], fields)

    async def document(self, request: Request) -> dict[str, Any]:
        """The JSON object that the body of a POST is. Raises Invalid, TooLarge."""
        return read_object(await _body(request))

    async def conversation(self, request: Request, selection: Selection, given: Given) -> "Conversation":
        """The statements behind one answer about `selection`, once the events of a token that was given count.

        Raises Invalid, and TooEarly where they do not count in time.
        """
        await self._wait_for_token(given)
        # Before the first statement: what is settled now is in each of them.
        return Conversation(self.engine, request, selection, self.progress.data_through_ms())

    async def _wait_for_token(self, given: Given) -> None:
        token, seconds = given.one("token"), ask_wait(given.one("wait"))
        if token is not None and not await self.progress.wait_for(ask_token(token), seconds):
            raise TooEarly(seconds, self.progress.held_by())


async def _body(request: Request) -> bytes:
    if request.scope["query_string"]:
        raise Invalid("a POST is asked by its body alone; put what the query string says there")
    return await body.read(request)


@dataclass
class Conversation:
    """The statements behind one answer, one after the other, and what they cost."""

    engine: Engine
    request: Request
    selection: Selection
    data_through_ms: int | None
    cost: meta.Cost = field(default_factory=meta.Cost)

    async def rows(self, statement: Statement) -> Sequence[Any]:
        """Rows of `statement`. Raises what `answered` raises."""
        try:
            answer = await answered(self.engine, self.request, statement)
        except TooCostly as error:
            raise TooCostly(error.rows, error.most, self.selection.cheaper(error.most / error.rows)) from None
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
