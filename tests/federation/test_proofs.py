"""What our people say in public bears a proof, and what others bring us counts where it has one."""

import base64
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from activitypub.keys import (
    PublicKey,
    generate_ed25519_key,
    load_public_key,
    multikey_decode,
    multikey_encode,
)
from activitypub.linked_data import covered_bytes
from activitypub.proofs import add_proof, read_proof, verify_proof
from fedserver.effects import perform
from fedserver.effects.update import UpdateActor
from fedserver.uris import ed25519_key
from storage.query import Value
from tests.conftest import unused_port
from tests.federation.conftest import SUSPEND, Server
from tests.federation.fake_peer import PUBLIC, FakePeer, PeerActor, Request
from tests.instances import Person, start_instance
from tests.waiting import until

Json = dict[str, Any]

DOCUMENTS = Value("SELECT document FROM outbox_activities ORDER BY id", bytes)


class Prover:
    """Somebody at the peer who has an Ed25519 key, shown as FEP-521a says."""

    def __init__(self, peer: FakePeer, name: str) -> None:
        self.peer = peer
        self.actor: PeerActor = peer.actor(name)
        self.key = generate_ed25519_key()
        self.serve()

    @property
    def key_id(self) -> str:
        return f"{self.actor.uri}#ed25519-key"

    def serve(self, **changes: Any) -> None:
        multikey = {
            "id": self.key_id,
            "type": "Multikey",
            "controller": self.actor.uri,
            "publicKeyMultibase": multikey_encode(self.key.public_key()),
        } | changes
        self.peer.serve(
            f"/users/{self.actor.name}", self.actor.document(assertionMethod=[multikey])
        )

    def proven(
        self,
        activity: Json,
        *,
        key: Ed25519PrivateKey | None = None,
        key_id: str | None = None,
        made: datetime | None = None,
    ) -> Json:
        return add_proof(
            activity,
            key_id=key_id or self.key_id,
            private_key=key or self.key,
            now=made or datetime.now(UTC),
        )


@pytest.fixture
def author(peer: FakePeer) -> Prover:
    return Prover(peer, "author")


@pytest.fixture
def relay(peer: FakePeer) -> PeerActor:
    """Somebody who brings what others said."""
    return peer.actor("relay")


async def test_forwarded_activity_with_a_proof_is_its_authors(
    server: Server, peer: FakePeer, author: Prover, relay: PeerActor
) -> None:
    activity = author.proven(author.actor.create(1))
    answer = await peer.post(server.shared_inbox, activity, actor=relay)
    assert answer.status == 202
    (item,) = await server.items()
    assert (item.actor_uri, item.type) == (author.actor.uri, "Create")


async def test_key_of_a_known_author_is_not_fetched_again(
    server: Server, peer: FakePeer, author: Prover, relay: PeerActor
) -> None:
    for number in (1, 2):
        activity = author.proven(author.actor.create(number))
        assert (await peer.post(server.shared_inbox, activity, actor=relay)).status == 202
    assert peer.times_asked("/users/author") == 1


Make = Callable[[Prover], Json]


def _of_another_key(author: Prover) -> Json:
    return author.proven(author.actor.create(1), key=generate_ed25519_key())


def _changed(author: Prover) -> Json:
    return author.proven(author.actor.create(1)) | {"to": [PUBLIC, "https://more.example/"]}


def _old(author: Prover) -> Json:
    return author.proven(author.actor.create(1), made=datetime.now(UTC) - timedelta(days=11))


def _of_no_time(author: Prover) -> Json:
    made = author.proven(author.actor.create(1))
    return made | {"proof": {key: v for key, v in made["proof"].items() if key != "created"}}


def _of_a_foreign_key(author: Prover) -> Json:
    return author.proven(author.actor.create(1), key_id="http://elsewhere.example/users/a#key")


def _of_the_rsa_key(author: Prover) -> Json:
    return author.proven(author.actor.create(1), key_id=author.actor.key_id)


def _without(author: Prover) -> Json:
    return author.actor.create(1)


@pytest.mark.parametrize(
    "make",
    [
        *(_of_another_key, _changed, _old, _of_no_time),
        *(_of_a_foreign_key, _of_the_rsa_key, _without),
    ],
)
async def test_forwarded_activity_that_proves_nothing_is_not_believed(
    server: Server, peer: FakePeer, author: Prover, relay: PeerActor, make: Make
) -> None:
    answer = await peer.post(server.shared_inbox, make(author), actor=relay)
    assert answer.status == 403
    assert await server.items() == []


