"""HTTP Message Signatures (RFC 9421), in the profile that Mastodon 4.5 and later require."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import http_sf
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureAlgorithm,
    MappingKeyResolver,
)
from http_message_signatures.algorithms import ED25519, RSA_PSS_SHA512, RSA_V1_5_SHA256

from activitypub.digests import check_content_digest, content_digest_header
from activitypub.errors import SignatureError
from activitypub.keys import PrivateKey, PublicKey
from activitypub.signatures.negotiation import SignatureWish
from activitypub.signatures.request import (
    MAX_COVERED,
    MAX_SIGNATURE_BYTES,
    Claim,
    Dialect,
    SignedRequest,
    authority,
    check_age,
    check_expiry,
    check_key_id,
    check_size,
    covered_field,
    http_date,
    needs_digest,
    split_url,
)

LABEL: Final = "sig1"
_EXPIRES_AFTER: Final = timedelta(hours=1)
MAX_LABELS: Final = 8
_REQUIRED: Final = ("@method", "@target-uri")
_CONTENT_DIGEST: Final = "content-digest"
# The kind of key says what may be tried, never the message alone (RFC 9421 §7.3.6); PKCS #1 v1.5
# comes first, which nearly everybody signs with.
_RSA_ALGORITHMS: Final = (RSA_V1_5_SHA256, RSA_PSS_SHA512)
_KNOWN_ALGORITHMS: Final = (
    *(None, ED25519.algorithm_id),
    *(algorithm.algorithm_id for algorithm in _RSA_ALGORITHMS),
)


@dataclass(slots=True)
class _Message:
    """The view of a request that http-message-signatures asks for."""

    method: str
    url: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One labelled signature of a message, taken apart but not yet checked."""

    components: tuple[tuple[object, Mapping[str, object]], ...]
    parameters: Mapping[str, object]
    signature: bytes
    input_field: str
    signature_field: str


class _Verifier(HTTPMessageVerifier):
    """The library's verifier without its look at the system clock; `read_rfc9421` checks times."""

    def validate_created_and_expires(
        self, sig_input: object, max_age: timedelta | None = None
    ) -> None:
        """Nothing: the times were checked against the caller's clock."""


