"""Signed statements: JSON that a recovery key or an instance's key vouches for.

Manifests of the vault, evacuation certificates, contracts between instances and lists of alternates
are all statements. The signature is a FEP-8b32 proof whose key is a `did:key`, so that anybody can
check it with nothing but the statement and the key they trust.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from activitypub.errors import DocumentError, KeyFormatError, SignatureError
from activitypub.keys import did_key, parse_did_key
from activitypub.proofs import add_proof, read_proof, verify_proof
from fedserver.errors import FedserverError


class NotVouchedFor(FedserverError):
    """A statement is unsigned, changed since, or signed by somebody else."""


def sign_statement(
    statement: Mapping[str, Any], *, by: Ed25519PrivateKey, now: datetime
) -> dict[str, Any]:
    """Return the statement with the proof of the key `by`.

    Raises DocumentError for values without canonical JSON (FEP-8b32, RFC 8785).
    """
    return add_proof(statement, key_id=did_key(by.public_key()), private_key=by, now=now)


def check_statement(
    statement: Mapping[str, Any], *, trusted: Collection[str], now: datetime
) -> str:
    """Return which of the `trusted` did:keys signed the statement; raises NotVouchedFor.

    `now` refuses what is from the future or has expired; how old a statement may be is the
    caller's rule.
    """
    try:
        claim = read_proof(statement, now=now)
        if claim.verification_method not in trusted:
            raise NotVouchedFor(f"it is signed by another key, {claim.verification_method}")
        verify_proof(claim, parse_did_key(claim.verification_method))
    except (SignatureError, DocumentError, KeyFormatError) as error:
        raise NotVouchedFor(error.reason) from None
    return claim.verification_method
