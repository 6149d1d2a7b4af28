"""The websites of this installation, from one file.

- `model`: what is known of a website
- `listing`: the seam `Websites` with its open twin and the listed one
- `yaml_tree`, `reading`: from the bytes of `websites.yaml` to a listing, or every error with its line
- `watching`: the file kept fresh, a broken new version kept out
- `domains`, `origins`, `keys`: host names, allowed origins, server keys
- `settings`, `metrics`, `command`: the doors
"""

from eventrail.websites.listing import ListedWebsites, OpenWebsites, Websites
from eventrail.websites.model import RateLimit, RateLimits, ServerKey, Website

__all__ = ["ListedWebsites", "OpenWebsites", "RateLimit", "RateLimits", "ServerKey", "Website", "Websites"]
