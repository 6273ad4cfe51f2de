"""A push service, and the app behind it, which decrypts with keys of its own.

Written after the standards and not with the library that encrypts: RFC 8188, RFC 8291, RFC 8292,
and draft-ietf-webpush-encryption-04 with draft-ietf-webpush-vapid-01.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fedserver.services.push_messages import decode, encode

_CURVE = ec.SECP256R1()


def point(private: ec.EllipticCurvePrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@dataclass(frozen=True, slots=True)
class App:
    """The keys of an app."""

    private: ec.EllipticCurvePrivateKey
    auth: bytes

    @property
    def keys(self) -> dict[str, str]:
        return {"p256dh": encode(point(self.private)), "auth": encode(self.auth)}

    def read(self, message: "Message") -> Any:
        """Decrypt a message in the form that its headers name."""
        if message.headers["Content-Encoding"] == "aes128gcm":
            return orjson.loads(self.read_standard(message.body))
        return orjson.loads(self._read_draft(message))

    def read_standard(self, body: bytes) -> bytes:
        """RFC 8291 §3.4, RFC 8188 §2: one record."""
        salt, size, sender = body[:16], body[20], body[21 : 21 + body[20]]
        info = b"WebPush: info\0" + point(self.private) + sender
        secret = _hkdf(self._shared(sender), self.auth, info, 32)
        key = _hkdf(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
        nonce = _hkdf(secret, salt, b"Content-Encoding: nonce\0", 12)
        padded = AESGCM(key).decrypt(nonce, body[21 + size :], None).rstrip(b"\0")
        assert padded[-1:] == b"\x02"
        return padded[:-1]

    def _read_draft(self, message: "Message") -> bytes:
        """draft-ietf-webpush-encryption-04 §3, draft-ietf-httpbis-encryption-encoding-03."""
        salt = decode(_parameter(message.headers["Encryption"], "salt"))
        sender = decode(_parameter(message.headers["Crypto-Key"], "dh"))
        own = point(self.private)
        context = b"P-256\0" + b"".join(len(one).to_bytes(2, "big") + one for one in (own, sender))
        secret = _hkdf(self._shared(sender), self.auth, b"Content-Encoding: auth\0", 32)
        key = _hkdf(secret, salt, b"Content-Encoding: aesgcm\0" + context, 16)
        nonce = _hkdf(secret, salt, b"Content-Encoding: nonce\0" + context, 12)
        padded = AESGCM(key).decrypt(nonce, message.body, None)
        return padded[2 + int.from_bytes(padded[:2], "big") :]

    def _shared(self, sender: bytes) -> bytes:
        public = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, sender)
        return self.private.exchange(ec.ECDH(), public)


def new_app() -> App:
    return App(ec.generate_private_key(_CURVE), b"0123456789abcdef")


def _hkdf(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length=length, salt=salt, info=info).derive(secret)


def _parameter(header: str, name: str) -> str:
    found = re.search(rf"(?:^|[;,]\s*){name}=([A-Za-z0-9_-]+)", header)
    assert found is not None, header
    return found[1]


@dataclass(frozen=True, slots=True)
class Message:
    """What reached the push service."""

    path: str
    headers: dict[str, str]
    body: bytes

    def vapid(self) -> tuple[str, dict[str, Any]]:
        """Give the key and the claims of who sent it; the signature is checked."""
        kind, _, rest = self.headers["Authorization"].partition(" ")
        if kind == "vapid":
            token, public = rest.split(", ")[0][2:], rest.split(", ")[1][2:]
        else:
            assert kind == "WebPush"
            token, public = rest, _parameter(self.headers["Crypto-Key"], "p256ecdsa")
        signed, _, signature = token.rpartition(".")
        raw = decode(signature)
        numbers = (int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        key = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, decode(public))
        key.verify(encode_dss_signature(*numbers), signed.encode(), ec.ECDSA(SHA256()))
        head, claims = (orjson.loads(decode(part)) for part in signed.split("."))
        assert head == {"typ": "JWT", "alg": "ES256"}
        return public, claims


@dataclass(slots=True)
class PushService:
    """Takes messages, or answers as it was told to."""

    port: int
    answers: list[web.Response] = field(default_factory=list)
    messages: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)

    def endpoint(self, name: str = "one") -> str:
        return f"http://localhost:{self.port}/push/{name}"

    async def next(self) -> Message:
        async with asyncio.timeout(15):
            return await self.messages.get()

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        await self.messages.put(Message(request.path, dict(request.headers), body))
        return self.answers.pop(0) if self.answers else web.Response(status=201)


@asynccontextmanager
async def push_service(port: int) -> AsyncIterator[PushService]:
    """Run a push service on loopback."""
    service = PushService(port)
    app = web.Application()
    app.router.add_post("/push/{name}", service.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield service
    finally:
        await runner.cleanup()
