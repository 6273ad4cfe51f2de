"""Signing requests and verifying signed ones, after draft-cavage and RFC 9421."""

from activitypub.signatures.cavage import sign_cavage
from activitypub.signatures.negotiation import SignatureWish, accept_signature, read_wish
from activitypub.signatures.request import Claim, Dialect, SignedRequest
from activitypub.signatures.rfc9421 import sign_rfc9421
from activitypub.signatures.verification import check_signature, read_claim

__all__ = [
    "Claim",
    "Dialect",
    "SignatureWish",
    "SignedRequest",
    "accept_signature",
    "check_signature",
    "read_claim",
    "read_wish",
    "sign_cavage",
    "sign_rfc9421",
]
