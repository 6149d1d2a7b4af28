"""`meta.left_out`, for what follows visitors over midnight."""

from typing import Any

from query_api import following
from query_api.events_table import Statement
from query_api.routes.asking import Conversation


async def left_out(conversation: Conversation, statement: Statement) -> dict[str, Any]:
    """The member `left_out` of `meta`, from the row of `following.left_out_statement`. Raises what `rows` raises."""
    return {"left_out": following.left_out(await conversation.rows(statement))}
