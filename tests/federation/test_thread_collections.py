"""Replies, likes, shares and threads of our posts, as peers read them: each reader sees theirs."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from storage.query import Command
from storage.statuses import STATUS_BY_URI
from tests.conftest import unused_port
from tests.federation.fake_peer import PUBLIC, FakePeer, Json, PeerActor
from tests.instances import Instance, Person, start_instance
from tests.waiting import until

FOLLOWED = Command(
    """
    INSERT INTO follows (id, account_id, target_id, uri, accepted_at, created_at)
    SELECT 77, f.id, t.id, 'x:77', now(), now() FROM accounts f, accounts t
    WHERE f.uri = $1 AND t.uri = $2
    """
)


@pytest.fixture
async def instance(database_dsn: str, tmp_path: Path, peer: FakePeer) -> AsyncIterator[Instance]:
    peer_port = int(peer.host.rpartition(":")[2])
    async with start_instance(
        database_dsn, tmp_path / "here", unused_port(), peers=(peer_port,)
    ) as started:
        yield started


@pytest.fixture
async def alice(instance: Instance) -> Person:
    return await instance.person("alice")


async def read(peer: FakePeer, uri: str, actor: PeerActor | None = None) -> Json:
    answer = await peer.get(uri, actor=actor)
    assert answer.status == 200, (uri, answer)
    document: Json = orjson.loads(answer.text)
    return document


async def all_items(peer: FakePeer, uri: str, actor: PeerActor | None = None) -> list[Any]:
    """Walk the collection from its head to its end."""
    collection = await read(peer, uri, actor)
    assert collection["id"] == uri
    page = collection["first"]
    found: list[Any] = []
    while page is not None:
        document = page if isinstance(page, dict) else await read(peer, page, actor)
        assert document["partOf"] == uri
        found += document.get("orderedItems", document.get("items", []))
        page = document.get("next")
    return [one if isinstance(one, str) else one["id"] for one in found]


async def reply_from(
    instance: Instance, peer: FakePeer, actor: PeerActor, number: int, answered: Json, **more: Any
) -> str:
    """Let `actor` answer a post of ours, and wait until that is here; give the answer's id."""
    note = actor.note(number, inReplyTo=answered["uri"], **more)
    create = actor.create(number, object=note)
    assert (await peer.post(f"{instance.base_url}/inbox", create, actor=actor)).status == 202
    uri: str = note["id"]

    async def here() -> bool:
        found = await instance.ctx.db.fetch(STATUS_BY_URI, uri)
        return bool(found)

    await until(here)
    return uri


async def test_a_note_names_its_collections(alice: Person, peer: FakePeer) -> None:
    posted = await alice.post("/api/v1/statuses", status="Hello")
    note = await read(peer, posted["uri"])
    for name in ("replies", "likes", "shares", "context"):
        assert note[name] == f"{posted['uri']}/{name}"
        assert (await peer.get(note[name])).status == 200


async def test_replies_are_filtered_for_who_asks(
    instance: Instance, alice: Person, peer: FakePeer
) -> None:
    bob, friend, mallory = await instance.person("bob"), peer.actor("friend"), peer.actor("mallory")
    posted = await alice.post("/api/v1/statuses", status="Hello")
    public = await bob.post("/api/v1/statuses", status="Hi", in_reply_to_id=posted["id"])
    foreign = await reply_from(instance, peer, friend, 1, posted)
    private = await bob.post(
        "/api/v1/statuses",
        status=f"psst @friend@{peer.host}",
        in_reply_to_id=posted["id"],
        visibility="direct",
    )
    replies = posted["uri"] + "/replies"
    everybody = {public["uri"], foreign}
    assert set(await all_items(peer, replies)) == everybody
    assert set(await all_items(peer, replies, mallory)) == everybody
    assert set(await all_items(peer, replies, friend)) == everybody | {private["uri"]}
    assert not peer.times_asked("/users/mallory"), "no key is fetched for what is public"


