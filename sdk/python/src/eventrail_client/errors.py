"""What can go wrong for a caller.

ValueError
└── InvalidEvent    an event breaks a rule of the collector

What can go wrong on the way raises nothing: the event is kept and sent again.
"""


class InvalidEvent(ValueError):
    """An event that the collector would refuse; `code` and `field` are as the collector would name them."""

    def __init__(self, message: str, field: str, code: str = "validation_error") -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.code = code
