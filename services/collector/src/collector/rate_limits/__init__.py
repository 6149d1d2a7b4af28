"""How many events a sender may bring: token buckets per address and per website, in bounded memory.

Pure: time is an argument. The limits are those of one process; see docs/rate-limits.md.
"""

from collector.rate_limits.limiter import Allowance, RateLimiter

__all__ = ["Allowance", "RateLimiter"]