def sign_rfc9421(
    method: str,
    url: str,
    *,
    key_id: str,
    private_key: PrivateKey,
    now: datetime,
    body: bytes | None = None,
    content_type: str | None = None,
    wish: SignatureWish | None = None,
    more: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """All headers that sign a request: Host, Date, Signature-Input, Signature, and with a body
    Content-Digest (and Content-Type if given).

    Covers @method, @target-uri, with a body content-digest, and the headers `more`; parameters
    created, keyid, alg. What the receiver wished for (§5) is added to that, unless it wants another
    key or algorithm. Pure and thread-safe. Raises SignatureError for an unusable URL.
    """
    headers = {"Host": authority(split_url(url)), "Date": http_date(now)}
    if content_type is not None:
        headers["Content-Type"] = content_type
    if body is not None:
        headers["Content-Digest"] = content_digest_header(body)
    headers.update(more or {})
    algorithm = _algorithms_for(private_key)[0]
    if wish is None or not _is_ours_to_fulfil(wish, key_id, algorithm):
        components = (*_REQUIRED, _CONTENT_DIGEST) if body is not None else _REQUIRED
        wish = SignatureWish(LABEL, components)
    covered = dict.fromkeys([*wish.components, *(name.lower() for name in more or {})])
    signer = HTTPMessageSigner(
        signature_algorithm=algorithm,
        key_resolver=MappingKeyResolver(public_keys={}, private_keys={key_id: private_key}),
    )
    message = _Message(method.upper(), url, headers)
    try:
        signer.sign(
            message,
            key_id=key_id,
            created=now,
            expires=now + _EXPIRES_AFTER if wish.expires else None,
            nonce=wish.nonce,
            tag=wish.tag,
            label=wish.label,
            covered_component_ids=list(covered),
            use_existing_digest=body is not None,
        )
    except HTTPMessageSignaturesException as error:
        raise SignatureError("request cannot be signed after RFC 9421") from error
    return message.headers


def _is_ours_to_fulfil(
    wish: SignatureWish, key_id: str, algorithm: type[HTTPSignatureAlgorithm]
) -> bool:
    return wish.key_id in (None, key_id) and wish.alg in (None, algorithm.algorithm_id)


def _algorithms_for(key: PrivateKey | PublicKey) -> tuple[type[HTTPSignatureAlgorithm], ...]:
    return _RSA_ALGORITHMS if isinstance(key, RSAPrivateKey | RSAPublicKey) else (ED25519,)


def read_rfc9421(request: SignedRequest, now: datetime) -> Claim:
    """Read and check everything that needs no key; raises SignatureError with the reason.

    Of several signatures the first one that passes is taken: others may be a proxy's.
    """
    first_refusal: SignatureError | None = None
    for candidate in _candidates(request):
        try:
            return _read_candidate(request, candidate, now)
        except SignatureError as refusal:
            first_refusal = first_refusal or refusal
    raise first_refusal or SignatureError("no complete signature in the message")


def covered_names(request: SignedRequest) -> list[frozenset[str]]:
    """Give the components that each signature of a request covers, by name.

    Raises SignatureError for malformed headers.
    """
    return [
        frozenset(str(name) for name, parameters in candidate.components if not parameters)
        for candidate in _candidates(request)
    ]


def _candidates(request: SignedRequest) -> list[_Candidate]:
    inputs = _parse_dictionary("Signature-Input", request.headers.get("signature-input", ""))
    signatures = _parse_dictionary("Signature", request.headers.get("signature", ""))
    return [
        _take_apart(label, member, signatures[label])
        for label, member in inputs.items()
        if label in signatures
    ]


def _parse_dictionary(name: str, header: str) -> dict[str, Any]:
    """Parse a header as an RFC 9651 dictionary: label -> (value, parameters)."""
    check_size(name, header)
    try:
        members = http_sf.parse(
            header.encode(), tltype="dictionary", on_duplicate_key=_refuse_duplicate
        )
    except ValueError as error:
        raise SignatureError(f"{name} header is not a structured dictionary") from error
    if not isinstance(members, dict) or len(members) > MAX_LABELS:
        raise SignatureError(f"{name} header has too many members")
    return members


def _refuse_duplicate(key: str, context: str) -> None:
    raise SignatureError(f"signature headers have a {context} key twice")


def _take_apart(label: str, member: Any, signature_member: Any) -> _Candidate:
    components, parameters = member
    signature = signature_member[0]
    if not isinstance(components, list):
        raise SignatureError("Signature-Input member is not a list of components")
    if not isinstance(signature, bytes) or len(signature) > MAX_SIGNATURE_BYTES:
        raise SignatureError("signature is not a byte sequence of acceptable length")
    return _Candidate(
        components=tuple(components),
        parameters=parameters,
        signature=signature,
        input_field=http_sf.ser({label: member}),
        signature_field=http_sf.ser({label: (signature, {})}),
    )


def _read_candidate(request: SignedRequest, candidate: _Candidate, now: datetime) -> Claim:
    parameters = candidate.parameters
    key_id = check_key_id(parameters.get("keyid"))
    algorithm = parameters.get("alg")
    if algorithm not in _KNOWN_ALGORITHMS:
        raise SignatureError("unsupported signature algorithm")
    fields = _covered_fields(request, candidate)
    _check_times(parameters, now)
    if _CONTENT_DIGEST in fields:
        check_content_digest(fields[_CONTENT_DIGEST], request.body)
    fields["signature-input"] = candidate.input_field
    fields["signature"] = candidate.signature_field
    return Claim(
        dialect=Dialect.RFC9421,
        key_id=key_id,
        method=request.method,
        url=request.url,
        algorithm=algorithm if isinstance(algorithm, str) else None,
        signature=candidate.signature,
        message_headers=tuple(fields.items()),
    )


def _covered_fields(request: SignedRequest, candidate: _Candidate) -> dict[str, str]:
    """The covered header fields, once the components that Mastodon requires are all covered."""
    if len(candidate.components) > MAX_COVERED:
        raise SignatureError("too many covered components")
    bare_names = {name for name, parameters in candidate.components if not parameters}
    required = (*_REQUIRED, _CONTENT_DIGEST) if needs_digest(request) else _REQUIRED
    for name in required:
        if name not in bare_names:
            raise SignatureError(f"signature does not cover {name}")
    names = [name for name, _ in candidate.components if isinstance(name, str)]
    return {name: covered_field(request, name) for name in names if not name.startswith("@")}


def _check_times(parameters: Mapping[str, object], now: datetime) -> None:
    created = parameters.get("created")
    if type(created) is not int:
        raise SignatureError("signature has no created time")
    check_age(created, now)
    expires = parameters.get("expires")
    if expires is None:
        return
    if type(expires) is not int:
        raise SignatureError("expires is malformed")
    check_expiry(expires, now)


def check_rfc9421(claim: Claim, public_key: PublicKey) -> None:
    """Verify a claim with the signer's key; raises SignatureError."""
    named = claim.algorithm
    fitting = [
        one for one in _algorithms_for(public_key) if named is None or named == one.algorithm_id
    ]
    if not fitting:
        raise SignatureError("signature algorithm does not fit the key")
    if not any(_verifies(claim, public_key, algorithm) for algorithm in fitting):
        raise SignatureError("signature does not verify")


def _verifies(claim: Claim, public_key: PublicKey, algorithm: type[HTTPSignatureAlgorithm]) -> bool:
    verifier = _Verifier(
        signature_algorithm=algorithm,
        key_resolver=MappingKeyResolver(public_keys={claim.key_id: public_key}, private_keys={}),
    )
    message = _Message(claim.method, claim.url, dict(claim.message_headers))
    try:
        verifier.verify(message, max_age=None)
    except HTTPMessageSignaturesException:
        return False
    return True
