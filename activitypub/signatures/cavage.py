"""HTTP signatures after draft-cavage-http-signatures-12, as the fediverse uses them."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA512, HashAlgorithm

from activitypub.digests import check_digest, digest_header
from activitypub.errors import SignatureError
from activitypub.keys import PrivateKey, PublicKey
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
    path_of,
    sign_bytes,
    split_url,
    target_of,
)

REQUEST_TARGET: Final = "(request-target)"
CREATED: Final = "(created)"
EXPIRES: Final = "(expires)"

# None and hs2019 leave the choice to the key; hs2019 means SHA-512 in the draft and SHA-256 on
# the network, so both are tried, the common one first.
_RSA_HASHES: Final[dict[str | None, tuple[HashAlgorithm, ...]]] = {
    None: (SHA256(), SHA512()),
    "hs2019": (SHA256(), SHA512()),
    "rsa-sha256": (SHA256(),),
    "rsa-sha512": (SHA512(),),
}
_ED25519_NAMES: Final = (None, "hs2019", "ed25519")
_KNOWN_ALGORITHMS: Final = frozenset({*_RSA_HASHES, *_ED25519_NAMES})

_HEADER_CHARS: Final = re.compile(r"[\t\x20-\x7e]*")
_PARAMETER_NAME: Final = re.compile(r"(?:^|,)[ \t]*([A-Za-z]+)=")
_PARAMETERS: Final = frozenset({"keyid", "algorithm", "headers", "signature", "created", "expires"})
_INTEGER: Final = re.compile(r"[0-9]{1,12}")
_DECIMAL: Final = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?")
_MAX_DATE_CHARS: Final = 64


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a Signature header (draft §2.1), still as they were written."""

    key_id: str | None
    algorithm: str | None
    headers: tuple[str, ...]
    signature: str | None
    created: str | None
    expires: str | None


