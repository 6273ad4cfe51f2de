"""What Mastodon leaves out of some activities: the id of an Add or Remove, the actor of a
FeatureRequest. Who signed the request is known, and speaks for nobody else."""

import hashlib
from typing import Any, Final

from activitypub.signatures import SignedRequest

_WITHOUT_ID: Final = frozenset({"Add", "Remove"})
_WITHOUT_ACTOR: Final = frozenset({"FeatureRequest"})


def completed(
    document: dict[str, Any], signer: str, request: SignedRequest
) -> dict[str, Any] | None:
    """Give the activity with what is missing; None where nothing is, or nothing may be.

    The id is made of the signature: the same request brought again is the same activity, while
    the same words signed anew are not.
    """
    kind, missing = str(document.get("type")), dict[str, str]()
    if kind in _WITHOUT_ACTOR and "actor" not in document:
        missing["actor"] = signer
    if kind in _WITHOUT_ID and "id" not in document:
        said = request.headers.get("signature", "").encode() + request.body
        missing["id"] = f"{signer}#unnamed-{hashlib.sha256(said).hexdigest()[:32]}"
    if not missing or "proof" in document:
        return None
    return {**document, **missing}
