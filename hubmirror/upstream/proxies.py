"""Which proxy a URL goes through, by the variables that every tool honours."""

from __future__ import annotations

import ipaddress
import urllib.request
from collections.abc import Mapping
from urllib.parse import urlsplit


def proxy_for(url: str, proxies: Mapping[str, str]) -> str:
    """Return the proxy for a URL, or nothing when it is asked directly.

    Args:
        url: What is to be fetched.
        proxies: As ``urllib.request.getproxies_environment`` gives them; ``no`` lists hosts,
            domain suffixes and networks (``10.0.0.0/8``) that are asked directly.
    """
    parts = urlsplit(url)
    proxy = proxies.get(parts.scheme) or proxies.get("all", "")
    if not proxy or _is_exempt(parts.hostname or "", proxies.get("no", "")):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_exempt(host: str, exceptions: str) -> bool:
    if urllib.request.proxy_bypass_environment(host, {"no": exceptions}):  # type: ignore[attr-defined] # typeshed leaves it out
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(_holds(network.strip(), address) for network in exceptions.split(","))


def _holds(network: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