def sign_cavage(
    method: str,
    url: str,
    *,
    key_id: str,
    private_key: PrivateKey,
    now: datetime,
    body: bytes | None = None,
    content_type: str | None = None,
    more: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """All headers that sign a request: Host, Date, Digest and Content-Type if given, Signature.

    Covers (request-target), host and date, digest if there is a body, and the headers `more`. The
    request must then be sent with exactly this URL's path and query. Pure and thread-safe: nearly
    all of its time is the RSA operation, so call it in a thread. Raises SignatureError for an
    unusable URL.
    """
    parts = split_url(url)
    headers = {"Host": authority(parts), "Date": http_date(now)}
    covered = [REQUEST_TARGET, "host", "date"]
    values = {"host": headers["Host"], "date": headers["Date"]}
    if content_type is not None:
        headers["Content-Type"] = content_type
    if body is not None:
        headers["Digest"] = values["digest"] = digest_header(body)
        covered.append("digest")
    for name, value in (more or {}).items():
        headers[name] = values[name.lower()] = value
        covered.append(name.lower())
    values[REQUEST_TARGET] = f"{method.lower()} {target_of(parts)}"
    signature = sign_bytes(private_key, signing_string(covered, values))
    headers["Signature"] = _format_header(key_id, private_key, covered, signature)
    return headers


def signing_string(covered: Sequence[str], values: Mapping[str, str]) -> bytes:
    """The bytes that are signed: one `name: value` line per covered name (draft §2.3)."""
    return "\n".join([f"{name}: {values[name]}" for name in covered]).encode("ascii")


def _format_header(
    key_id: str, private_key: PrivateKey, covered: Sequence[str], signature: bytes
) -> str:
    rsa = isinstance(private_key, RSAPrivateKey)
    return (
        f'keyId="{key_id}",algorithm="{"rsa-sha256" if rsa else "hs2019"}",'
        f'headers="{" ".join(covered)}",signature="{base64.b64encode(signature).decode("ascii")}"'
    )


# What nearly every peer sends; anything else is read by httpsig, ten times slower.
_USUAL_FORM = re.compile(
    r'keyId="([!#-\[\]-~]+)",(?:algorithm="([a-z0-9-]+)",)?headers="([ !#-\[\]-~]+)",'
    r'signature="([A-Za-z0-9+/=]+)"'
)


def parse_parameters(header: str) -> Parameters:
    """Take a Signature header apart; raises SignatureError.

    Unknown parameters are ignored and duplicate ones refused, as draft §2.2 says. httpsig knows
    the grammar but keeps the last of two equal parameters, hence the look at the names before.
    """
    check_size("Signature", header)
    usual = _USUAL_FORM.fullmatch(header)
    if usual is not None:
        key_id, algorithm, headers, signature = usual.groups()
        return Parameters(key_id, algorithm, tuple(headers.lower().split()), signature, None, None)
    return _parse_unusual(header)


def _parse_unusual(header: str) -> Parameters:
    # Imported here: httpsig brings all of pycryptodome, a tenth of a second and 13 MB.
    from httpsig.utils import parse_signature_header

    if not _HEADER_CHARS.fullmatch(header) or header.count('"') % 2:
        raise SignatureError("Signature header is malformed")
    names = [name for n in _PARAMETER_NAME.findall(header) if (name := n.lower()) in _PARAMETERS]
    if len(names) != len(set(names)):
        raise SignatureError("Signature header has a parameter twice")
    values: dict[str, str] = parse_signature_header(header)
    return Parameters(
        key_id=values.get("keyid"),
        algorithm=values.get("algorithm"),
        headers=tuple(values.get("headers", "").lower().split()),
        signature=values.get("signature"),
        created=values.get("created"),
        expires=values.get("expires"),
    )


def read_cavage(request: SignedRequest, now: datetime) -> Claim:
    """Read and check everything that needs no key; raises SignatureError with the reason."""
    parameters = parse_parameters(request.headers.get("signature", ""))
    key_id = check_key_id(parameters.key_id)
    algorithm = _read_algorithm(parameters)
    signature = _decode_signature(parameters.signature)
    _check_coverage(request, parameters)
    values = _covered_values(request, parameters)
    _check_host(request, values["host"])
    _check_time(parameters, values, now)
    if "digest" in values:
        check_digest(values["digest"], request.body)
    return Claim(
        dialect=Dialect.CAVAGE,
        key_id=key_id,
        method=request.method,
        url=request.url,
        algorithm=algorithm,
        signature=signature,
        signing_strings=_candidates(request, parameters.headers, values),
    )


def _read_algorithm(parameters: Parameters) -> str | None:
    name = parameters.algorithm.lower() if parameters.algorithm else None
    if name not in _KNOWN_ALGORITHMS:
        raise SignatureError("unsupported signature algorithm")
    return name


def _decode_signature(text: str | None) -> bytes:
    if not text:
        raise SignatureError("Signature header has no signature")
    try:
        signature = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise SignatureError("signature is not base64") from error
    if len(signature) > MAX_SIGNATURE_BYTES:
        raise SignatureError("signature is too long")
    return signature


def _check_coverage(request: SignedRequest, parameters: Parameters) -> None:
    covered = set(parameters.headers)
    if len(covered) != len(parameters.headers) or len(covered) > MAX_COVERED:
        raise SignatureError("list of signed headers is too long or has one twice")
    for name in (REQUEST_TARGET, "host"):
        if name not in covered:
            raise SignatureError(f"signature does not cover {name}")
    if not covered & {"date", CREATED}:
        raise SignatureError("signature covers neither date nor (created)")
    if needs_digest(request) and "digest" not in covered:
        raise SignatureError("signature does not cover the digest of the body")


def _covered_values(request: SignedRequest, parameters: Parameters) -> dict[str, str]:
    values = {}
    for name in parameters.headers:
        if name == REQUEST_TARGET:
            continue  # there are two candidates for it
        if name == CREATED:
            values[name] = _time_parameter(parameters, parameters.created, _INTEGER)
        elif name == EXPIRES:
            values[name] = _time_parameter(parameters, parameters.expires, _DECIMAL)
        else:
            values[name] = covered_field(request, name)
    return values


def _time_parameter(parameters: Parameters, value: str | None, form: re.Pattern[str]) -> str:
    """The text of `created` or `expires` when it is signed (draft §2.3)."""
    if (parameters.algorithm or "").lower().startswith("rsa"):
        raise SignatureError("(created) and (expires) do not go with an rsa-* algorithm")
    if value is None or not form.fullmatch(value):
        raise SignatureError("created or expires is missing or malformed")
    return value


def _check_host(request: SignedRequest, host: str) -> None:
    parts = split_url(request.url)
    signed = split_url(f"{parts.scheme}://{host}")
    if authority(signed) != authority(parts):
        raise SignatureError("request was signed for another host")


def _check_time(parameters: Parameters, values: Mapping[str, str], now: datetime) -> None:
    if "date" in values:
        check_age(_parse_date(values["date"]), now)
    if CREATED in values:
        check_age(int(values[CREATED]), now)
    if parameters.expires is not None:
        if not _DECIMAL.fullmatch(parameters.expires):
            raise SignatureError("expires is malformed")
        check_expiry(float(parameters.expires), now)


def _parse_date(text: str) -> float:
    if len(text) > _MAX_DATE_CHARS:
        raise SignatureError("Date header is malformed")
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:  # asctime form: HTTP dates are always UTC
            moment = moment.replace(tzinfo=UTC)
        return moment.timestamp()
    except (ValueError, OverflowError, TypeError, IndexError) as error:
        raise SignatureError("Date header is malformed") from error


def _candidates(
    request: SignedRequest, covered: Sequence[str], values: Mapping[str, str]
) -> tuple[bytes, ...]:
    """The signing strings to try: some senders leave the query out of (request-target)."""
    parts = split_url(request.url)
    method = request.method.lower()
    targets = dict.fromkeys([target_of(parts), path_of(parts)])
    return tuple(
        signing_string(covered, {**values, REQUEST_TARGET: f"{method} {target}"})
        for target in targets
    )


def check_cavage(claim: Claim, public_key: PublicKey) -> None:
    """Verify a claim with the signer's key; raises SignatureError."""
    for data in claim.signing_strings:
        if is_signed_by(public_key, claim.signature, data, claim.algorithm):
            return
    raise SignatureError("signature does not verify")


def is_signed_by(
    public_key: PublicKey, signature: bytes, data: bytes, algorithm: str | None
) -> bool:
    """Whether this key signed these bytes, with the algorithm its kind allows.

    Raises SignatureError if the sender named an algorithm that does not go with the key.
    """
    if not isinstance(public_key, RSAPublicKey):
        if algorithm not in _ED25519_NAMES:
            raise SignatureError("signature algorithm does not fit the Ed25519 key")
        return _verifies_ed25519(public_key, signature, data)
    if algorithm not in _RSA_HASHES:
        raise SignatureError("signature algorithm does not fit the RSA key")
    return any(_verifies_rsa(public_key, signature, data, h) for h in _RSA_HASHES[algorithm])


def _verifies_ed25519(public_key: Ed25519PublicKey, signature: bytes, data: bytes) -> bool:
    try:
        public_key.verify(signature, data)
    except InvalidSignature:
        return False
    return True


def _verifies_rsa(
    public_key: RSAPublicKey, signature: bytes, data: bytes, hash_algorithm: HashAlgorithm
) -> bool:
    try:
        public_key.verify(signature, data, PKCS1v15(), hash_algorithm)
    except InvalidSignature:
        return False
    return True
