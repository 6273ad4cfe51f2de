"""Mallory, who claims what is not hers, and whom she claims it of."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fedserver.effects import Create, Follow, NewStatus, perform
from storage.accounts import ACCOUNT_BY_URI, AccountRow
from tests.conftest import unused_port
from tests.federation.conftest import Server, make_config, serve
from tests.federation.fake_peer import (
    FakePeer,
    Json,
    PeerActor,
    start_peer,
)
from tests.federation.processing import mentioning, take


@dataclass(frozen=True, slots=True)
class Scene:
    """Mallory and her neighbour Victor live at one peer, Eve at another; all are known here, and
    Alice follows Mallory. Victor follows Alice, and Alice wants to follow Eve."""

    server: Server
    peer: FakePeer
    elsewhere: FakePeer
    mallory: PeerActor
    victor: PeerActor
    eve: PeerActor

    @property
    def alice(self) -> AccountRow:
        return self.server.alice

    @property
    def note_of_victor(self) -> str:
        return f"{self.peer.base_url}/notes/2"

    @property
    def follow_of_victor(self) -> str:
        return f"{self.peer.base_url}/activities/3"

    @property
    def note_of_alice(self) -> str:
        return f"{self.alice.uri}/statuses/1"

    @property
    def follow_of_alice(self) -> str:
        return f"{self.server.base_url}/activities/5"


@pytest.fixture
async def elsewhere() -> AsyncIterator[FakePeer]:
    async with start_peer(unused_port()) as started:
        yield started


@pytest.fixture
async def server(
    database_dsn: str, tmp_path: Path, peer: FakePeer, elsewhere: FakePeer
) -> AsyncIterator[Server]:
    async with serve(make_config(database_dsn, tmp_path / "here", peer, elsewhere)) as started:
        yield started


@pytest.fixture
async def scene(server: Server, peer: FakePeer, elsewhere: FakePeer) -> Scene:
    mallory, victor, eve = peer.actor("mallory"), peer.actor("victor"), elsewhere.actor("eve")
    alice = server.alice
    for actor, number in ((mallory, 1), (victor, 2), (eve, 1)):
        home = elsewhere if actor is eve else peer
        await take(server, home, actor, mentioning(actor, alice.uri, number))
    await take(server, peer, victor, victor.activity("Follow", 3, object=alice.uri))
    follow = await _ask(server, mallory, 4)
    await take(server, peer, mallory, mallory.activity("Accept", 4, object=follow))
    await _ask(server, eve, 5)
    await perform(server.ctx, _private_post(server))
    peer.asked.clear()
    elsewhere.asked.clear()
    return Scene(server, peer, elsewhere, mallory, victor, eve)


async def _ask(server: Server, whom: PeerActor, number: int) -> str:
    target = await server.ctx.db.one(ACCOUNT_BY_URI, whom.uri)
    assert target is not None
    follow = Follow(actor=server.alice, uri=f"{server.base_url}/activities/{number}", target=target)
    await perform(server.ctx, follow)
    return follow.uri


def _private_post(server: Server) -> Create:
    uri = f"{server.alice.uri}/statuses/1"
    status = NewStatus(
        id=1,
        uri=uri,
        url=uri,
        visibility="private",
        content="<p>For friends</p>",
        created_at=server.ctx.clock.now(),
    )
    return Create(actor=server.alice, uri=f"{uri}/activity", status=status)


def undo_of_a_follow(scene: Scene) -> Json:
    """Mallory takes back what Victor did."""
    return scene.mallory.activity("Undo", 50, object=scene.follow_of_victor)
