"""Web push messages: encrypted for the app, signed for the push service. No input and output.

Two forms: the standard (RFC 8291 over RFC 8188, RFC 8292), and the drafts before it that apps of
2017 to 2024 read (draft-ietf-webpush-encryption-04, draft-ietf-webpush-vapid-01).
"""

import base64
import binascii
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import http_ece
import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

AUTH_BYTES: Final = 16
_POINT_BYTES: Final = 65
_NUMBER_BYTES: Final = 32
_SALT_BYTES: Final = 16
_SIGNED_FOR: Final = timedelta(hours=12)
# Apps that were away are not told of what is older.
TTL: Final = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class VapidKey:
    """Our key pair, and whom a push service may write to."""

    private: ec.EllipticCurvePrivateKey
    public: str
    contact: str


@dataclass(frozen=True, slots=True)
class Target:
    """A subscription: where messages go, and the app's own keys."""

    endpoint: str
    p256dh: bytes
    auth: bytes
    standard: bool


@dataclass(frozen=True, slots=True)
class PushRequest:
    """What is sent to the push service (RFC 8030 §5)."""

    headers: dict[str, str]
    body: bytes


def new_private_key() -> bytes:
    """Give a new private key of P-256 as 32 bytes."""
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return number.to_bytes(_NUMBER_BYTES, "big")


def load_private_key(raw: bytes) -> ec.EllipticCurvePrivateKey:
    """Give the key that `new_private_key` gave as bytes."""
    return ec.derive_private_key(int.from_bytes(raw, "big"), ec.SECP256R1())


def public_text(private: ec.EllipticCurvePrivateKey) -> str:
    """Give the public half as apps take it (`applicationServerKey`)."""
    return encode(_point(private))


def read_point(text: str) -> bytes:
    """Give a public key of P-256. Raises ValueError for what is none."""
    raw = decode(text)
    if len(raw) != _POINT_BYTES:
        raise ValueError("not an uncompressed point")
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
    return raw


def decode(text: str) -> bytes:
    """Read base64 in either alphabet, padded or not. Raises ValueError for anything else."""
    plain = text.strip().rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def encode(raw: bytes) -> str:
    """Write base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def make_request(key: VapidKey, target: Target, message: bytes, now: datetime) -> PushRequest:
    """Encrypt `message` for the app and sign for its push service."""
    token = _token(key, target.endpoint, now)
    once = ec.generate_private_key(ec.SECP256R1())
    common = {
        "Content-Type": "application/octet-stream",
        "TTL": str(int(TTL.total_seconds())),
        "Urgency": "normal",
    }
    salt = secrets.token_bytes(_SALT_BYTES)
    if target.standard:
        headers = {
            "Content-Encoding": "aes128gcm",
            "Authorization": f"vapid t={token}, k={key.public}",
        }
    else:
        headers = {
            "Content-Encoding": "aesgcm",
            "Encryption": f"salt={encode(salt)}",
            "Crypto-Key": f"dh={encode(_point(once))};p256ecdsa={key.public}",
            "Authorization": f"WebPush {token}",
        }
    body: bytes = http_ece.encrypt(
        message,
        salt=salt,
        private_key=once,
        dh=target.p256dh,
        auth_secret=target.auth,
        version=headers["Content-Encoding"],
    )
    return PushRequest(common | headers, body)


def _point(private: ec.EllipticCurvePrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _token(key: VapidKey, endpoint: str, now: datetime) -> str:
    """Give the JWT that says who sends, to this service only (RFC 8292 §2)."""
    parts = urlsplit(endpoint)
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc}",
        "exp": int((now + _SIGNED_FOR).timestamp()),
        "sub": key.contact,
    }
    head = encode(orjson.dumps({"typ": "JWT", "alg": "ES256"}))
    signed = f"{head}.{encode(orjson.dumps(claims))}"
    r, s = decode_dss_signature(key.private.sign(signed.encode(), ec.ECDSA(SHA256())))
    raw = r.to_bytes(_NUMBER_BYTES, "big") + s.to_bytes(_NUMBER_BYTES, "big")
    return f"{signed}.{encode(raw)}"
