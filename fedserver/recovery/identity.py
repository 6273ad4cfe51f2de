"""What a person's recovery key says of an account: that it is theirs, and which key comes next.

`VerifiableIdentityStatement` is FEP-c390's; it stands in `attachment` of the actor. The rotation
stands beside it, signed by the key that goes, so that whoever knows that key can follow.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from activitypub.contexts.terms import ACTIVITYSTREAMS, DATA_INTEGRITY
from fedserver.recovery.keys import RecoveryKey
from fedserver.recovery.statements import NotVouchedFor, check_statement, sign_statement

Json = dict[str, Any]

IDENTITY: Final = "VerifiableIdentityStatement"
ROTATION: Final = "RecoveryKeyRotation"
REMOVAL: Final = "RecoveryKeyRemoval"

_C390: Final = "https://w3id.org/fep/c390#"
_CONTEXT: Final = [
    ACTIVITYSTREAMS,
    DATA_INTEGRITY,
    {IDENTITY: f"{_C390}{IDENTITY}", "subject": f"{_C390}subject"},
]


def claim_identity(key: RecoveryKey, actor_uri: str, now: datetime) -> Json:
    """Return the statement that the key's holder is who `actor_uri` is (FEP-c390)."""
    statement = {
        "@context": _CONTEXT,
        "type": IDENTITY,
        "subject": key.public.did,
        "alsoKnownAs": actor_uri,
    }
    return sign_statement(statement, by=key.signing, now=now)


def rotate(old: RecoveryKey, new_did: str, actor_uri: str, now: datetime) -> Json:
    """Return the statement that the key `new_did` takes the place of `old`."""
    statement = {
        "type": ROTATION,
        "subject": old.public.did,
        "successor": new_did,
        "alsoKnownAs": actor_uri,
    }
    return sign_statement(statement, by=old.signing, now=now)


def give_up(key: RecoveryKey, actor_uri: str, now: datetime) -> Json:
    """Return the statement that the key is not `actor_uri`'s any more, and none takes its place."""
    statement = {"type": REMOVAL, "subject": key.public.did, "alsoKnownAs": actor_uri}
    return sign_statement(statement, by=key.signing, now=now)


def check_identity(statement: Mapping[str, Any], actor_uri: str, now: datetime) -> str:
    """Return the did:key whose holder says that they are `actor_uri`; raises NotVouchedFor."""
    return _check(statement, IDENTITY, actor_uri, now)


def check_rotation(statement: Mapping[str, Any], actor_uri: str, now: datetime) -> tuple[str, str]:
    """Return the old did:key, which signed it, and the new one; raises NotVouchedFor."""
    old = _check(statement, ROTATION, actor_uri, now)
    new = statement.get("successor")
    if not isinstance(new, str) or new == old:
        raise NotVouchedFor("it names no successor")
    return old, new


def check_removal(statement: Mapping[str, Any], actor_uri: str, now: datetime) -> str:
    """Return the did:key that is given up, which signed it; raises NotVouchedFor."""
    return _check(statement, REMOVAL, actor_uri, now)


def _check(statement: Mapping[str, Any], kind: str, actor_uri: str, now: datetime) -> str:
    subject = statement.get("subject")
    if statement.get("type") != kind or not isinstance(subject, str):
        raise NotVouchedFor(f"it is no {kind}")
    if statement.get("alsoKnownAs") != actor_uri:
        raise NotVouchedFor("it is about another account")
    return check_statement(statement, trusted=[subject], now=now)
