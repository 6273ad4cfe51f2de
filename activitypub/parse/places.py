"""`location`: where something is or happens."""

from typing import Any

from activitypub.model import Place
from activitypub.parse import scalars
from activitypub.parse.limits import MAX_NAME_CHARS

_MAX_LOCATIONS = 4
# schema:PostalAddress, which Mobilizon and its like write.
_ADDRESS_LINES = (
    "streetAddress",
    "postalCode",
    "addressLocality",
    "addressRegion",
    "addressCountry",
)


def parse_location(value: Any) -> Place | None:
    """Read a place: an object with a name, perhaps an address, or a bare text. Of several the first
    that says something."""
    for member in scalars.listed(value, _MAX_LOCATIONS):
        found = _place(member)
        if found is not None:
            return found
    return None


def _place(value: Any) -> Place | None:
    if isinstance(value, str):
        name = scalars.text(value, MAX_NAME_CHARS)
        return Place(name) if name else None
    if not isinstance(value, dict):
        return None
    name = scalars.text(value.get("name"), MAX_NAME_CHARS)
    address = _address(value.get("address"))
    url = scalars.reference(value.get("url"))
    return Place(name, address, url) if name or address or url else None


def _address(value: Any) -> str | None:
    if not isinstance(value, dict):
        return scalars.text(value, MAX_NAME_CHARS)
    lines = (scalars.text(value.get(line), MAX_NAME_CHARS) for line in _ADDRESS_LINES)
    return ", ".join(line for line in lines if line)[:MAX_NAME_CHARS] or None
