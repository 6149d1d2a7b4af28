"""The days' salts: random, agreed on through a compacted topic, forgotten in time (docs/adr/0007-random-salts.md)."""
