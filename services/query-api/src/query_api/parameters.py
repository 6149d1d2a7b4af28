"""Values of a statement: they never stand in its text, only their placeholders do."""

Parameter = str | int | float | list[int] | list[str] | tuple[str, ...] | tuple[float, ...] | tuple[int, ...]


class Parameters:
    """Collects the values of one statement; `values` go to the driver with its text."""

    def __init__(self) -> None:
        self.values: dict[str, Parameter] = {}

    def put(self, name: str, value: Parameter) -> str:
        """The placeholder of `value` under that name. Raises ValueError where the name stands for another value."""
        if self.values.setdefault(name, value) != value:
            raise ValueError(f"two values for the parameter {name}")
        return f"%({name})s"

    def add(self, value: Parameter) -> str:
        """The placeholder of `value` under a name of its own."""
        return self.put(f"p{len(self.values)}", value)
