"""Public keys in documents: `publicKey` (security/v1) and `assertionMethod` (FEP-521a)."""

from collections.abc import Mapping
from typing import Any

from activitypub.model import ActorKey
from activitypub.parse import scalars
from activitypub.parse.limits import MAX_KEY_CHARS, MAX_KEYS


def parse_keys(document: Mapping[str, Any]) -> tuple[ActorKey, ...]:
    """Return the keys of an actor document: first those in PEM, then the Multikeys.

    Keys given by id only, without an owner, or with an id that is no URL are left out.
    """
    pem_keys = scalars.objects(document.get("publicKey"), MAX_KEYS)
    multikeys = scalars.objects(document.get("assertionMethod"), MAX_KEYS)
    found = [parse_key(key) for key in (*pem_keys, *multikeys)]
    return tuple(key for key in found if key is not None)[:MAX_KEYS]


def parse_key(document: Mapping[str, Any]) -> ActorKey | None:
    """Read one key, embedded in an actor or served by itself. None if it is unusable."""
    id_ = scalars.reference(document.get("id"))
    owner = scalars.reference(document.get("owner") or document.get("controller"))
    pem = scalars.token(document.get("publicKeyPem"), MAX_KEY_CHARS)
    multikey = scalars.token(document.get("publicKeyMultibase"), MAX_KEY_CHARS)
    if id_ is None or owner is None or (pem is None and multikey is None):
        return None
    ends = [scalars.time(document.get(name)) for name in ("expires", "revoked")]
    expires = min((one for one in ends if one is not None), default=None)
    return ActorKey(id_, owner, pem, None if pem else multikey, expires)


def key_owner(document: Mapping[str, Any]) -> str | None:
    """Return whom a document fetched from a key id names as the owner of the key.

    It may be the key itself, the actor, or the actor's stub. A claim, nothing more: the
    owner's own document has to list the key (`trust.check_key_owner`).
    """
    key = document if "publicKey" not in document else scalars.first(document["publicKey"])
    if not isinstance(key, dict):
        return None
    return scalars.reference(key.get("owner") or key.get("controller"))
