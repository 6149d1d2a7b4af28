"""What the steps look things up in: opened once, cached, bounded."""
