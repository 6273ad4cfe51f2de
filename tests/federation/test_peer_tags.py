"""The hashtags that peers' people show on their profiles: Add, Remove, and their collections."""

from typing import Any

import pytest

from fedserver.services import resolve
from fedserver.services.fetch import Budget
from fedserver.workers.acquaintance import read_some_featured_tags
from storage.accounts import AccountRow
from storage.featured_tags import FEATURED_TAGS_OF
from storage.query import Command
from tests.federation.conftest import Server
from tests.federation.fake_peer import FakePeer, PeerActor
from tests.federation.processing import take
from tests.federation.test_featured import FOLLOW

UNREAD = Command("UPDATE accounts SET featured_tags_read_at = NULL WHERE id = $1")


@pytest.fixture
def mallory(peer: FakePeer) -> PeerActor:
    actor = peer.actor("mallory")
    named = {"featured": f"{actor.uri}/featured", "featuredTags": f"{actor.uri}/tags"}
    peer.serve("/users/mallory", actor.document(**named))
    return actor


def hashtag(name: str) -> dict[str, str]:
    return {"type": "Hashtag", "href": f"https://far.test/tags/{name}", "name": f"#{name}"}


async def known(server: Server, actor: PeerActor) -> AccountRow:
    return await resolve.account(server.ctx, actor.uri, Budget(9))


async def shown(server: Server, actor: PeerActor) -> list[str]:
    account = await known(server, actor)
    return [one.name for one in await server.ctx.db.fetch(FEATURED_TAGS_OF, account.id)]


async def outcome(
    server: Server, peer: FakePeer, actor: PeerActor, kind: str, number: int, **more: Any
) -> str | None:
    return (await take(server, peer, actor, actor.activity(kind, number, **more))).outcome


@pytest.mark.parametrize("collection", ["featured", "tags"])
async def test_a_peer_adds_and_removes_a_hashtag(
    server: Server, peer: FakePeer, mallory: PeerActor, collection: str
) -> None:
    more = {"object": hashtag("Garden"), "target": f"{mallory.uri}/{collection}"}
    assert await outcome(server, peer, mallory, "Add", 1, **more) == "done"
    assert await outcome(server, peer, mallory, "Add", 2, **more) == "duplicate"
    assert await shown(server, mallory) == ["Garden"]
    assert await outcome(server, peer, mallory, "Remove", 3, **more) == "done"
    assert await shown(server, mallory) == []


async def test_nobody_adds_to_others_profiles_or_without_end(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    victor = peer.actor("victor")
    named = {"featured": f"{victor.uri}/featured", "featuredTags": f"{victor.uri}/tags"}
    peer.serve("/users/victor", victor.document(**named))
    await known(server, victor)
    for number, target in enumerate((f"{victor.uri}/tags", f"{victor.uri}/featured", None), 1):
        more = {"object": hashtag("spam"), "target": target}
        assert await outcome(server, peer, mallory, "Add", number, **more) == "ignored"
    assert await shown(server, victor) == []
    own = f"{mallory.uri}/tags"
    bad = {"object": hashtag("two words"), "target": own}
    assert await outcome(server, peer, mallory, "Add", 9, **bad) == "ignored"
    ends = [
        await outcome(
            server, peer, mallory, "Add", 10 + number, object=hashtag(f"t{number}"), target=own
        )
        for number in range(21)
    ]
    assert ends == ["done"] * 20 + ["refused"]


async def test_the_collection_of_a_followed_account_is_taken_over(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    uri = f"{mallory.uri}/tags"
    collection = {"id": uri, "type": "Collection"}
    items = [hashtag("Garden"), hashtag("garden"), hashtag("no tag"), "https://far.test/x"]
    peer.serve("/users/mallory/tags", collection | {"items": items})
    account = await known(server, mallory)
    assert await read_some_featured_tags(server.ctx) == 0
    await server.ctx.db.execute(FOLLOW, server.alice.id, account.id)
    assert await read_some_featured_tags(server.ctx) == 1
    assert await read_some_featured_tags(server.ctx) == 0
    assert [one.lower() for one in await shown(server, mallory)] == ["garden"]
    many = [hashtag(f"t{number}") for number in range(50)]
    page = {"id": f"{uri}?page=1", "type": "CollectionPage", "partOf": uri, "items": many}
    peer.serve("/users/mallory/tags", collection | {"first": page["id"]})
    peer.serve("/users/mallory/tags?page=1", page)
    await server.ctx.db.execute(UNREAD, account.id)
    assert await read_some_featured_tags(server.ctx) == 1
    assert len(await shown(server, mallory)) == 20
    assert peer.times_asked("/users/mallory/tags") == 2


async def test_what_is_not_there_changes_nothing(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    more = {"object": hashtag("Garden"), "target": f"{mallory.uri}/tags"}
    await outcome(server, peer, mallory, "Add", 1, **more)
    await server.ctx.db.execute(FOLLOW, server.alice.id, (await known(server, mallory)).id)
    assert await read_some_featured_tags(server.ctx) == 0
    assert await shown(server, mallory) == ["Garden"]
