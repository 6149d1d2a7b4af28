"""The contract and the shared doors of Eventrail's services."""

__version__ = "0.1.0"
