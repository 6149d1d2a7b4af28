"""More partitions for the topics that share their number, with the sessions of their visitors.

- `plan`: which numbers are possible, and which new partitions take over from which old ones
- `carrying`: the door to the changelog: live states are written where their visitors will be
- `increase`: one increase from its checks to its last topic
- `command`, `options`: `python -m enricher partitions`
"""
