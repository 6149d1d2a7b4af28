"""What the caller of a wrong question is told."""

from collections.abc import Callable
from typing import Any

import pytest

from query_api.errors import Invalid


def refused(ask: Callable[..., Any], *arguments: Any, **named: Any) -> tuple[str, str | None]:
    """Message and field of the Invalid that `ask` raises; fails where it raises none."""
    with pytest.raises(Invalid) as caught:
        ask(*arguments, **named)
    return caught.value.message, caught.value.field
