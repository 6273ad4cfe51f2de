"""A peer that wants us to ask whom we should not, to believe actors that pretend, and to choke on
values: nobody is asked, and nothing is kept."""
# ruff: noqa: F811 - fixtures have the names of arguments

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fedserver.entities import statuses
from storage.accounts import ACCOUNT_BY_URI
from storage.query import Value
from tests.conftest import unused_port
from tests.federation.conftest import Server
from tests.federation.fake_peer import (
    PUBLIC,
    FakePeer,
    start_peer,
)
from tests.federation.hostile_scene import (  # noqa: F401 - fixtures
    Scene,
    elsewhere,
    scene,
    server,
    undo_of_a_follow,
)
from tests.federation.processing import mentioning, state, take

_STORED = Value("SELECT id FROM statuses WHERE uri = $1", int)

# Nobody is asked who should not be.


@pytest.fixture
async def inner() -> AsyncIterator[FakePeer]:
    """Something on our own network that nobody outside may reach."""
    async with start_peer(unused_port()) as started:
        yield started


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"]
)
async def test_nothing_on_our_own_network_is_asked(
    scene: Scene, inner: FakePeer, host: str
) -> None:
    inner.actor("bait")
    port = inner.host.rpartition(":")[2]
    bait = f"http://{host}:{port}/users/bait"
    tag = [{"type": "Mention", "href": bait, "name": "@bait"}]
    note = scene.mallory.note(50, tag=tag, inReplyTo=bait, to=[PUBLIC, bait])
    for activity in (
        scene.mallory.create(50, object=note),
        scene.mallory.create(51, object=bait),
        scene.mallory.activity("Announce", 52, object=bait, to=[PUBLIC]),
        scene.mallory.activity("Like", 53, object=bait),
        scene.mallory.activity("Follow", 54, object=bait),
    ):
        await take(scene.server, scene.peer, scene.mallory, activity)
    answer = await scene.peer.post(
        scene.server.shared_inbox, scene.mallory.create(55), key_id=f"{bait}#main-key"
    )
    assert answer.status == 401
    assert inner.asked == []


async def test_a_redirect_does_not_lead_inside(scene: Scene, inner: FakePeer) -> None:
    inner.serve("/notes/70", scene.eve.note(70))
    location = {"Location": f"{inner.base_url}/notes/70"}
    scene.elsewhere.serve("/notes/70", b"", status=302, headers=location)
    boost = scene.mallory.activity(
        "Announce", 50, object=f"{scene.elsewhere.base_url}/notes/70", to=[PUBLIC]
    )
    item = await take(scene.server, scene.peer, scene.mallory, boost)
    assert item.outcome == "refused"
    assert inner.asked == []


# Actors that pretend.


@pytest.mark.parametrize(
    "name",
    ["", " ", "a b", "alice@localhost", "a/b", "<b>x</b>", "x" * 1_000, "a\u202eb", "\u200b", ".."],
)
async def test_an_actor_with_an_impossible_name_is_refused(
    server: Server, peer: FakePeer, name: str
) -> None:
    mallory = peer.actor()
    peer.serve("/users/mallory", mallory.document(preferredUsername=name))
    before = await state(server)
    answer = await peer.post(server.shared_inbox, mallory.create(1), actor=mallory)
    assert answer.status == 401
    assert await state(server) == before


async def test_a_page_of_another_origin_is_not_borrowed(scene: Scene) -> None:
    update = scene.mallory.activity("Update", 50, object=scene.mallory.document(url=scene.eve.uri))
    item = await take(scene.server, scene.peer, scene.mallory, update)
    assert item.outcome == "done"
    mallory = await scene.server.ctx.db.one(ACCOUNT_BY_URI, scene.mallory.uri)
    assert mallory is not None
    assert mallory.url == scene.mallory.uri


async def test_a_shared_inbox_of_another_origin_is_not_used(scene: Scene) -> None:
    endpoints = {"sharedInbox": f"{scene.elsewhere.base_url}/inbox"}
    document = scene.mallory.document(endpoints=endpoints)
    await take(
        scene.server,
        scene.peer,
        scene.mallory,
        scene.mallory.activity("Update", 50, object=document),
    )
    mallory = await scene.server.ctx.db.one(ACCOUNT_BY_URI, scene.mallory.uri)
    assert mallory is not None
    assert mallory.shared_inbox_url is None