async def test_likes_and_shares_name_the_activities(
    instance: Instance, alice: Person, peer: FakePeer
) -> None:
    bob = await instance.person("bob")
    posted = await alice.post("/api/v1/statuses", status="Hello")
    await bob.post(f"/api/v1/statuses/{posted['id']}/favourite")
    boost = await bob.post(f"/api/v1/statuses/{posted['id']}/reblog")
    likes = await read(peer, posted["uri"] + "/likes")
    assert likes["totalItems"] == 1
    (like,) = await all_items(peer, posted["uri"] + "/likes")
    assert like.startswith(instance.base_url + "/activities/")
    assert (await read(peer, posted["uri"] + "/shares"))["totalItems"] == 1
    assert await all_items(peer, posted["uri"] + "/shares") == [boost["uri"]]


async def test_likes_come_in_pages(instance: Instance, alice: Person, peer: FakePeer) -> None:
    posted = await alice.post("/api/v1/statuses", status="Hello")
    await instance.ctx.db.execute(MANY_LIKES, int(posted["id"]))
    found = await all_items(peer, posted["uri"] + "/likes")
    assert len(found) == len(set(found)) == 120


MANY_LIKES = Command(
    """
    WITH people AS (
        INSERT INTO accounts (id, uri, username, domain, url, inbox_url, created_at)
        SELECT n, 'https://p.example/' || n, 'p' || n, 'p.example', 'https://p.example/' || n,
            'https://p.example/inbox', now() FROM generate_series(1, 120) n RETURNING id
    )
    INSERT INTO favourites (id, account_id, status_id, uri, created_at)
    SELECT id + 1000, id, $1, 'https://p.example/likes/' || id, now() FROM people
    """
)


async def test_a_thread_is_one_collection_of_its_first_author(
    instance: Instance, alice: Person, peer: FakePeer
) -> None:
    bob, friend = await instance.person("bob"), peer.actor("friend")
    root = await alice.post("/api/v1/statuses", status="Hello")
    answer = await bob.post("/api/v1/statuses", status="Hi", in_reply_to_id=root["id"])
    foreign = await reply_from(instance, peer, friend, 1, answer)
    context = (await read(peer, answer["uri"]))["context"]
    assert context == root["uri"] + "/context"
    collection = await read(peer, context)
    assert collection["type"] == "OrderedCollection"
    assert collection["attributedTo"] == f"{instance.base_url}/users/alice"
    assert set(await all_items(peer, context)) == {root["uri"], answer["uri"], foreign}
    assert (await peer.get(answer["uri"] + "/context")).status == 404


async def test_a_private_thread_is_hidden_with_all_its_collections(
    instance: Instance, alice: Person, peer: FakePeer
) -> None:
    friend, mallory = peer.actor("friend"), peer.actor("mallory")
    posted = await alice.post("/api/v1/statuses", status="For friends", visibility="private")
    for name in ("replies", "likes", "shares", "context"):
        uri = f"{posted['uri']}/{name}"
        assert (await peer.get(uri)).status == 404
        assert (await peer.get(uri, actor=mallory)).status == 404
        assert (await peer.get(uri, actor=friend)).status == 404
    account = f"{instance.base_url}/users/alice"
    assert await instance.ctx.db.execute(FOLLOWED, friend.uri, account) == 1
    for name in ("replies", "likes", "shares", "context"):
        assert (await peer.get(f"{posted['uri']}/{name}", actor=friend)).status == 200, name


async def test_an_answer_in_a_peers_thread_names_the_peers_context(
    instance: Instance, alice: Person, peer: FakePeer
) -> None:
    friend = peer.actor("friend")
    context = f"{peer.base_url}/contexts/1"
    me = f"{instance.base_url}/users/alice"
    tag = [{"type": "Mention", "href": me, "name": "@alice"}]
    note = friend.note(1, context=context, tag=tag, cc=[me], to=[PUBLIC])
    create = friend.create(1, object=note)
    assert (await peer.post(f"{instance.base_url}/inbox", create, actor=friend)).status == 202

    async def mentioned() -> bool:
        return bool(await alice.get("/api/v1/notifications"))

    await until(mentioned)
    (notification,) = await alice.get("/api/v1/notifications")
    answer = await alice.post(
        "/api/v1/statuses", status="Hi", in_reply_to_id=notification["status"]["id"]
    )
    assert (await read(peer, answer["uri"]))["context"] == context
