"""Rejected events have a life: they can be listed, read, counted, mended and sent again (docs/rejected.md)."""
