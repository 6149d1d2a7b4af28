"""How many events a sender may bring: token buckets per address and per website, in bounded memory.

Pure: time is an argument. The buckets are `eventrail.rate_limits`; see docs/rate-limits.md.
"""

from collector.rate_limits.limiter import Allowance, RateLimiter

__all__ = ["Allowance", "RateLimiter"]
