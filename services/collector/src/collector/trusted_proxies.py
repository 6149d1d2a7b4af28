"""The networks of the proxies that are believed when they say who sent a request."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

Network = IPv4Network | IPv6Network

_MAPPED: Final = IPv6Network("::ffff:0:0/96")


def parse_networks(text: str) -> tuple[Network, ...]:
    """Networks of comma separated CIDRs or single addresses; none for "".

    A network of IPv4 addresses mapped into IPv6 becomes the IPv4 network. Raises ValueError that names
    each wrong entry: no network, bits set right of the prefix, or all addresses there are (/0), since
    trust in everybody believes whatever a client writes.
    """
    networks: list[Network] = []
    wrong: list[str] = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        try:
            networks.append(_network(entry))
        except ValueError as error:
            wrong.append(str(error))
    if wrong:
        raise ValueError("; ".join(wrong))
    return tuple(networks)


def _network(entry: str) -> Network:
    try:
        loose = ip_network(entry, strict=False)
    except ValueError:
        raise ValueError(
            f"{entry!r} is no network: write an address or a CIDR, such as 10.1.0.0/16"
        ) from None
    if "/" in entry and loose != _strict(entry):
        raise ValueError(f"{entry!r} has bits set beyond its prefix: did you mean {loose}?")
    if isinstance(loose, IPv6Network) and loose.subnet_of(_MAPPED):
        loose = _unmapped(loose)
    if loose.prefixlen == 0:
        raise ValueError(f"{entry!r} would believe whatever any client writes: name your proxies' networks")
    return loose


def _strict(entry: str) -> Network | None:
    try:
        return ip_network(entry)
    except ValueError:
        return None


def _unmapped(network: IPv6Network) -> IPv4Network:
    return IPv4Network((int(network.network_address) & 0xFFFF_FFFF, network.prefixlen - 96))
