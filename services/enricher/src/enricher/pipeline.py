"""From a raw event to an enriched one: the steps, in their order.

A step's first word tells its power: `add_` writes facts and refuses nothing, `reject_` may refuse the event
with ContractError, `scrub_` takes away. A step reads the draft and the world and touches nothing else.
"""

from collections.abc import Callable
from typing import Final

from enricher.draft import Draft, read
from enricher.enrichments.agent import add_agent
from enricher.enrichments.bot import add_bot
from enricher.enrichments.campaign import add_campaign
from enricher.enrichments.channel import add_channel
from enricher.enrichments.client_address import reject_forged_address, scrub_address
from enricher.enrichments.geo import add_geo
from enricher.enrichments.origin import reject_rule_breakers
from enricher.enrichments.page import add_page
from enricher.enrichments.referrer import add_referrer
from enricher.enrichments.session import add_session
from enricher.enrichments.session_campaign import add_campaign_of_session
from enricher.enrichments.versions import add_versions
from enricher.enrichments.visitor import add_visitor
from enricher.world import World
from eventrail.contract.v1.raw_pb2 import RawEvent
from eventrail.errors import EventrailError

Step = Callable[[Draft, World], None]

STEPS: Final[tuple[Step, ...]] = (
    reject_rule_breakers,  # first: the others rely on ids and times being there
    reject_forged_address,  # before all that costs; waits here, with nothing done, when the key is missing
    add_versions,
    add_page,
    add_referrer,  # after the page: a page that refers to its own website is no referrer
    add_campaign,  # after the page: reads its query
    add_channel,  # after referrer and campaign: by the event's own ones
    add_agent,
    add_bot,
    add_geo,  # after the address was opened
    add_visitor,  # after the address was opened
    add_session,  # after the visitor, and after all that may fail: a refused event leaves no trace in the state
    add_campaign_of_session,  # after the session, whose memory it gives to an event that has nothing of its own
    scrub_address,  # last: nothing that runs later can know the address
)


class EnrichmentFailed(EventrailError):
    """A step raised what it should not: a fault of ours, or of a lookup. The event is rejected.

    The message names the step and the kind of error, and holds no part of the event.
    """

    def __init__(self, step: str, cause: Exception) -> None:
        super().__init__(f"{step} failed with {type(cause).__name__}")
        self.step = step
        self.cause = cause


def enrich(message: RawEvent, position: bytes, world: World) -> Draft:
    """All facts about `message`, which stood at `position` (fragments.py).

    The same event, lookups and session state give the same facts, and outgoing.written the same bytes of them.

    Raises ContractError where the event breaks a rule of its contract, EnrichmentFailed where a step fails, and
    lets other errors of Eventrail pass (eventrail.sealing.UnknownKey: the stream has to wait). After an error
    the session state is as it was before, so the call can be repeated.
    """
    draft = Draft(read(message), position)
    step = STEPS[0]
    try:
        for step in STEPS:
            step(draft, world)
    except EventrailError:
        raise
    except Exception as error:
        raise EnrichmentFailed(step.__name__, error) from error
    return draft
