"""Addresses of servers: written in one way, and never those of a machine's own metadata.

``/v1`` and ``/v1/`` are one server with one cache of answers. Link-local addresses serve a cloud
machine's credentials to whoever asks from it; no teacher lives there.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import unicodedata
from urllib.parse import urlsplit, urlunsplit

_QUOTES = " \t\r\n\"'`<>“”„‘’«»"
_ENDPOINT = re.compile(r"/(?:chat/completions|decisions|systemone)/*\Z")
_PORTS = {"http": 80, "https": 443}
# What clouds serve their metadata at, beside link-local addresses.
_METADATA = {
    *("metadata", "metadata.google.internal", "metadata.goog", "metadata.azure.internal"),
    *("instance-data", "instance-data.ec2.internal", "metadata.tencentyun.com"),
}
_METADATA_IPS = {
    ipaddress.ip_address(ip)
    for ip in ("fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16")
}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NUMERIC = re.compile(r"(?:0x[0-9a-f]+|\d+)(?:\.(?:0x[0-9a-f]+|\d+)){0,3}", re.IGNORECASE)


def clean_base_url(value: str) -> str:
    """The address without white space or quotes around it, a slash or the endpoint at its end.

    Raises ValueError with a sentence for one with white space or control characters inside, a
    secret in it, or a link-local or metadata server.
    """
    url = value.strip(_QUOTES)
    if any(sign.isspace() or not sign.isprintable() for sign in url):
        raise ValueError(
            "a base URL has no line break, space or control character in it, for example "
            "http://127.0.0.1:8000/v1"
        )
    # It stands in the arguments of jobs, which any process list shows.
    if any(mark in url for mark in "@?#"):
        raise ValueError(
            "a base URL holds no user name, password or '@' and ends with its path, for "
            "example http://127.0.0.1:8000/v1. Set OPENAI_API_KEY to the key"
        )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return url  # opening it says what is wrong
    if parts.scheme not in _PORTS or not host:
        return url
    if is_metadata(host):
        raise ValueError(metadata_refusal(host))
    path = _ENDPOINT.sub("", parts.path.rstrip("/")).rstrip("/")
    place = f"[{host}]" if ":" in host else host
    if port is not None and port != _PORTS[parts.scheme]:
        place += f":{port}"
    return urlunsplit((parts.scheme, place, path, "", ""))


def metadata_refusal(host: str) -> str:
    """The sentence for an address that no text and no key is sent to."""
    return (
        f"{host} is a link-local or metadata address, at which machines in a cloud find their own "
        "credentials: nothing is sent there. Name the server of a model"
    )


def is_metadata(host: str) -> bool:
    """Whether a host, as it is written, is a link-local or metadata address; no name is looked up.

    All ways to write an IPv4 address count (decimal, hexadecimal, inside an IPv6 address).
    """
    name = unicodedata.normalize("NFKC", host).casefold().strip("[]").rstrip(".")
    if name in _METADATA:
        return True
    address = _address(name)
    return address is not None and _is_metadata_ip(address)


def is_loopback(host: str) -> bool:
    """Whether a host, as it is written, is this machine."""
    name = host.casefold().strip("[]").rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    return address is not None and any(a.is_loopback or a.is_unspecified for a in _forms(address))


def host_and_port(url: str) -> str:
    """``host:port`` of a base URL, the port always written. Raises ValueError for no such URL."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(f"no server is named in {url!r}")
    return f"{parts.hostname}:{parts.port or _PORTS[parts.scheme]}"


_IP = ipaddress.IPv4Address | ipaddress.IPv6Address


def _address(name: str) -> _IP | None:
    bare = name.partition("%")[0]  # without the zone of a link-local address
    try:
        return ipaddress.ip_address(bare)
    except ValueError:
        pass
    if _NUMERIC.fullmatch(bare):
        try:
            return ipaddress.ip_address(socket.inet_aton(bare))
        except OSError:
            return None
    return None


def _forms(address: _IP) -> list[_IP]:
    """The address, and the IPv4 addresses that an IPv6 one stands for."""
    forms: list[_IP] = [address]
    if isinstance(address, ipaddress.IPv6Address):
        inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        forms += [ip for ip in inner if ip is not None]
        if address in _NAT64 or (int(address) >> 32 == 0 and int(address) > 1):
            forms.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return forms


def _is_metadata_ip(address: _IP) -> bool:
    return any(ip.is_link_local or ip in _METADATA_IPS for ip in _forms(address))
