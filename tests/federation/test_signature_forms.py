"""Every way in which peers sign is verified over HTTP, keys are found wherever they are shown, and
what was replaced is read anew; a signature that does not hold is answered 401, always."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver
from http_message_signatures.algorithms import RSA_PSS_SHA512

from activitypub.digests import content_digest_header, digest_header
from activitypub.keys import (
    PrivateKey,
    generate_ed25519_key,
    generate_rsa_key,
    multikey_encode,
    public_key_to_pem,
)
from activitypub.signatures import Dialect
from storage.accounts import ACCOUNT_BY_URI
from tests.federation.conftest import KNOWN_ACTORS, Server
from tests.federation.fake_peer import ACTIVITY_JSON, FakePeer, PeerActor, rsa_key

Headers = dict[str, str]
Json = dict[str, Any]


@pytest.fixture
def mallory(peer: FakePeer) -> PeerActor:
    return peer.actor("mallory")


@dataclass
class Cavage:
    """A draft-cavage signature, put together by hand."""

    covered: str = "(request-target) host date digest"
    algorithm: str | None = "rsa-sha256"
    key_id: str | None = None
    target: str | None = None
    hash: Any = field(default_factory=SHA256)
    created: int | None = None
    expires: int | None = None
    digest: Callable[[bytes], str] = digest_header
    more: Headers = field(default_factory=dict)

    def headers(self, url: str, body: bytes, actor: PeerActor) -> Headers:
        parts = urlsplit(url)
        sent = {
            "Host": parts.netloc,
            "Content-Type": ACTIVITY_JSON,
            "Digest": self.digest(body),
            **self.more,
        }
        if "date" in self.covered.split():
            sent["Date"] = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        target = self.target or (f"{parts.path}?{parts.query}" if parts.query else parts.path)
        values = {name.lower(): value for name, value in sent.items()} | {
            "(request-target)": f"post {target}",
            "(created)": str(self.created),
            "(expires)": str(self.expires),
        }
        signed = "\n".join(f"{name}: {values[name]}" for name in self.covered.split()).encode()
        return sent | {"Signature": self._header(_sign(actor.key, signed, self.hash), actor)}

    def _header(self, signature: bytes, actor: PeerActor) -> str:
        written = [f'keyId="{self.key_id or actor.key_id}"']
        written += [f'algorithm="{self.algorithm}"'] if self.algorithm else []
        written += [f"created={self.created}"] if self.created else []
        written += [f"expires={self.expires}"] if self.expires else []
        written += [f'headers="{self.covered}"']
        return ",".join([*written, f'signature="{base64.b64encode(signature).decode()}"'])


def _sign(key: PrivateKey, data: bytes, hash_: Any) -> bytes:
    if isinstance(key, RSAPrivateKey):
        return key.sign(data, PKCS1v15(), hash_)
    return key.sign(data)


def _now() -> int:
    return int(datetime.now(UTC).timestamp())


def _lower_case(body: bytes) -> str:
    return digest_header(body).replace("SHA-256", "sha-256")


FORMS = {
    "Mastodon": lambda: Cavage(
        "(request-target) host date digest content-type", more={"Content-Type": ACTIVITY_JSON}
    ),
    "GoToSocial": lambda: Cavage(algorithm="hs2019"),
    "no algorithm": lambda: Cavage(algorithm=None),
    "hs2019 with SHA-512": lambda: Cavage(algorithm="hs2019", hash=SHA512()),
    "rsa-sha512": lambda: Cavage(algorithm="rsa-sha512", hash=SHA512()),
    "no Date": lambda: Cavage(
        "(request-target) host (created) (expires) digest",
        algorithm="hs2019",
        created=_now(),
        expires=_now() + 300,
    ),
    "created without an end": lambda: Cavage(
        "(request-target) (created) host digest", algorithm="hs2019", created=_now()
    ),
    "digest in lower case": lambda: Cavage(digest=_lower_case),
}


async def _post(
    peer: FakePeer, server: Server, actor: PeerActor, form: Cavage, *, url: str | None = None
) -> int:
    inbox = url or server.shared_inbox
    body = orjson.dumps(actor.create(1))
    answer = await peer.post_raw(inbox, body, form.headers(inbox, body, actor))
    return answer.status


@pytest.mark.parametrize("name", FORMS)
async def test_cavage_forms_are_verified(
    server: Server, peer: FakePeer, mallory: PeerActor, name: str
) -> None:
    assert await _post(peer, server, mallory, FORMS[name]()) == 202
    assert [item.actor_uri for item in await server.items()] == [mallory.uri]


@pytest.mark.parametrize("target", ["/inbox", "/inbox?from=there"])
async def test_query_is_in_the_request_target_or_not(
    server: Server, peer: FakePeer, mallory: PeerActor, target: str
) -> None:
    url = f"{server.shared_inbox}?from=there"
    assert await _post(peer, server, mallory, Cavage(target=target), url=url) == 202


BAD_FORMS = {
    "expired": lambda: Cavage(
        "(request-target) host (created) digest",
        algorithm="hs2019",
        created=_now() - 600,
        expires=_now() - 300,
    ),
    "created is not signed": lambda: Cavage(
        "(request-target) host digest", algorithm="hs2019", created=_now()
    ),
    "created too long ago": lambda: Cavage(
        "(request-target) host (created) digest", algorithm="hs2019", created=_now() - 90_000
    ),
    "digest is not signed": lambda: Cavage("(request-target) host date"),
    "digest of something else": lambda: Cavage(digest=lambda _: digest_header(b"other")),
    "digest of an unknown kind": lambda: Cavage(digest=lambda _: "MD5=AAAA"),
    "another target": lambda: Cavage(target="/users/alice/inbox"),
    "unknown algorithm": lambda: Cavage(algorithm="hmac-sha256"),
    "key id that is no URL": lambda: Cavage(key_id="acct:mallory@peer"),
    "key id of nobody": lambda: Cavage(key_id="https://nobody.invalid/users/nobody#main-key"),
    "wrong hash": lambda: Cavage(hash=SHA512()),
}


@pytest.mark.parametrize("name", BAD_FORMS)
async def test_bad_signature_is_answered_401(
    server: Server, peer: FakePeer, mallory: PeerActor, name: str
) -> None:
    assert await _post(peer, server, mallory, BAD_FORMS[name]()) == 401
    assert await server.items() == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Signature": "garbage"},
        {"Signature": 'keyId="'},
        {"Signature": ""},
        {"Signature": "sig1=:AAAA:"},
        {"Signature-Input": 'sig1=("@method")'},
        {"Signature-Input": "((((", "Signature": "sig1=:AAAA:"},
        {"Signature-Input": 'sig1=("@method");created=1', "Signature": "sig1=:AAAA:"},
        {"Signature-Input": "sig1", "Signature": "sig1"},
        {"Signature-Input": "sig1=()", "Signature": "sig1=1"},
    ],
)
async def test_garbage_for_a_signature_is_answered_401(
    server: Server, peer: FakePeer, mallory: PeerActor, headers: Headers
) -> None:
    body = orjson.dumps(mallory.create(1))
    sent = {"Content-Type": ACTIVITY_JSON, "Digest": digest_header(body), **headers}
    assert (await peer.post_raw(server.shared_inbox, body, sent)).status == 401
    assert await server.items() == []


# RFC 9421.


class _Message:
    def __init__(self, url: str, headers: Headers) -> None:
        self.method = "POST"
        self.url = url
        self.headers = headers


@pytest.mark.parametrize("include_alg", [True, False])
async def test_rsa_pss_is_verified(
    server: Server, peer: FakePeer, mallory: PeerActor, include_alg: bool
) -> None:
    body = orjson.dumps(mallory.create(1))
    headers = {"Content-Type": ACTIVITY_JSON, "Content-Digest": content_digest_header(body)}
    signer = HTTPMessageSigner(
        signature_algorithm=RSA_PSS_SHA512,
        key_resolver=MappingKeyResolver(public_keys={}, private_keys={mallory.key_id: mallory.key}),
    )
    signer.sign(
        _Message(server.shared_inbox, headers),
        key_id=mallory.key_id,
        created=datetime.now(UTC),
        covered_component_ids=("@method", "@target-uri", "content-digest"),
        use_existing_digest=True,
        include_alg=include_alg,
    )
    assert (await peer.post_raw(server.shared_inbox, body, headers)).status == 202


def multikey(actor: PeerActor, key_id: str, key: PrivateKey, **changes: Any) -> Json:
    return {
        "id": key_id,
        "type": "Multikey",
        "controller": actor.uri,
        "publicKeyMultibase": multikey_encode(key.public_key()),
    } | changes


@pytest.mark.parametrize("dialect", Dialect)
async def test_ed25519_key_by_fep_521a_is_found(
    server: Server, peer: FakePeer, mallory: PeerActor, dialect: Dialect
) -> None:
    key, key_id = generate_ed25519_key(), f"{mallory.uri}#ed25519-key"
    document = mallory.document(assertionMethod=[multikey(mallory, key_id, key)])
    peer.serve("/users/mallory", document)
    answer = await peer.post(
        server.shared_inbox,
        mallory.create(1),
        actor=mallory,
        key=key,
        key_id=key_id,
        dialect=dialect,
    )
    assert answer.status == 202
    (item,) = await server.items()
    assert item.actor_uri == mallory.uri


@pytest.mark.parametrize("end", ["expires", "revoked"])
async def test_key_that_has_ended_signs_nothing(
    server: Server, peer: FakePeer, mallory: PeerActor, end: str
) -> None:
    """FEP-521a: a signature of an expired key is not accepted."""
    key, key_id = generate_ed25519_key(), f"{mallory.uri}#ed25519-key"

    async def status(moment: datetime, number: int) -> int:
        changes = {end: moment.isoformat()}
        entry = multikey(mallory, key_id, key, **changes)
        peer.serve("/users/mallory", mallory.document(assertionMethod=[entry]))
        activity = mallory.create(number)
        answer = await peer.post(
            server.shared_inbox, activity, actor=mallory, key=key, key_id=key_id
        )
        return answer.status

    now = datetime.now(UTC)
    assert await status(now - timedelta(hours=1), 1) == 401
    assert await status(now + timedelta(hours=1), 2) == 202


@pytest.mark.parametrize("stub", [True, False])
async def test_key_id_that_is_a_path_leads_to_its_owner(
    server: Server, peer: FakePeer, stub: bool
) -> None:
    """GoToSocial serves the key, or a stub of its owner, as a document of its own."""
    actor = peer.actor("gus")
    key_id = f"{actor.uri}/main-key"
    public = {
        "id": key_id,
        "owner": actor.uri,
        "publicKeyPem": public_key_to_pem(actor.key.public_key()),
    }
    document = actor.document(publicKey=public)
    peer.serve("/users/gus", document)
    own = {"@context": document["@context"], "id": actor.uri, "publicKey": public}
    if stub:
        peer.serve("/users/gus/main-key", own | {"preferredUsername": "gus", "type": "Person"})
    else:
        peer.serve("/users/gus/main-key", {"@context": document["@context"], **public})
    form = Cavage(algorithm="hs2019", key_id=key_id)
    assert await _post(peer, server, actor, form) == 202


# Keys that change.


async def test_same_key_id_with_a_new_key(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    await peer.post(server.shared_inbox, mallory.create(1), actor=mallory)
    renewed = PeerActor(peer.base_url, "mallory", rsa_key("renewed"))
    peer.serve("/users/mallory", renewed.document())
    for number in (2, 3):
        answer = await peer.post(server.shared_inbox, renewed.create(number), actor=renewed)
        assert answer.status == 202
    assert peer.times_asked("/users/mallory") == 2
    old = await peer.post(server.shared_inbox, mallory.create(4), actor=mallory)
    assert old.status == 401
    assert peer.times_asked("/users/mallory") == 2


async def test_new_key_id_ends_the_old_key(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    await peer.post(server.shared_inbox, mallory.create(1), actor=mallory)
    key = rsa_key("second")
    key_id = f"{mallory.uri}#key-2"
    public = {
        "id": key_id,
        "owner": mallory.uri,
        "publicKeyPem": public_key_to_pem(key.public_key()),
    }
    peer.serve("/users/mallory", mallory.document(publicKey=public))
    answer = await peer.post(
        server.shared_inbox, mallory.create(2), actor=mallory, key=key, key_id=key_id
    )
    assert answer.status == 202
    server.ctx.signer_keys.forget(mallory.key_id)
    old = await peer.post(server.shared_inbox, mallory.create(3), actor=mallory)
    assert old.status == 401


async def test_actor_that_was_made_anew_keeps_its_account_and_gets_its_key(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    """A peer that was installed anew has the same actors with other keys."""
    await peer.post(server.shared_inbox, mallory.create(1), actor=mallory)
    before = await server.ctx.db.one(ACCOUNT_BY_URI, mallory.uri)
    renewed = PeerActor(peer.base_url, "mallory", rsa_key("reinstalled"))
    peer.serve("/users/mallory", renewed.document(name="Mallory again"))
    answer = await peer.post(server.shared_inbox, renewed.create(2), actor=renewed)
    assert answer.status == 202
    after = await server.ctx.db.one(ACCOUNT_BY_URI, mallory.uri)
    assert before is not None
    assert after is not None
    assert (after.id, after.display_name) == (before.id, "Mallory again")
    assert await server.ctx.db.value(KNOWN_ACTORS) == 1


async def test_wrong_key_is_read_anew_only_once(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    await peer.post(server.shared_inbox, mallory.create(1), actor=mallory)
    forger = generate_rsa_key()
    for number in range(2, 6):
        answer = await peer.post(
            server.shared_inbox, mallory.create(number), actor=mallory, key=forger
        )
        assert answer.status == 401
    assert peer.times_asked("/users/mallory") == 2
