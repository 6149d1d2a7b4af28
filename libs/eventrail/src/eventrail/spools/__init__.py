"""Which collectors have a spool, and when each was known to be empty (docs/data-through.md)."""
