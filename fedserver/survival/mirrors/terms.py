"""What two instances agree on: an offer of one inside an acceptance of the other, both signed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fedserver.errors import Invalid
from fedserver.survival.mirrors.partners import CLASSES

OFFER: Final = "MirrorOffer"
ACCEPTANCE: Final = "MirrorAcceptance"
END: Final = "MirrorEnd"
MIN_RETENTION_DAYS: Final = 14
MAX_RETENTION_DAYS: Final = 365
MAX_QUOTA_BYTES: Final = 10**15
_UNITS: Final = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


@dataclass(frozen=True, slots=True)
class Terms:
    """The content of an offer. Who offers keeps `kept_bytes` for who accepts, and is given
    `given_bytes` there."""

    offerer: str
    accepter: str
    kept_bytes: int
    given_bytes: int
    classes: tuple[str, ...]
    retention_days: int
    recovery_did: str | None

    def statement(self) -> dict[str, Any]:
        """Give what is signed."""
        return {
            "type": OFFER,
            "offerer": self.offerer,
            "accepter": self.accepter,
            "offererKeeps": self.kept_bytes,
            "accepterKeeps": self.given_bytes,
            "classes": list(self.classes),
            "retentionDays": self.retention_days,
            "recovery": self.recovery_did,
        }


def read_terms(offer: Mapping[str, Any]) -> Terms:
    """Read an offer; raises Invalid for one that is none, or outside of what can be agreed on."""
    if offer.get("type") != OFFER:
        raise Invalid("That is no offer to mirror each other")
    return Terms(
        offerer=_text(offer, "offerer"),
        accepter=_text(offer, "accepter"),
        kept_bytes=_number(offer, "offererKeeps", 0, MAX_QUOTA_BYTES),
        given_bytes=_number(offer, "accepterKeeps", 0, MAX_QUOTA_BYTES),
        classes=checked_classes(offer.get("classes")),
        retention_days=_number(offer, "retentionDays", MIN_RETENTION_DAYS, MAX_RETENTION_DAYS),
        recovery_did=recovery_of(offer),
    )


def recovery_of(statement: Mapping[str, Any]) -> str | None:
    """Give the recovery key that the signer of an offer or acceptance names as its own."""
    did = statement.get("recovery")
    return did if isinstance(did, str) and did.startswith("did:key:") else None


def checked_classes(classes: object) -> tuple[str, ...]:
    """Give the classes of things that are kept; raises Invalid for unknown ones, or none."""
    given = tuple(classes) if isinstance(classes, list | tuple) else ()
    if not given or not set(given) <= set(CLASSES):
        raise Invalid(f"The classes are some of: {', '.join(CLASSES)}")
    return tuple(one for one in CLASSES if one in given)


def read_bytes(text: str) -> int:
    """Read `10GB` or `500 MB`; raises Invalid."""
    number = text.strip().rstrip("BbKkMmGgTt ")
    unit = text.strip()[len(number) :].strip().upper()
    if not number.isascii() or not number.isdigit() or unit not in _UNITS:
        raise Invalid(f"“{text}” is not an amount of bytes, such as 500MB or 10GB")
    return int(number) * _UNITS[unit]


def _text(offer: Mapping[str, Any], name: str) -> str:
    found = offer.get(name)
    if not isinstance(found, str):
        raise Invalid(f"The offer has no {name}")
    return found


def _number(offer: Mapping[str, Any], name: str, least: int, most: int) -> int:
    found = offer.get(name)
    if not isinstance(found, int) or isinstance(found, bool) or not least <= found <= most:
        raise Invalid(f"{name} is a number from {least} to {most}")
    return found
