"""What a client sent, read and judged: bytes in, members and refusals out; no IO."""
