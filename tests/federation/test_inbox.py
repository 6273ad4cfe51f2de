"""The inboxes: what a good peer sends is durable before its 202; anything else is refused with the
right status and leaves nothing behind."""

import asyncio

import orjson
import pytest

from activitypub.signatures import Dialect
from tests.federation.conftest import Server
from tests.federation.fake_peer import (
    ACTIVITY_JSON,
    CONTEXT,
    PROFILED_JSON,
    FakePeer,
    PeerActor,
    rsa_key,
)


@pytest.fixture
def mallory(peer: FakePeer) -> PeerActor:
    return peer.actor("mallory")


async def nothing_stored(server: Server) -> bool:
    return await server.items() == []


@pytest.mark.parametrize("path", ["/inbox", "/actor/inbox", "/users/alice/inbox"])
async def test_a_signed_activity_is_stored_as_its_bytes_came(
    server: Server, peer: FakePeer, mallory: PeerActor, path: str
) -> None:
    body = orjson.dumps(mallory.create(1), option=orjson.OPT_INDENT_2)
    answer = await peer.post(server.base_url + path, body, actor=mallory)
    assert (answer.status, answer.text) == (202, "")
    (item,) = await server.items()
    assert item.body == body
    assert (item.type, item.actor_uri) == ("Create", mallory.uri)
    assert item.activity_uri == mallory.create(1)["id"]
    assert item.outcome is None


@pytest.mark.parametrize("dialect", Dialect)
async def test_both_signature_dialects_are_taken(
    server: Server, peer: FakePeer, mallory: PeerActor, dialect: Dialect
) -> None:
    answer = await peer.post(server.shared_inbox, mallory.create(1), actor=mallory, dialect=dialect)
    assert answer.status == 202


@pytest.mark.parametrize("content_type", [ACTIVITY_JSON, PROFILED_JSON])
async def test_both_content_types_are_taken(
    server: Server, peer: FakePeer, mallory: PeerActor, content_type: str
) -> None:
    answer = await peer.post(
        server.shared_inbox, mallory.create(1), actor=mallory, content_type=content_type
    )
    assert answer.status == 202


async def test_a_repeated_activity_is_answered_alike_and_stored_once(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    first = await peer.post(server.shared_inbox, mallory.create(1), actor=mallory)
    again = await peer.post(
        server.base_url + "/users/alice/inbox", mallory.create(1), actor=mallory
    )
    assert (first.status, again.status) == (202, 202)
    assert len(await server.items()) == 1


async def test_many_at_once_are_all_stored_before_their_202(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    posts = [
        peer.post(server.shared_inbox, mallory.create(number % 30), actor=mallory)
        for number in range(60)
    ]
    answers = await asyncio.gather(*posts)
    assert {answer.status for answer in answers} == {202}
    stored = sorted(item.activity_uri for item in await server.items())
    assert stored == sorted(mallory.create(number)["id"] for number in range(30))


async def test_one_unknown_key_is_fetched_once_for_many(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    posts = [
        peer.post(server.shared_inbox, mallory.create(number), actor=mallory)
        for number in range(10)
    ]
    assert {answer.status for answer in await asyncio.gather(*posts)} == {202}
    assert peer.times_asked("/users/mallory") == 1


async def test_a_known_key_is_not_fetched_again(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    await peer.post(server.shared_inbox, mallory.create(1), actor=mallory)
    peer.asked.clear()
    await peer.post(server.shared_inbox, mallory.create(2), actor=mallory)
    assert peer.asked == []


async def test_an_unknown_type_is_stored_for_the_record(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    activity = mallory.activity("Levitate", 1, object="https://example.org/broom")
    answer = await peer.post(server.shared_inbox, activity, actor=mallory)
    assert answer.status == 202
    (item,) = await server.items()
    assert item.type == "Levitate"


async def test_a_remote_context_is_never_fetched(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    peer.serve("/context.jsonld", {"@context": {"actor": "https://example.org/other"}})
    contexts = [CONTEXT, f"{peer.base_url}/context.jsonld"]
    answer = await peer.post(
        server.shared_inbox, mallory.create(1, **{"@context": contexts}), actor=mallory
    )
    assert answer.status == 202
    assert peer.times_asked("/context.jsonld") == 0


async def test_an_expanded_document_with_a_remote_context_is_refused_without_fetching_it(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    peer.serve("/context.jsonld", {"@context": {}})
    activity = mallory.create(1, **{"@context": f"{peer.base_url}/context.jsonld"})
    activity["type"] = "as:Create"
    answer = await peer.post(server.shared_inbox, activity, actor=mallory)
    assert answer.status == 400
    assert peer.times_asked("/context.jsonld") == 0
    assert await nothing_stored(server)


# Deleted actors, and keys that change.


async def test_a_stranger_who_was_deleted_costs_no_fetch(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    activity = mallory.activity("Delete", 1, object=mallory.uri)
    answer = await peer.post(server.shared_inbox, activity, actor=mallory)
    assert answer.status == 202
    assert await nothing_stored(server)
    assert peer.asked == []


async def test_the_deletion_of_a_known_actor_holds_although_its_key_is_gone(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    await peer.post(server.shared_inbox, mallory.create(1), actor=mallory)
    peer.serve("/users/mallory", {}, status=410)
    activity = mallory.activity("Delete", 2, object=mallory.uri)
    answer = await peer.post(server.shared_inbox, activity, actor=mallory)
    assert answer.status == 202
    assert [item.type for item in await server.items()] == ["Create", "Delete"]


async def test_somebody_else_cannot_delete_a_known_actor(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    victim = peer.actor("victim")
    await peer.post(server.shared_inbox, victim.create(1), actor=victim)
    activity = victim.activity("Delete", 2, object=victim.uri)
    answer = await peer.post(server.shared_inbox, activity, actor=mallory)
    assert answer.status == 403
    assert len(await server.items()) == 1


async def test_a_new_key_of_a_known_actor_is_found(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    await peer.post(server.shared_inbox, mallory.create(1), actor=mallory)
    rotated = PeerActor(mallory.base_url, mallory.name, rsa_key("rotated"))
    peer.serve("/users/mallory", rotated.document())
    answer = await peer.post(server.shared_inbox, rotated.create(2), actor=rotated)
    assert answer.status == 202


async def test_wrong_signatures_do_not_make_us_fetch_a_key_again_and_again(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    await peer.post(server.shared_inbox, mallory.create(1), actor=mallory)
    peer.asked.clear()
    for number in range(2, 7):
        answer = await peer.post(
            server.shared_inbox, mallory.create(number), actor=mallory, key=rsa_key("foreign")
        )
        assert answer.status == 401
    assert peer.times_asked("/users/mallory") == 1


async def test_an_unknown_key_of_a_peer_that_fails_is_asked_for_once(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    peer.serve("/users/mallory", {}, status=500)
    for number in range(5):
        answer = await peer.post(server.shared_inbox, mallory.create(number), actor=mallory)
        assert answer.status == 401
    assert peer.times_asked("/users/mallory") == 1
    assert await nothing_stored(server)
