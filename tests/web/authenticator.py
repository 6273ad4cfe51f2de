"""A device with passkeys, as browsers drive them (WebAuthn level 2), in software."""

import base64
import hashlib
import struct
from typing import Any

import cbor2
import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

_PRESENT_AND_VERIFIED = 0b0101
_WITH_CREDENTIAL = 0b0100_0000


class Authenticator:
    """Holds one passkey. What is not given is what an honest browser would send."""

    def __init__(self, origin: str, rp_id: str = "localhost") -> None:
        self.origin = origin
        self.rp_id = rp_id
        self.flags = _PRESENT_AND_VERIFIED
        self.count = 0
        self.credential_id = hashlib.sha256(str(id(self)).encode()).digest()
        self._key = ec.generate_private_key(ec.SECP256R1())

    def create(self, options: dict[str, Any]) -> str:
        """Answer `navigator.credentials.create`."""
        numbers = self._key.public_key().public_numbers()
        public_key = {
            1: 2,
            3: -7,
            -1: 1,
            -2: numbers.x.to_bytes(32, "big"),
            -3: numbers.y.to_bytes(32, "big"),
        }
        named = bytes(16) + struct.pack(">H", 32) + self.credential_id + cbor2.dumps(public_key)
        data = self._data(self.flags | _WITH_CREDENTIAL) + named
        attested = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client_data("webauthn.create", options["challenge"])
        return self._credential(clientDataJSON=client, attestationObject=attested)

    def get(self, options: dict[str, Any]) -> str:
        """Answer `navigator.credentials.get`."""
        self.count += 1
        client = self._client_data("webauthn.get", options["challenge"])
        data = self._data(self.flags)
        signature = self._key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        return self._credential(clientDataJSON=client, authenticatorData=data, signature=signature)

    def _data(self, flags: int) -> bytes:
        return hashlib.sha256(self.rp_id.encode()).digest() + struct.pack(">BI", flags, self.count)

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return orjson.dumps({"type": kind, "challenge": challenge, "origin": self.origin})

    def _credential(self, **response: bytes) -> str:
        name = _text(self.credential_id)
        parts = {key: _text(value) for key, value in response.items()}
        body = {"id": name, "rawId": name, "type": "public-key", "response": parts}
        return orjson.dumps(body).decode()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
