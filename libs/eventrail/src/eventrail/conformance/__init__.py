"""Whether a live topic keeps the contract of docs/subscribe.md, as subscribers see it."""
