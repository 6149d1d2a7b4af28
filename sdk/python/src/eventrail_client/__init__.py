"""Sends events to an Eventrail collector, in the background."""
