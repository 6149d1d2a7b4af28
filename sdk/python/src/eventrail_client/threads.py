"""Threads that keep no program alive."""

import logging
import threading
from collections.abc import Callable

_log = logging.getLogger("eventrail_client")


def started(run: Callable[[], None], name: str) -> threading.Thread | None:
    """A running daemon thread, None where the system gives no more or the interpreter ends."""
    thread = threading.Thread(target=run, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        _log.warning("the thread %s could not be started, which is tried again: %s", name, error)
        return None
    return thread