async def test_proof_of_another_actor_of_the_same_host_is_not_the_authors(
    server: Server, peer: FakePeer, author: Prover, relay: PeerActor
) -> None:
    other = Prover(peer, "other")
    activity = other.proven(author.actor.create(1))
    answer = await peer.post(server.shared_inbox, activity, actor=relay)
    assert answer.status == 403
    assert await server.items() == []


async def test_key_that_names_another_owner_is_not_believed(
    server: Server, peer: FakePeer, author: Prover, relay: PeerActor
) -> None:
    author.serve(controller=relay.uri)
    activity = author.proven(author.actor.create(1))
    assert (await peer.post(server.shared_inbox, activity, actor=relay)).status == 403
    assert await server.items() == []


async def test_proof_does_not_stand_for_a_request_signature(
    server: Server, peer: FakePeer, author: Prover, relay: PeerActor
) -> None:
    activity = author.proven(author.actor.create(1))
    unsigned = await peer.post(server.shared_inbox, activity, actor=relay, without=("signature",))
    forged = await peer.post(server.shared_inbox, activity, actor=relay, key=author.actor.key)
    assert (unsigned.status, forged.status) == (401, 401)
    assert await server.items() == []


async def test_activity_of_ours_is_not_taken_from_outside(
    server: Server, peer: FakePeer, relay: PeerActor
) -> None:
    await perform(server.ctx, UpdateActor(actor=server.alice, uri=f"{server.alice.uri}#updates/1"))
    (sent,) = await server.ctx.db.values(DOCUMENTS)
    answer = await peer.post(server.shared_inbox, sent, actor=relay)
    assert answer.status == 403
    assert await server.items() == []


async def test_author_who_is_suspended_here_is_not_brought_in(
    server: Server, peer: FakePeer, author: Prover, relay: PeerActor
) -> None:
    activity = author.proven(author.actor.create(1))
    assert (await peer.post(server.shared_inbox, activity, actor=relay)).status == 202
    await server.ctx.db.execute(SUSPEND, author.actor.uri)
    server.ctx.signer_keys.forget(author.key_id)
    activity = author.proven(author.actor.create(2))
    assert (await peer.post(server.shared_inbox, activity, actor=relay)).status == 403


async def test_replaced_key_is_read_anew_once(
    server: Server, peer: FakePeer, author: Prover, relay: PeerActor
) -> None:
    activity = author.proven(author.actor.create(1))
    assert (await peer.post(server.shared_inbox, activity, actor=relay)).status == 202
    author.key = generate_ed25519_key()
    author.serve()
    for number in (2, 3):
        activity = author.proven(author.actor.create(number))
        assert (await peer.post(server.shared_inbox, activity, actor=relay)).status == 202
    assert peer.times_asked("/users/author") == 2
    forged = author.proven(author.actor.create(4), key=generate_ed25519_key())
    assert (await peer.post(server.shared_inbox, forged, actor=relay)).status == 403
    assert peer.times_asked("/users/author") == 2


# What we send.


async def _public_key(peer: FakePeer, actor: str) -> PublicKey:
    """The key as FEP-521a has it in the actor document."""
    document = orjson.loads((await peer.get(actor)).text)
    (multikey,) = document["assertionMethod"]
    assert multikey["type"] == "Multikey"
    assert multikey["controller"] == actor
    assert multikey["id"] == ed25519_key(actor)
    return multikey_decode(multikey["publicKeyMultibase"])


@pytest.fixture
async def alice(database_dsn: str, tmp_path: Path, peer: FakePeer) -> AsyncIterator[Person]:
    port = int(peer.host.rpartition(":")[2])
    async with start_instance(
        database_dsn, tmp_path / "whole", unused_port(), peers=(port,)
    ) as instance:
        yield await instance.person("alice")


def _verify(document: Json, key: PublicKey, actor: str) -> None:
    claim = read_proof(document, now=datetime.now(UTC))
    verify_proof(claim, key)
    assert claim.verification_method == ed25519_key(actor)