# One neighbour cannot kill in advance what another will do.


async def test_an_undo_by_another_does_not_keep_one_from_undoing(scene: Scene) -> None:
    await take(scene.server, scene.peer, scene.mallory, undo_of_a_follow(scene))
    undo = scene.victor.activity("Undo", 51, object=scene.follow_of_victor)
    item = await take(scene.server, scene.peer, scene.victor, undo)
    assert item.outcome == "done", item.reason


@pytest.mark.parametrize("kind", ["Undo", "Delete"])
async def test_what_is_yet_to_come_is_not_killed_by_another(scene: Scene, kind: str) -> None:
    post = mentioning(scene.victor, scene.alice.uri, 60)
    for number, target in ((61, post["id"]), (62, post["object"]["id"])):
        activity = scene.mallory.activity(kind, number, object=target)
        await take(scene.server, scene.peer, scene.mallory, activity)
    item = await take(scene.server, scene.peer, scene.victor, post)
    assert item.outcome == "done", item.reason


# Values at the edge of what the database takes.


@pytest.mark.parametrize(
    "changes",
    [
        {"published": "0001-01-01T00:00:00Z"},
        {"published": "9999-12-31T23:59:59Z", "updated": "9999-12-31T23:59:59Z"},
        {"published": "0001-01-01T00:00:00+14:00"},
        {"published": "yesterday", "summary": 7, "sensitive": "yes", "url": {}, "tag": "x"},
        {
            "type": "Question",
            "oneOf": [{"name": "a", "replies": {"totalItems": 2**53 - 1}}],
            "votersCount": 2**53 - 1,
            "endTime": "9999-12-31T23:59:59Z",
        },
        {
            "type": "Question",
            "anyOf": [{"name": "a", "replies": {"totalItems": 2**31}}, {"name": "a"}],
            "closed": "0001-01-01T00:00:00Z",
        },
        {"attachment": [{"type": "Image", "url": "https://x.example/1", "width": 1e30}]},
        {
            "attachment": [
                {
                    "type": "Image",
                    "mediaType": "image/" + "x" * 2_000,
                    "url": "https://x.example/1",
                    "blurhash": "x" * 199,
                    "focalPoint": [1e308, -1e308],
                }
            ]
        },
        {"contentMap": {"x" * 8: "y"}, "content": "y"},
        {"tag": [{"type": "Hashtag", "name": "#" + "\U0002f800" * 255}]},
        {"conversation": "x" * 2_048, "context": [{}]},
        {"to": [PUBLIC] * 500, "cc": ["https://x.example/" + str(n) for n in range(1_000)]},
    ],
)
async def test_values_at_the_edge_are_stored_or_refused_at_once(
    scene: Scene, changes: dict[str, Any]
) -> None:
    create = scene.mallory.create(50, object=scene.mallory.note(50, **changes))
    item = await take(scene.server, scene.peer, scene.mallory, create)
    assert item.outcome in ("done", "refused"), item.reason
    assert item.attempts == 1
    # What was stored can be shown.
    stored = await scene.server.ctx.db.values(_STORED, create["object"]["id"])
    assert len(await statuses(scene.server.ctx, stored, None)) == len(stored)


async def test_an_id_too_long_to_be_kept_is_refused_at_once(scene: Scene) -> None:
    rng = random.Random(7)
    tail = "".join(chr(rng.randrange(0x20000, 0x2A000)) for _ in range(1_900))
    long_id = f"{scene.peer.base_url}/{tail}"
    before = await state(scene.server)
    for activity in (
        scene.mallory.create(50, object=scene.mallory.note(50, id=long_id)),
        scene.mallory.create(51, object=scene.mallory.note(51, inReplyTo=long_id)),
    ):
        item = await take(scene.server, scene.peer, scene.mallory, activity)
        assert item.outcome is not None, item.reason
    assert [row for row in await state(scene.server) if long_id in row] == []
    assert before
