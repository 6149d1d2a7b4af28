"""Requests to forget: what one says, what it covers, and the tables that remember it (docs/erasure.md)."""
