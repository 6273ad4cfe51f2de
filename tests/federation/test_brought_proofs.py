"""An object that somebody else brings counts for its proof, where its origin does not answer."""

from typing import Any

import pytest

from fedserver.services import resolve
from fedserver.services.fetch import Budget
from storage.query import Value
from tests.federation.conftest import Server
from tests.federation.fake_peer import PUBLIC, FakePeer, PeerActor, answering
from tests.federation.processing import take
from tests.federation.test_collections import followed
from tests.federation.test_proofs import Prover

Json = dict[str, Any]

CONTENTS = Value("SELECT content FROM statuses ORDER BY id", str)


@pytest.fixture
async def booster(server: Server, peer: FakePeer) -> PeerActor:
    """Somebody whom alice follows."""
    actor = peer.actor("booster")
    await followed(server, actor)
    return actor


def _announce(booster: PeerActor, inner: Json) -> Json:
    return {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"{booster.uri}/announces/1",
        "type": "Announce",
        "actor": booster.uri,
        "object": inner,
        "to": [PUBLIC],
    }


async def _known_author(server: Server, peer: FakePeer) -> Prover:
    author = Prover(peer, "author")
    await resolve.account(server.ctx, author.actor.uri, Budget(5))
    return author


async def test_boost_brings_the_post_of_an_origin_that_does_not_answer(
    server: Server, peer: FakePeer, booster: PeerActor
) -> None:
    author = await _known_author(server, peer)
    note = author.proven(author.actor.note(1, content="<p>mine</p>"))
    peer.documents["/notes/1"] = answering(502)
    item = await take(server, peer, booster, _announce(booster, note))
    assert item.outcome == "done", item
    assert "<p>mine</p>" in await server.ctx.db.values(CONTENTS)


@pytest.mark.parametrize("how", ["changed", "unproven", "of another", "stranger"])
async def test_boost_that_proves_nothing_brings_nothing(
    server: Server, peer: FakePeer, booster: PeerActor, how: str
) -> None:
    author = Prover(peer, "author") if how == "stranger" else await _known_author(server, peer)
    note = author.actor.note(1, content="<p>mine</p>")
    proven = author.proven(note)
    if how == "changed":
        proven["content"] = "<p>not mine</p>"
    if how == "unproven":
        proven = note
    if how == "of another":
        other = Prover(peer, "other")
        proven = other.proven(note)
    if how == "stranger":
        peer.documents["/users/author"] = answering(502)
    peer.documents["/notes/1"] = answering(502)
    item = await take(server, peer, booster, _announce(booster, proven))
    assert item.outcome != "done", item
    assert await server.ctx.db.values(CONTENTS) == []
