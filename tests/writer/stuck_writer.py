"""A writer with a planted bug: its deliveries never end, and it does not say what it waits for."""

import asyncio
import sys
from typing import Any

from writer.__main__ import main
from writer.delivery import Delivery


async def _never(_self: Delivery, _records: Any) -> None:
    await asyncio.Event().wait()


Delivery.deliver = _never  # type: ignore[assignment,method-assign]
sys.exit(main([]))
