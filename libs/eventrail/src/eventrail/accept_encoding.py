"""Which content codings a client takes: the header Accept-Encoding (RFC 9110, 12.5.3)."""


def takes(accept_encoding: str, coding: str) -> bool:
    """Whether a client with this header ("" where it sent none) takes `coding`, a lower-case name.

    `*` speaks for what the header does not name. A weight that is no number counts as a refusal: what is sent plain
    can be read by everyone.
    """
    weights = dict(map(_weighed, accept_encoding.lower().split(",")))
    return weights.get(coding, weights.get("*", 0.0)) > 0


def _weighed(part: str) -> tuple[str, float]:
    name, *parameters = (piece.strip() for piece in part.split(";"))
    weights = [parameter.removeprefix("q=") for parameter in parameters if parameter.startswith("q=")]
    try:
        return name, float(weights[0]) if weights else 1.0
    except ValueError:
        return name, 0.0
