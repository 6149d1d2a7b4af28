"""What the table `events` holds: an enriched event as a row, pure and shared by all who write rows."""
