"""Linked data signatures (RsaSignature2017), as Mastodon makes and reads them.

They are only made: Mastodon, and relays of its style, pass an activity on only if it bears one.
What they cover is a graph, and a document can be rearranged without changing its graph
(CVE-2026-46349), so that nobody is believed for bearing one.
"""

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from activitypub.contexts.terms import SECURITY_V1
from activitypub.jsonld import canonical_quads

SIGNATURE_TYPE: Final = "RsaSignature2017"
_OPTIONS_CONTEXT: Final = "https://w3id.org/identity/v1"
_NOT_COVERED: Final = frozenset({"type", "id", "signatureValue"})


def with_security_context(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document with the context that names the signature. A proof covers contexts: call
    this before one is made."""
    given = document.get("@context")
    contexts = given if isinstance(given, list) else [] if given is None else [given]
    if SECURITY_V1 in contexts:
        return dict(document)
    urls = [one for one in contexts if isinstance(one, str)]
    terms = [one for one in contexts if not isinstance(one, str)]
    return {**document, "@context": [*urls, SECURITY_V1, *terms]}


def add_signature(
    document: Mapping[str, Any], *, key_id: str, private_key: RSAPrivateKey, now: datetime
) -> dict[str, Any]:
    """Return the document with a signature of the key `key_id` over it, its proof included.

    Takes about 10 ms: call it in a thread. Raises DocumentError for what is no JSON-LD.
    """
    options = {
        "type": SIGNATURE_TYPE,
        "creator": key_id,
        "created": f"{now.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat()}Z",
    }
    signature = private_key.sign(covered_bytes(document, options), PKCS1v15(), SHA256())
    value = base64.b64encode(signature).decode("ascii")
    return {**document, "signature": {**options, "signatureValue": value}}


def covered_bytes(document: Mapping[str, Any], signature: Mapping[str, Any]) -> bytes:
    """Return the bytes that such a signature signs: two hashes in hexadecimal digits."""
    options = {key: value for key, value in signature.items() if key not in _NOT_COVERED}
    bare = {key: value for key, value in document.items() if key != "signature"}
    hashes = [
        hashlib.sha256(canonical_quads(one)).hexdigest()
        for one in ({**options, "@context": _OPTIONS_CONTEXT}, bare)
    ]
    return "".join(hashes).encode("ascii")
