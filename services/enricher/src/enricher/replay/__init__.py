"""Re-enrichment: the same pipeline over a stretch of the raw topic again, compared with what is stored.

- `time_range`: which events, by their acceptance
- `raw_log`: the door to the raw topic, without a consumer group
- `past_sessions`: session states from stored rows
- `statements`, `stored`: the SQL, and the door to ClickHouse
- `run`: one replay from its beginning to its end; `report`: what it says
- `command`: `python -m enricher replay`
"""
