"""Actor keys: making, storing and reading them as PEM, Multikey (FEP-521a) and did:key.

Everything read here may come from a stranger, except private keys, which are always our own.
"""

import base64
import binascii
import re
from typing import Final, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
)

from activitypub import base58
from activitypub.errors import KeyFormatError

PrivateKey: TypeAlias = RSAPrivateKey | Ed25519PrivateKey
PublicKey: TypeAlias = RSAPublicKey | Ed25519PublicKey

RSA_BITS: Final = 2048
MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192
# Every known implementation uses 65537; a large exponent would make each verification slow.
MAX_RSA_EXPONENT_BITS: Final = 32
# An RSA-8192 key takes about 1,450 characters of PEM and as many of base58.
MAX_PEM_CHARS: Final = 8192
MAX_MULTIKEY_CHARS: Final = 2048

DID_KEY_PREFIX: Final = "did:key:"
_ED25519_CODE: Final = b"\xed\x01"  # varint of multicodec 0xed, ed25519-pub
_RSA_CODE: Final = b"\x85\x24"  # varint of multicodec 0x1205, rsa-pub
_PUBLIC_PEM: Final = re.compile(
    r"-----BEGIN (RSA )?PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END (?:RSA )?PUBLIC KEY-----"
)


def generate_rsa_key() -> RSAPrivateKey:
    """A new RSA-2048 key, for HTTP signatures; takes tens to hundreds of milliseconds."""
    return generate_private_key(public_exponent=65537, key_size=RSA_BITS)


def generate_ed25519_key() -> Ed25519PrivateKey:
    """A new Ed25519 key, for object proofs and RFC 9421 signatures."""
    return Ed25519PrivateKey.generate()


def private_key_to_pem(key: PrivateKey) -> str:
    """Unencrypted PKCS #8 PEM of one of our own keys."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode("ascii")


def load_private_key(pem: str) -> PrivateKey:
    """Read back what `private_key_to_pem` wrote; raises KeyFormatError.

    Skips OpenSSL's consistency checks, which cost 46 ms instead of 17 us: only our own keys,
    made by `generate_rsa_key`, may come here.
    """
    try:
        key = load_pem_private_key(pem.encode(), None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFormatError("stored private key is not readable PEM") from error
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        raise KeyFormatError("stored private key is neither RSA nor Ed25519")
    return key


def public_key_to_pem(key: PublicKey) -> str:
    """SubjectPublicKeyInfo PEM ("BEGIN PUBLIC KEY"), the form of `publicKeyPem`."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def load_public_key(pem: str) -> PublicKey:
    """Read a peer's `publicKeyPem`: SubjectPublicKeyInfo or PKCS #1, RSA-2048 to 8192 or Ed25519.

    Forgives stray white space and line breaks written as backslash-n, which real peers send.
    Raises KeyFormatError for everything else.
    """
    if len(pem) > MAX_PEM_CHARS:
        raise KeyFormatError("PEM text is too long")
    found = _PUBLIC_PEM.search(pem.replace("\\r", "").replace("\\n", "\n"))
    if found is None:
        raise KeyFormatError("no PEM public key found")
    try:
        der = base64.b64decode("".join(found[2].split()), validate=True)
    except binascii.Error as error:
        raise KeyFormatError("PEM body is not base64") from error
    return _load_der(der)


def _load_der(der: bytes) -> PublicKey:
    try:
        key = load_der_public_key(der)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFormatError("not a readable public key") from error
    if isinstance(key, RSAPublicKey):
        _check_rsa_strength(key)
        return key
    if isinstance(key, Ed25519PublicKey):
        return key
    raise KeyFormatError("public key is neither RSA nor Ed25519")


def _check_rsa_strength(key: RSAPublicKey) -> None:
    if not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        raise KeyFormatError(f"RSA key of {key.key_size} bits; {MIN_RSA_BITS} to 8192 are accepted")
    if key.public_numbers().e.bit_length() > MAX_RSA_EXPONENT_BITS:
        raise KeyFormatError("RSA public exponent is too large")


def multikey_encode(public: PublicKey) -> str:
    """`publicKeyMultibase` of a Multikey (FEP-521a, W3C Controlled Identifiers): "z" + base58btc.

    Ed25519 as multicodec 0xed with the raw key, RSA as 0x1205 with the PKCS #1 DER.
    """
    if isinstance(public, Ed25519PublicKey):
        return "z" + base58.encode(_ED25519_CODE + public.public_bytes_raw())
    der = public.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    return "z" + base58.encode(_RSA_CODE + der)


def multikey_decode(text: str) -> PublicKey:
    """Read a `publicKeyMultibase`; raises KeyFormatError for anything but Ed25519 and RSA."""
    if len(text) > MAX_MULTIKEY_CHARS:
        raise KeyFormatError("Multikey is too long")
    if not text.startswith("z"):
        raise KeyFormatError("Multikey is not base58btc (it must start with z)")
    raw = base58.decode(text[1:])
    code, body = raw[:2], raw[2:]
    if code == _ED25519_CODE:
        return _load_raw_ed25519(body)
    if code == _RSA_CODE:
        return _load_der(body)
    raise KeyFormatError("Multikey of an unsupported kind")


def _load_raw_ed25519(raw: bytes) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(raw)
    except ValueError as error:
        raise KeyFormatError("Ed25519 key is not 32 bytes") from error


def did_key(public: PublicKey) -> str:
    """The did:key identifier of a public key (W3C CCG did:key method)."""
    return DID_KEY_PREFIX + multikey_encode(public)


def parse_did_key(did: str) -> PublicKey:
    """The key that a did:key identifier is; a fragment is not accepted. Raises KeyFormatError."""
    if not did.startswith(DID_KEY_PREFIX):
        raise KeyFormatError("not a did:key")
    return multikey_decode(did.removeprefix(DID_KEY_PREFIX))
