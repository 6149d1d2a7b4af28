"""Sends events to an Eventrail collector, in the background; docs/python-client.md shows how."""

from eventrail_client.async_client import AsyncClient
from eventrail_client.client import Client
from eventrail_client.delivery import Counts, Refusal
from eventrail_client.errors import InvalidEvent
from eventrail_client.events import Fields
from eventrail_client.options import Options
from eventrail_client.properties import Json, Properties
from eventrail_client.tracking import Visitor

__all__ = [
    "AsyncClient",
    "Client",
    "Counts",
    "Fields",
    "InvalidEvent",
    "Json",
    "Options",
    "Properties",
    "Refusal",
    "Visitor",
]
