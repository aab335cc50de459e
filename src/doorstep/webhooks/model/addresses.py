"""Where is delivered to: the rules of an endpoint's URL, and which addresses of the network are everybody's.

A webhook is a request that our server makes to a place that a client names. So it must lead out of our own network, whatever the name says: an
address is looked up at each try, **every** address that comes of it must be global, and the connection goes to the one that was looked at.
"""

import ipaddress
from urllib.parse import urlsplit

from doorstep.webhooks.errors import AddressRefused

MOST_CHARACTERS = 2_000

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_SITE_LOCAL = ipaddress.ip_network("fec0::/10")


def is_global(text: str) -> bool:
    """Whether an IP address is one of the public internet, also by way of what is packed into it (IPv4 in IPv6, 6to4, Teredo, NAT64)."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address in _SITE_LOCAL or address.teredo is not None:
            return False
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_global(str(inner))
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def check_url(url: str, *, private: bool) -> str:
    """The URL, if an endpoint may have it; ``private``: also http and addresses of one's own network. Raises AddressRefused.

    Names are looked up at each delivery, not here: what one means today says nothing of tomorrow.
    """
    if len(url) > MOST_CHARACTERS or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise AddressRefused(f"A URL is at most {MOST_CHARACTERS:,} printable ASCII characters without spaces.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise AddressRefused("This is no URL such as https://example.com/webhooks.") from error
    if parts.scheme not in ({"http", "https"} if private else {"https"}):
        raise AddressRefused(f"Give a URL that begins with {'http:// or https://' if private else 'https://'}.")
    if not host or port == 0:
        raise AddressRefused("The URL names no host such as example.com.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise AddressRefused("A URL has neither a user name nor a fragment: requests are known by their signature.")
    if not private and _is_literal(host) and not is_global(host):
        raise AddressRefused(
            "This address is not one of the public internet: it needs the operator's DOORSTEP_WEBHOOKS_PRIVATE."
        )
    return url


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
