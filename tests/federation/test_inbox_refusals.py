"""What no good server sends: each gets the right refusal, and nothing is stored."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from aiohttp import web

from activitypub.keys import public_key_to_pem
from activitypub.signatures import Dialect
from tests.federation.conftest import KNOWN_ACTORS, MAX_DOCUMENT_BYTES, SUSPEND, Server
from tests.federation.fake_peer import (
    ACTIVITY_JSON,
    CONTEXT,
    FakePeer,
    PeerActor,
    Request,
    rsa_key,
)


@pytest.fixture
def mallory(peer: FakePeer) -> PeerActor:
    return peer.actor("mallory")


async def nothing_stored(server: Server) -> bool:
    return await server.items() == []


async def test_an_unsigned_activity_is_refused(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    answer = await peer.post(
        server.shared_inbox, mallory.create(1), actor=mallory, without=("signature",)
    )
    assert (answer.status, answer.error) == (401, "request is not signed")
    assert await nothing_stored(server)
    assert peer.asked == []


@pytest.mark.parametrize("dialect", Dialect)
async def test_a_body_that_is_not_what_was_signed_is_refused(
    server: Server, peer: FakePeer, mallory: PeerActor, dialect: Dialect
) -> None:
    body = orjson.dumps(mallory.create(1))
    answer = await peer.post(
        server.shared_inbox,
        body,
        actor=mallory,
        dialect=dialect,
        sent_body=body.replace(b"Note 1", b"Note 2"),
    )
    assert answer.status == 401
    assert "digest" in answer.error
    assert await nothing_stored(server)


@pytest.mark.parametrize("dialect", Dialect)
async def test_a_digest_that_is_right_but_was_not_signed_is_refused(
    server: Server, peer: FakePeer, mallory: PeerActor, dialect: Dialect
) -> None:
    other = orjson.dumps(mallory.create(2))
    signed_for = await _headers_of(peer, server, mallory, other, dialect)
    answer = await peer.post(
        server.shared_inbox, mallory.create(1), actor=mallory, dialect=dialect, headers=signed_for
    )
    assert answer.status == 401
    assert await nothing_stored(server)


async def _headers_of(
    peer: FakePeer, server: Server, actor: PeerActor, body: bytes, dialect: Dialect
) -> dict[str, str]:
    """The digest headers of another body, while the signature is of this one."""
    from activitypub.digests import content_digest_header, digest_header

    if dialect is Dialect.CAVAGE:
        return {"Digest": digest_header(body)}
    return {"Content-Digest": content_digest_header(body)}


async def test_a_missing_digest_is_refused(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    answer = await peer.post(
        server.shared_inbox, mallory.create(1), actor=mallory, without=("digest",)
    )
    assert answer.status == 401
    assert await nothing_stored(server)


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("off_by", [timedelta(hours=-13), timedelta(hours=2)])
async def test_a_stale_or_future_date_is_refused(
    server: Server, peer: FakePeer, mallory: PeerActor, dialect: Dialect, off_by: timedelta
) -> None:
    answer = await peer.post(
        server.shared_inbox,
        mallory.create(1),
        actor=mallory,
        dialect=dialect,
        date=datetime.now(UTC) + off_by,
    )
    assert answer.status == 401
    assert await nothing_stored(server)


async def test_a_signature_for_another_inbox_is_refused(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    body = orjson.dumps(mallory.create(1))
    kept: dict[str, str] = {}

    async def keep(request: Request) -> web.StreamResponse:
        kept.update(request.headers)
        return web.Response(status=202)

    peer.answer_inbox = keep
    await peer.post(f"{peer.base_url}/inbox", body, actor=mallory)
    replayed = {name: kept[name] for name in ("date", "digest", "signature", "content-type")}
    answer = await peer.post_raw(server.shared_inbox, body, replayed)
    assert answer.status == 401
    assert await nothing_stored(server)


async def test_a_foreign_key_is_refused(server: Server, peer: FakePeer, mallory: PeerActor) -> None:
    """The key id names Mallory's key; the signature is another's."""
    answer = await peer.post(
        server.shared_inbox, mallory.create(1), actor=mallory, key=rsa_key("somebody else")
    )
    assert (answer.status, answer.error) == (401, "signature does not verify")
    assert await nothing_stored(server)


async def test_who_signs_for_another_actor_of_the_same_peer_is_refused(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    victim = peer.actor("victim")
    answer = await peer.post(server.shared_inbox, victim.create(1), actor=mallory)
    assert (answer.status, answer.error) == (403, "the actor is not who signed")
    assert await nothing_stored(server)


async def test_who_signs_for_one_of_ours_is_refused(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    activity = mallory.create(1, actor=server.alice.uri)
    answer = await peer.post(server.shared_inbox, activity, actor=mallory)
    assert answer.status == 403
    assert await nothing_stored(server)


async def test_our_own_key_id_is_of_no_use_to_others(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    activity = mallory.create(1, actor=server.alice.uri)
    answer = await peer.post(
        server.shared_inbox, activity, actor=mallory, key_id=f"{server.alice.uri}#main-key"
    )
    assert answer.status == 401
    assert await nothing_stored(server)


@pytest.mark.parametrize("spoofed", ["https://elsewhere.example/activities/1", None, 7])
async def test_an_id_that_is_missing_or_of_another_origin_is_refused(
    server: Server, peer: FakePeer, mallory: PeerActor, spoofed: Any
) -> None:
    answer = await peer.post(server.shared_inbox, mallory.create(1, id=spoofed), actor=mallory)
    assert answer.status in (400, 403)
    assert await nothing_stored(server)


async def test_a_key_that_its_owner_does_not_list_is_refused(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    answer = await peer.post(
        server.shared_inbox, mallory.create(1), actor=mallory, key_id=f"{mallory.uri}#other-key"
    )
    assert answer.status == 401
    assert await nothing_stored(server)


async def test_a_key_document_cannot_name_an_owner_that_does_not_list_it(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    """Mallory serves a key that says it is the victim's; the victim knows nothing of it."""
    victim = peer.actor("victim")
    key_id = f"{peer.base_url}/keys/1"
    peer.serve(
        "/keys/1",
        {
            "@context": [CONTEXT, "https://w3id.org/security/v1"],
            "id": key_id,
            "owner": victim.uri,
            "publicKeyPem": public_key_to_pem(mallory.key.public_key()),
        },
    )
    answer = await peer.post(server.shared_inbox, victim.create(1), actor=mallory, key_id=key_id)
    assert answer.status == 401
    assert await nothing_stored(server)
    assert peer.times_asked("/users/victim") == 1


