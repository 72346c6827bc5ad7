"""Knows which ranges of addresses are the internet."""

import ipaddress
from collections.abc import Iterable
from typing import Any

from policy.pack.model import UNKNOWN

_PRIVATE = tuple(
    ipaddress.ip_network(each)
    for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "fe80::/10")
)
_LIMITS = {4: 2**25, 6: 2**113}
"""Addresses of each version of IP that nobody has to themselves: a /7 of IPv4, a /15 of IPv6."""
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def is_anywhere(cidr: Any) -> bool:
    """True if a range is the internet, or such a part of it that it makes no difference."""
    return are_anywhere([cidr])


def are_anywhere(cidrs: Iterable[Any]) -> bool:
    """The same of ranges together: two halves are a whole, and so is every second part of 256."""
    found: dict[int, list[Any]] = {4: [], 6: []}
    for cidr in cidrs:
        if cidr == "*":
            return True
        network = _network(cidr)
        if network is not None and not _is_private(network):
            found[network.version].append(network)
    return any(
        sum(each.num_addresses for each in ipaddress.collapse_addresses(networks)) >= _LIMITS[version]
        for version, networks in found.items()
    )


def is_no_range(cidr: Any) -> bool:
    """True if a value is given and known, and no range of addresses: a cloud may read it in a way of its
    own."""
    return not (cidr is None or cidr is UNKNOWN or cidr == "*") and _network(cidr) is None


def no_range(cidr: Any) -> str:
    """Returns the message for a value that is no range."""
    return f"has {cidr!r}, which is no range of addresses: write it as 192.0.2.0/24"


def _network(cidr: Any) -> _Network | None:
    try:
        return ipaddress.ip_network(str(cidr), strict=False)
    except ValueError:
        return None


def _is_private(network: _Network) -> bool:
    return any(
        network.version == private.version
        and network.network_address in private
        and network.broadcast_address in private
        for private in _PRIVATE
    )
