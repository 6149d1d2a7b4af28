"""How far Eventrail scales, reckoned from what it costs on one machine (docs/scaling.md)."""
