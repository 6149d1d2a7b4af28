"""The facts that are added to an event: one idea, one file."""