async def test_a_key_as_a_document_of_its_own_leads_to_its_owner(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    """GoToSocial's key ids are paths, and answer with a stub."""
    key_id = f"{mallory.uri}/main-key"
    key = {
        "id": key_id,
        "owner": mallory.uri,
        "publicKeyPem": public_key_to_pem(mallory.key.public_key()),
    }
    peer.serve("/users/mallory", mallory.document(publicKey=key))
    stub = {"@context": [CONTEXT, "https://w3id.org/security/v1"], "id": mallory.uri}
    peer.serve("/users/mallory/main-key", stub | {"type": "Person", "publicKey": key})
    answer = await peer.post(server.shared_inbox, mallory.create(1), actor=mallory, key_id=key_id)
    assert answer.status == 202
    (item,) = await server.items()
    assert item.actor_uri == mallory.uri


async def test_an_announced_oversized_body_is_refused(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    activity = mallory.create(1, summary="x" * MAX_DOCUMENT_BYTES)
    answer = await peer.post(server.shared_inbox, activity, actor=mallory)
    assert answer.status == 413
    assert await nothing_stored(server)


async def test_an_oversized_body_without_a_length_is_refused(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(MAX_DOCUMENT_BYTES // 1024 + 2):
            yield b" " * 1024

    answer = await peer.post_raw(
        server.shared_inbox, chunks(), {"Content-Type": ACTIVITY_JSON, "Signature": "x"}
    )
    assert answer.status == 413
    assert await nothing_stored(server)


async def test_a_deeply_nested_body_is_refused(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    nested: Any = "core"
    for _ in range(200):
        nested = {"object": nested}
    answer = await peer.post(
        server.shared_inbox, mallory.create(1, attachment=nested), actor=mallory
    )
    assert answer.status == 400
    assert "deep" in answer.error
    assert await nothing_stored(server)


async def test_a_body_nested_beyond_any_parser_is_refused(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    body = b'{"id":' + b"[" * 30_000 + b"]" * 30_000 + b"}"
    answer = await peer.post(server.shared_inbox, body, actor=mallory)
    assert answer.status == 400
    assert await nothing_stored(server)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'"text"',
        b"\xff\xfe{}",
        b'{"type": "Create", "type": "Delete"}',
        b'{"id": "\\u0000"}',
        b'{"id": "\\ud800"}',
        b"{}",
        b'{"@graph": []}',
        b'{"type": "Create", "@reverse": {}}',
    ],
)
async def test_a_malformed_body_is_refused(
    server: Server, peer: FakePeer, mallory: PeerActor, body: bytes
) -> None:
    answer = await peer.post(server.shared_inbox, body, actor=mallory)
    assert answer.status == 400
    assert await nothing_stored(server)


@pytest.mark.parametrize(
    "context",
    [
        {"actor": "https://example.org/other"},
        {"obj": "as:object"},
        {"kind": "@type"},
        [None, CONTEXT],
    ],
    ids=["redefined", "alias of a term", "alias of a keyword", "cleared"],
)
async def test_a_context_cannot_give_a_body_two_meanings(
    server: Server, peer: FakePeer, mallory: PeerActor, context: Any
) -> None:
    members = context if isinstance(context, list) else [CONTEXT, context]
    answer = await peer.post(
        server.shared_inbox, mallory.create(1, **{"@context": members}), actor=mallory
    )
    if context == {"obj": "as:object"}:  # a name beside the term's own changes nothing for us
        assert answer.status == 202
        return
    assert answer.status == 400
    assert await nothing_stored(server)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/ld+json",
        'application/ld+json; profile="https://example.org/other"',
        "text/plain",
        "text/html",
        "multipart/form-data; boundary=x",
        "application/octet-stream",
        "",
    ],
)
async def test_another_content_type_is_refused(
    server: Server, peer: FakePeer, mallory: PeerActor, content_type: str
) -> None:
    answer = await peer.post(
        server.shared_inbox, mallory.create(1), actor=mallory, content_type=content_type
    )
    assert answer.status == 415
    assert await nothing_stored(server)


async def test_a_suspended_actor_is_refused(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    await peer.post(server.shared_inbox, mallory.create(1), actor=mallory)
    await server.ctx.db.execute(SUSPEND, mallory.uri)
    server.ctx.signer_keys.forget(mallory.key_id)
    answer = await peer.post(server.shared_inbox, mallory.create(2), actor=mallory)
    assert answer.status == 403
    assert len(await server.items()) == 1


async def test_what_is_refused_leaves_no_actor_behind_either(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    await peer.post(server.shared_inbox, b"not json", actor=mallory)
    await peer.post(server.shared_inbox, mallory.create(1), actor=mallory, without=("digest",))
    assert await server.ctx.db.value(KNOWN_ACTORS) == 0
    assert peer.asked == []
