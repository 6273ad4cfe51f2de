"""Verifying a received request in two steps: read what it claims, then check it with a key.

Between the two the caller finds the key that `Claim.key_id` names, which may need the network.
"""

from datetime import datetime

from activitypub.errors import SignatureError
from activitypub.keys import PublicKey
from activitypub.signatures.cavage import check_cavage, read_cavage
from activitypub.signatures.request import Claim, Dialect, SignedRequest
from activitypub.signatures.rfc9421 import check_rfc9421, read_rfc9421


def read_claim(request: SignedRequest, *, now: datetime) -> Claim:
    """Who a request says signed it, after every check that needs no key.

    These are: sizes and grammar, covered components (rule: request target, host, time, and the
    digest of any body), clock window, expiry, and the digest compared with the raw body. Takes RFC
    9421 when Signature-Input is there, and draft-cavage otherwise or when only that one passes.
    Raises SignatureError with the reason. Cheap: it costs no asymmetric cryptography.
    """
    signature = request.headers.get("signature")
    if signature is None:
        raise SignatureError("request is not signed")
    if "signature-input" not in request.headers:
        return read_cavage(request, now)
    try:
        return read_rfc9421(request, now)
    except SignatureError:
        if "keyid=" not in signature.lower():
            raise
    return read_cavage(request, now)


def check_signature(claim: Claim, public_key: PublicKey) -> None:
    """Verify a claim with the key its key id names; raises SignatureError if it is not proven.

    The algorithm comes from the kind of key, never from the message. Thread-safe. This proves who
    holds the key, not that the key's owner may say what the request says.
    """
    if claim.dialect is Dialect.CAVAGE:
        check_cavage(claim, public_key)
    else:
        check_rfc9421(claim, public_key)
