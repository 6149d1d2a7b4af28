"""Events as they are written, as server-sent events (docs/live.md, docs/adr/0021-live.md).

From Kafka to the wire:

- `source`: the enriched topic, read without a group; the only file here that knows Kafka
- `ring`: the newest records of all partitions, bounded; each website that is read has a view of it
- `decoded`, `telling`: a record as columns and properties, and as JSON
- `judging`, `stored`, `suppressed`: copies and erased events are told apart, once for all readers
- `matching`: whether an event fits a question, in Python as conditions.py has it in SQL
- `position`: the ids of the stream
- `reader`, `frames`: what one client is sent
- `hub`: readers come and go, the source starts and stops
- `response`: HTTP, with a client that is too slow or hangs up
"""
