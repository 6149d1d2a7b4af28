"""Generated from proto/eventrail/v1 by `python -m devstack.protogen`. Do not edit."""
