"""How often the interpreter looks for cycles of garbage.

A batch is tens of thousands of objects that live together and die without cycles. At the interpreter's own pace they
are walked through again and again while they grow, which took a quarter of the writer's time.
"""

import gc
from typing import Final

ALLOCATIONS: Final = 100_000
"""So many more objects than before begin a look at the young ones; about 10 MB of them."""


def look_seldom() -> None:
    """Leave alone what was there at the start, and look for cycles once in ALLOCATIONS new objects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS, *gc.get_threshold()[1:])
