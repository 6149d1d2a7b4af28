"""Where what was fetched or built is kept for all checkouts of a user."""

import os
from pathlib import Path


def kept(name: str) -> Path:
    """The folder `name` of ours in the user's cache (`XDG_CACHE_HOME` or `~/.cache`); it need not be there."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "eventrail" / name
