"""Checks of single values that a type and bounds cannot express. Each gives the value to keep."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

from activitypub.errors import DocumentError
from activitypub.onions import is_onion, is_onion_service
from activitypub.origins import host_of
from activitypub.webfinger import normalise_domain
from fedserver.config.values import WrongValue

_PORT = re.compile(r":([1-9][0-9]{0,4})$")
_POSTGRES = ("postgresql://", "postgres://")


def domain(text: str) -> str:
    """Give `text` in the one form in which domains are compared here and everywhere else."""
    if "/" in text or "@" in text:
        raise WrongValue(f'needs the name alone, without https:// and slashes, not "{text}"')
    if text.startswith("["):
        return address_and_port(text)
    try:
        return normalise_domain(text)
    except DocumentError as error:
        raise WrongValue(f'"{text}" is no host name: {error}') from error


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise WrongValue(f'"{text}" is no IP address') from error


def networks(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Check that all are addresses or networks."""
    for text in texts:
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError as error:
            raise WrongValue(f'"{text}" is neither an IP address nor a network') from error
    return texts


def address_and_port(text: str) -> str:
    """Check "address" or "address:port"; IPv6 with a port stands in brackets."""
    port = _PORT.search(text) if text.count(":") == 1 or "]:" in text else None
    if port and int(port[1]) > 65535:
        raise WrongValue(f'"{text}": there is no such port')
    _address((text[: port.start()] if port else text).strip("[]"))
    return text


def addresses(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Check every one with `address_and_port`."""
    return tuple(address_and_port(text) for text in texts)


def host_map(table: Mapping[str, str]) -> Mapping[str, str]:
    """Check that every name leads to an address with a port."""
    for text in table.values():
        if not _PORT.search(text):
            raise WrongValue(f'"{text}" needs a port')
        address_and_port(text)
    return table


def postgres_url(text: str) -> str:
    """Check that it is empty or a PostgreSQL URL. Its text is not shown: it holds a password."""
    if text and not text.startswith(_POSTGRES):
        raise WrongValue("needs a URL that starts with postgresql://")
    return text


def service_url(text: str) -> str:
    """Check that it is empty or the address of a web service."""
    if text and not re.fullmatch(r"https?://[^/?#@\s]+(/[^?#\s]*)?", text):
        raise WrongValue(f'needs an address such as "http://127.0.0.1:5000", not "{text}"')
    return text


def proxy_url(text: str) -> str:
    """Check that it is empty or the address of a SOCKS5 proxy. It may hold a password."""
    if text and not re.fullmatch(r"socks5h?://([^/?#@\s]+@)?[^/?#@\s]+/?", text):
        raise WrongValue("needs the address of a SOCKS5 proxy")
    return text


def doors(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Check that each is the start of an address, and of what a peer would ask: https, or http
    for an onion service and on this machine. Gives them in the one form of hosts."""
    return tuple(_door(text) for text in texts)


def _door(text: str) -> str:
    found = re.fullmatch(r"(https?)://[^/?#@\s]+/?", text)
    if found is None:
        raise WrongValue(f'"{text}" is no address without a path')
    try:
        host = host_of(text)
    except DocumentError as error:
        raise WrongValue(f'"{text}": {error.reason}') from error
    if is_onion(host) and not is_onion_service(host):
        raise WrongValue(f'"{host}" is no name of an onion service: look for a typing error')
    return f"{found[1]}://{host}"


def language_codes(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Check that there is one, and that all are two or three small letters."""
    if not texts or not all(re.fullmatch(r"[a-z]{2,3}(-[A-Za-z]{2,4})?", one) for one in texts):
        raise WrongValue('needs at least one language code, such as ["en", "de"]')
    return texts


CHECKS: Mapping[tuple[str, str], Callable[[Any], Any]] = {
    ("instance", "domain"): domain,
    ("instance", "languages"): language_codes,
    ("server", "trusted_proxies"): networks,
    ("server", "alternates"): doors,
    ("network", "socks"): proxy_url,
    ("database", "url"): postgres_url,
    ("translation", "url"): service_url,
    ("donations", "campaigns_url"): service_url,
    ("development", "reachable_addresses"): addresses,
    ("development", "host_map"): host_map,
}
