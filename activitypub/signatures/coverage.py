"""Which headers the signature of a request speaks for."""

from activitypub.signatures.cavage import parse_parameters
from activitypub.signatures.request import SignedRequest
from activitypub.signatures.rfc9421 import covered_names


def covers(request: SignedRequest, name: str) -> bool:
    """Say whether the signatures of `request`, all of them, cover the header `name`.

    To be asked of a request that was verified. Raises SignatureError for a malformed signature.
    """
    wanted = name.lower()
    if "signature-input" in request.headers:
        signed = covered_names(request)
        return bool(signed) and all(wanted in names for names in signed)
    return wanted in parse_parameters(request.headers.get("signature", "")).headers
