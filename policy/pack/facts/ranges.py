"""Ranges of addresses: which are the internet."""

import ipaddress
from collections.abc import Iterable
from typing import Any

_PRIVATE = (ipaddress.IPv6Network("fc00::/7"), ipaddress.IPv6Network("fe80::/10"))


def is_anywhere(cidr: Any) -> bool:
    """Whether a range is the internet, or such a part of it that it makes no difference."""
    return are_anywhere([cidr])


def are_anywhere(cidrs: Iterable[Any]) -> bool:
    """The same of ranges together: two halves are a whole. Nobody has a /7 of IPv4 or a /15 of IPv6 to
    themselves."""
    fourth, sixth = [], []
    for cidr in cidrs:
        if cidr == "*":
            return True
        try:
            network = ipaddress.ip_network(str(cidr), strict=False)
        except ValueError:
            continue
        if isinstance(network, ipaddress.IPv4Network):
            fourth.append(network)
        elif not any(network.subnet_of(private) for private in _PRIVATE):
            sixth.append(network)
    return any(each.prefixlen < 8 for each in ipaddress.collapse_addresses(fourth)) or any(
        each.prefixlen < 16 for each in ipaddress.collapse_addresses(sixth)
    )
