"""The HTTP face: one file per endpoint, and what their documentation shares."""