async def _post_to_a_peer(alice: Person, peer: FakePeer, visibility: str) -> tuple[Json, Json]:
    """Give the status, and the activity as the peer got it."""
    peer.actor("friend")
    posted = await alice.post(
        "/api/v1/statuses", status=f"Hello @friend@{peer.host} ☺ #tag", visibility=visibility
    )

    async def sent() -> list[Request]:
        return peer.received

    return posted, (await until(sent))[0].document


@pytest.mark.parametrize("visibility", ["public", "unlisted"])
async def test_public_post_bears_the_same_proof_wherever_it_is_read(
    alice: Person, peer: FakePeer, visibility: str
) -> None:
    posted, sent = await _post_to_a_peer(alice, peer, visibility)
    actor = sent["actor"]
    _verify(sent, await _public_key(peer, actor), actor)
    assert orjson.loads((await peer.get(posted["uri"] + "/activity")).text) == sent
    page = orjson.loads((await peer.get(f"{actor}/outbox?page=true")).text)
    assert page["orderedItems"] == [sent]


@pytest.mark.parametrize("visibility", ["private", "direct"])
async def test_what_is_not_public_stays_deniable(
    alice: Person, peer: FakePeer, visibility: str
) -> None:
    _, sent = await _post_to_a_peer(alice, peer, visibility)
    assert "proof" not in sent
    assert "https://w3id.org/security/data-integrity/v1" not in sent["@context"]


async def test_profile_that_changes_is_told_with_a_proof(server: Server, peer: FakePeer) -> None:
    alice = server.alice.uri
    await perform(server.ctx, UpdateActor(actor=server.alice, uri=f"{alice}#updates/1"))
    (sent,) = await server.ctx.db.values(DOCUMENTS)
    _verify(orjson.loads(sent), await _public_key(peer, alice), alice)


# What Mastodon passes on.


def _verify_graph(document: Json, pem: str) -> None:
    key, signature = load_public_key(pem), document["signature"]
    assert isinstance(key, RSAPublicKey)
    value = base64.b64decode(signature["signatureValue"])
    key.verify(value, covered_bytes(document, signature), PKCS1v15(), SHA256())


async def _answer(alice: Person, peer: FakePeer, visibility: str) -> Json:
    """Answer a post of the peer's, and give the activity that it gets."""
    friend = peer.actor("friend")
    note = friend.note(1, inReplyTo=None)
    peer.serve("/notes/1", note)
    found = await alice.get("/api/v2/search", q=note["id"], resolve="true")
    (status,) = found["statuses"]
    await alice.post(
        "/api/v1/statuses",
        status=f"@friend@{peer.host} yes",
        in_reply_to_id=status["id"],
        visibility=visibility,
    )

    async def sent() -> list[Request]:
        return peer.received

    return (await until(sent))[0].document


async def test_public_answer_to_a_peer_bears_a_proof_and_a_linked_data_signature(
    alice: Person, peer: FakePeer
) -> None:
    sent = await _answer(alice, peer, "public")
    actor = sent["actor"]
    assert sent["object"]["inReplyTo"] == f"{peer.base_url}/notes/1"
    _verify(sent, await _public_key(peer, actor), actor)
    shown = orjson.loads((await peer.get(actor)).text)["publicKey"]
    assert sent["signature"]["creator"] == shown["id"]
    _verify_graph(sent, shown["publicKeyPem"])


async def test_private_answer_bears_neither(alice: Person, peer: FakePeer) -> None:
    sent = await _answer(alice, peer, "private")
    assert sent["object"]["inReplyTo"] == f"{peer.base_url}/notes/1"
    assert "proof" not in sent
    assert "signature" not in sent


async def test_deletion_is_signed_for_who_passes_it_on(alice: Person, peer: FakePeer) -> None:
    posted, created = await _post_to_a_peer(alice, peer, "public")
    assert "signature" not in created
    await alice.delete(f"/api/v1/statuses/{posted['id']}")

    async def deleted() -> list[Json]:
        return [one.document for one in peer.received if one.document["type"] == "Delete"]

    (sent,) = await until(deleted)
    shown = orjson.loads((await peer.get(sent["actor"])).text)["publicKey"]
    _verify_graph(sent, shown["publicKeyPem"])
    _verify(sent, await _public_key(peer, sent["actor"]), sent["actor"])
