"""The signed list of an instance's other addresses: how it is written, and when it is believed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from activitypub.errors import DocumentError
from activitypub.onions import is_onion, is_onion_service
from activitypub.origins import host_of, origin
from fedserver.recovery.statements import NotVouchedFor, check_statement, sign_statement

ALTERNATES: Final = "AlternateDoors"
AUTHORIZATION: Final = "InstanceKeyAuthorization"
VALID_FOR: Final = timedelta(days=30)
MAX_ALTERNATES: Final = 8
# Longer than any list of ours; a peer may be more generous, not without bound.
_MOST_VALID: Final = timedelta(days=92)
_MAX_URL_CHARS: Final = 300


@dataclass(frozen=True, slots=True)
class AlternateList:
    """A list that was believed, with the keys that vouch for it."""

    instance: str
    alternates: tuple[str, ...]
    sequence: int
    expires_at: datetime
    key_did: str
    recovery_did: str | None


@dataclass(frozen=True, slots=True)
class Pin:
    """What is known of an instance from an earlier list."""

    key_did: str
    recovery_did: str | None
    sequence: int


def sign_alternates(
    instance: str,
    alternates: tuple[str, ...],
    *,
    sequence: int,
    by: Ed25519PrivateKey,
    now: datetime,
) -> dict[str, Any]:
    """Write the list of the instance at `instance` ("https://social.example")."""
    statement = {
        "type": ALTERNATES,
        "instance": instance,
        "alternates": list(alternates),
        "sequence": sequence,
        "expires": f"{now + VALID_FOR:%Y-%m-%dT%H:%M:%SZ}",
    }
    return sign_statement(statement, by=by, now=now)


def read_alternates(
    published: object, *, instance: str, pin: Pin | None, now: datetime, plain_http: bool = False
) -> AlternateList:
    """Read what an instance publishes: its list, and what vouches for the key that signed it.

    Without a `pin` the key is taken as it comes, so the list must come from the instance itself.
    With one, only its key counts, or another that its recovery key authorizes; and no older list.
    Raises NotVouchedFor.
    """
    if not isinstance(published, Mapping) or not isinstance(published.get("statement"), Mapping):
        raise NotVouchedFor("there is no statement")
    statement: Mapping[str, Any] = published["statement"]
    if statement.get("type") != ALTERNATES or statement.get("instance") != instance:
        raise NotVouchedFor("the list is not that instance's")
    key = check_statement(statement, trusted=[_claimed_key(statement)], now=now)
    recovery = _recovery_of(published, instance, key, now)
    _check_key(key, recovery, pin)
    found = AlternateList(
        instance,
        _addresses(statement.get("alternates"), instance, plain_http),
        _sequence(statement),
        _expiry(statement, now),
        key,
        recovery or (pin.recovery_did if pin else None),
    )
    if pin is not None and found.sequence < pin.sequence:
        raise NotVouchedFor("the list is older than the one that is known")
    return found


def _claimed_key(statement: Mapping[str, Any]) -> str:
    proof = statement.get("proof")
    method = proof.get("verificationMethod") if isinstance(proof, Mapping) else None
    return method if isinstance(method, str) else ""


def _recovery_of(
    published: Mapping[str, Any], instance: str, key: str, now: datetime
) -> str | None:
    """Give the recovery key that authorized `key`, if one did."""
    authorization = published.get("authorization")
    if authorization is None:
        return None
    if not isinstance(authorization, Mapping) or authorization.get("type") != AUTHORIZATION:
        raise NotVouchedFor("the authorization is none")
    if authorization.get("instance") != instance or authorization.get("key") != key:
        raise NotVouchedFor("the authorization is for another instance or key")
    return check_statement(authorization, trusted=[_claimed_key(authorization)], now=now)


def _check_key(key: str, recovery: str | None, pin: Pin | None) -> None:
    if pin is None or key == pin.key_did:
        return
    if pin.recovery_did is None or recovery != pin.recovery_did:
        raise NotVouchedFor("it is signed by another key than the lists before")


def _addresses(given: object, instance: str, plain_http: bool) -> tuple[str, ...]:
    if not isinstance(given, list) or len(given) > MAX_ALTERNATES:
        raise NotVouchedFor("the list is too long, or none")
    found = (_address(one, plain_http) for one in given)
    return tuple(dict.fromkeys(one for one in found if one and one != instance))


def _address(given: object, plain_http: bool) -> str | None:
    """Give an address in its one spelling; None for what no request would be made to."""
    if not isinstance(given, str) or len(given) > _MAX_URL_CHARS:
        return None
    try:
        scheme, host = origin(given).partition("://")[0], host_of(given)
    except DocumentError:
        return None
    if is_onion(host) and not is_onion_service(host):
        return None
    return f"{scheme}://{host}" if scheme == "https" or is_onion(host) or plain_http else None


def _sequence(statement: Mapping[str, Any]) -> int:
    sequence = statement.get("sequence")
    if type(sequence) is not int or not 0 <= sequence < 2**53:
        raise NotVouchedFor("the list has no sequence number")
    return sequence


def _expiry(statement: Mapping[str, Any], now: datetime) -> datetime:
    try:
        expires_at = datetime.fromisoformat(str(statement.get("expires")))
    except ValueError:
        raise NotVouchedFor("the list does not say when it expires") from None
    if expires_at.tzinfo is None or not now < expires_at <= now + _MOST_VALID:
        raise NotVouchedFor("the list has expired, or lasts too long")
    return expires_at
