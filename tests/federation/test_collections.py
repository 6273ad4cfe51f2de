"""Collections of a peer's people, as Mastodon sends them, and what no good peer sends."""

from typing import Any

import orjson
import pytest

from fedserver.services import resolve
from fedserver.services.fetch import Budget
from fedserver.workers.acquaintance import read_some_collections
from storage.accounts import AccountRow
from storage.query import Command, Value
from tests.federation.conftest import Server
from tests.federation.fake_peer import FakePeer, Json, PeerActor
from tests.federation.processing import process, take

ITEMS = Value(
    """
    SELECT a.username || ' ' || i.state FROM collection_items i
    JOIN accounts a ON a.id = i.account_id ORDER BY i.position, 1
    """,
    str,
)
NAMES = Value("SELECT name FROM collections ORDER BY id", str)
TOLD = Value("SELECT type FROM notifications ORDER BY id", str)
OUTCOMES = Value("SELECT outcome FROM inbox_items ORDER BY id DESC LIMIT 1", str)
SENT = Value("SELECT convert_from(document, 'UTF8') FROM outbox_activities ORDER BY id", str)
DISCOVERABLE = Command("UPDATE accounts SET discoverable = true WHERE id = $1")
FOLLOW = Command(
    """
    INSERT INTO follows (id, account_id, target_id, uri, accepted_at, created_at)
    VALUES (2, $1, $2, 'x', now(), now())
    """
)
HOURS_LATER = Command(
    "UPDATE accounts SET collections_read_at = collections_read_at - interval '2 hours'"
)


@pytest.fixture
def mallory(peer: FakePeer) -> PeerActor:
    """Give somebody who keeps collections."""
    actor = peer.actor("mallory")
    listing = f"{actor.uri}/featured_collections"
    peer.serve("/users/mallory", actor.document(featuredCollections=listing))
    return actor


@pytest.fixture
def victor(peer: FakePeer) -> PeerActor:
    """Give somebody who consents to being in Mallory's first collection."""
    actor = peer.actor("victor")
    consent = {
        "id": f"{actor.uri}/consents/1",
        "type": "FeatureAuthorization",
        "interactingObject": f"{peer.base_url}/collections/1",
        "interactionTarget": actor.uri,
    }
    peer.serve("/users/victor/consents/1", consent)
    return actor


def item(owner: PeerActor, featured: str, number: int = 1, **changes: Any) -> Json:
    """Give an item as Mastodon writes it."""
    return {
        "id": f"{owner.base_url}/items/{number}",
        "type": "FeaturedItem",
        "featuredObject": featured,
        "featureAuthorization": f"{featured}/consents/1",
        "published": "2026-01-02T03:04:05Z",
    } | changes


def collection(owner: PeerActor, *items: Json, number: int = 1, **changes: Any) -> Json:
    """Give a collection as Mastodon writes it."""
    return {
        "id": f"{owner.base_url}/collections/{number}",
        "type": "FeaturedCollection",
        "totalItems": len(items),
        "name": "Good people",
        "attributedTo": owner.uri,
        "url": f"{owner.base_url}/collections/{number}.html",
        "sensitive": False,
        "discoverable": True,
        "published": "2026-01-02T03:04:05Z",
        "updated": "2026-01-02T03:04:05Z",
        "summaryMap": {"en": "<p>They <script>alert(1)</script>are</p>"},
        "topic": {"type": "Hashtag", "href": "https://far.test/tags/good", "name": "#Good"},
        "orderedItems": list(items),
    } | changes


async def known(server: Server, actor: PeerActor) -> AccountRow:
    return await resolve.account(server.ctx, actor.uri, Budget(9))


async def followed(server: Server, actor: PeerActor) -> AccountRow:
    account = await known(server, actor)
    await server.ctx.db.execute(FOLLOW, server.alice.id, account.id)
    return account


async def outcome(
    server: Server, peer: FakePeer, actor: PeerActor, kind: str, number: int, **fields: Any
) -> str | None:
    return (await take(server, peer, actor, actor.activity(kind, number, **fields))).outcome


async def unnamed(
    server: Server, peer: FakePeer, actor: PeerActor, kind: str, **fields: Any
) -> str | None:
    """Send an activity without an id, as Mastodon does, and give its outcome."""
    activity = actor.activity(kind, 1, **fields)
    del activity["id"]
    answer = await peer.post(server.shared_inbox, activity, actor=actor)
    assert answer.status == 202, answer
    await process(server)
    return await server.ctx.db.value(OUTCOMES)


async def test_a_followed_peers_collection_is_kept_with_who_consents(
    server: Server, peer: FakePeer, mallory: PeerActor, victor: PeerActor
) -> None:
    listing = f"{mallory.uri}/featured_collections"
    stranger = peer.actor("stranger")
    given = collection(mallory, item(mallory, victor.uri), item(mallory, stranger.uri, 2))
    assert await outcome(server, peer, mallory, "Add", 1, object=given, target=listing) == "ignored"
    await followed(server, mallory)
    assert await outcome(server, peer, mallory, "Add", 2, object=given, target=listing) == "done"
    assert await server.ctx.db.values(ITEMS) == ["victor accepted"]
    shown = Value("SELECT description || '|' || url FROM collections", str)
    cleaned = f"<p>They are</p>|{peer.base_url}/collections/1.html"
    assert await server.ctx.db.value(shown) == cleaned
    peer.serve(
        "/users/stranger/consents/2",
        {
            "id": f"{stranger.uri}/consents/2",
            "type": "FeatureAuthorization",
            "interactingObject": given["id"],
            "interactionTarget": stranger.uri,
        },
    )
    added = item(mallory, stranger.uri, 3, featureAuthorization=f"{stranger.uri}/consents/2")
    told = {"object": added, "target": given["id"]}
    assert await unnamed(server, peer, mallory, "Add", **told) == "done"
    assert await server.ctx.db.values(ITEMS) == ["victor accepted", "stranger accepted"]
    gone = {"object": added["id"], "target": given["id"]}
    assert await unnamed(server, peer, mallory, "Remove", **gone) == "done"
    assert await unnamed(server, peer, mallory, "Add", **told) == "done"
    removed = {"object": given["id"], "target": listing}
    assert await unnamed(server, peer, mallory, "Remove", **removed) == "done"
    assert await server.ctx.db.values(NAMES) == []


async def test_a_consent_taken_back_ends_the_item_and_stays_dead(
    server: Server, peer: FakePeer, mallory: PeerActor, victor: PeerActor
) -> None:
    await followed(server, mallory)
    listing = f"{mallory.uri}/featured_collections"
    given = collection(mallory, item(mallory, victor.uri))
    await outcome(server, peer, mallory, "Add", 1, object=given, target=listing)
    consent = f"{victor.uri}/consents/1"
    assert await outcome(server, peer, mallory, "Delete", 2, object=consent) == "ignored"
    assert await server.ctx.db.values(ITEMS) == ["victor accepted"]
    deleted = {"id": consent, "type": "FeatureAuthorization"}
    assert await outcome(server, peer, victor, "Delete", 3, object=deleted) == "done"
    assert await server.ctx.db.values(ITEMS) == ["victor revoked"]
    await outcome(server, peer, mallory, "Update", 4, object=given)
    assert await server.ctx.db.values(ITEMS) == ["victor revoked"]


@pytest.mark.parametrize(
    "lie",
    [
        {"type": "Note"},
        {"interactingObject": "https://far.test/collections/9"},
        {"interactionTarget": "https://far.test/users/x"},
    ],
)
async def test_a_consent_to_something_else_counts_for_nothing(
    server: Server, peer: FakePeer, mallory: PeerActor, victor: PeerActor, lie: Json
) -> None:
    await followed(server, mallory)
    given = collection(mallory, item(mallory, victor.uri))
    consent = {
        "id": f"{victor.uri}/consents/1",
        "type": "FeatureAuthorization",
        "interactingObject": given["id"],
        "interactionTarget": victor.uri,
    }
    peer.serve("/users/victor/consents/1", consent | lie)
    listing = f"{mallory.uri}/featured_collections"
    await outcome(server, peer, mallory, "Add", 1, object=given, target=listing)
    assert await server.ctx.db.values(NAMES) == ["Good people"]
    assert await server.ctx.db.values(ITEMS) == []


async def test_nobody_collects_for_others(
    server: Server, peer: FakePeer, mallory: PeerActor, victor: PeerActor
) -> None:
    await followed(server, mallory)
    listing = f"{mallory.uri}/featured_collections"
    theirs = collection(mallory, attributedTo=victor.uri)
    assert (
        await outcome(server, peer, mallory, "Add", 1, object=theirs, target=listing) == "refused"
    )
    mine = collection(mallory)
    assert await outcome(server, peer, victor, "Add", 2, object=mine, target=listing) == "ignored"
    assert await outcome(server, peer, mallory, "Add", 3, object=mine, target=listing) == "done"
    changed = collection(mallory, name="Taken over", attributedTo=victor.uri)
    await outcome(server, peer, victor, "Update", 4, object=changed)
    await outcome(server, peer, victor, "Remove", 5, object=mine["id"], target=listing)
    put_in = item(mallory, victor.uri)
    await outcome(server, peer, victor, "Add", 6, object=put_in, target=mine["id"])
    assert await server.ctx.db.values(NAMES) == ["Good people"]
    assert await server.ctx.db.values(ITEMS) == []


async def test_a_consent_counts_only_from_its_owners_origin(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    await followed(server, mallory)
    alice = server.alice.uri
    forged = {
        "id": f"{peer.base_url}/consents/9",
        "type": "FeatureAuthorization",
        "interactingObject": f"{peer.base_url}/collections/1",
        "interactionTarget": alice,
    }
    peer.serve("/consents/9", forged)
    given = collection(mallory, item(mallory, alice, featureAuthorization=forged["id"]))
    listing = f"{mallory.uri}/featured_collections"
    assert await outcome(server, peer, mallory, "Add", 1, object=given, target=listing) == "done"
    assert await server.ctx.db.values(ITEMS) == []


async def ask(server: Server, peer: FakePeer, mallory: PeerActor, number: int = 1) -> str | None:
    """Ask for Alice as Mastodon does: without an actor."""
    request = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"{mallory.uri}/feature_requests/{number}",
        "type": "FeatureRequest",
        "object": server.alice.uri,
        "instrument": f"{peer.base_url}/collections/1",
    }
    answer = await peer.post(server.shared_inbox, request, actor=mallory)
    assert answer.status == 202, answer
    await process(server)
    return await server.ctx.db.value(OUTCOMES)


async def answers(server: Server) -> list[Json]:
    return [orjson.loads(one) for one in await server.ctx.db.values(SENT)]


async def test_one_of_our_people_is_asked_for(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    await server.ctx.db.execute(DISCOVERABLE, server.alice.id)
    peer.serve("/collections/1", collection(mallory))
    assert await ask(server, peer, mallory) == "done"
    (accepted,) = await answers(server)
    assert accepted["type"] == "Accept"
    assert accepted["object"]["id"] == f"{mallory.uri}/feature_requests/1"
    assert await server.ctx.db.values(TOLD) == ["added_to_collection"]
    served = await peer.get(accepted["result"])
    consent = orjson.loads(served.text)
    assert consent["interactionTarget"] == server.alice.uri
    assert consent["interactingObject"] == f"{peer.base_url}/collections/1"
    assert await ask(server, peer, mallory, 2) == "done"
    assert [one["type"] for one in await answers(server)] == ["Accept", "Accept"]
    assert await server.ctx.db.values(ITEMS) == ["alice accepted"]
    named = item(mallory, server.alice.uri, featureAuthorization=accepted["result"])
    given = collection(mallory, named)
    assert await outcome(server, peer, mallory, "Update", 9, object=given) == "done"
    assert await server.ctx.db.values(ITEMS) == ["alice accepted"]
    without = collection(mallory)
    assert await outcome(server, peer, mallory, "Update", 10, object=without) == "done"
    assert await server.ctx.db.values(ITEMS) == []


async def test_who_does_not_want_it_is_not_put_in(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    peer.serve("/collections/1", collection(mallory))
    assert await ask(server, peer, mallory) == "done"
    (rejected,) = await answers(server)
    assert rejected["type"] == "Reject"
    assert "result" not in rejected
    assert peer.times_asked("/collections/1") == 0
    assert await server.ctx.db.values(NAMES) == []


async def test_nobody_asks_for_anothers_collection(
    server: Server, peer: FakePeer, mallory: PeerActor, victor: PeerActor
) -> None:
    await server.ctx.db.execute(DISCOVERABLE, server.alice.id)
    peer.serve("/collections/1", collection(mallory, attributedTo=victor.uri))
    assert await ask(server, peer, mallory) == "refused"
    assert await server.ctx.db.values(ITEMS) == []
    assert await answers(server) == []


async def test_the_actor_may_be_missing_only_where_mastodon_leaves_it_out(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    for kind in ("Follow", "Like", "Create"):
        activity = mallory.activity(kind, 1, object=server.alice.uri)
        del activity["actor"]
        assert (await peer.post(server.shared_inbox, activity, actor=mallory)).status == 403
    activity = mallory.activity("Follow", 1, object=server.alice.uri)
    del activity["id"]
    assert (await peer.post(server.shared_inbox, activity, actor=mallory)).status == 403


async def test_the_collections_of_the_followed_are_read(
    server: Server, peer: FakePeer, mallory: PeerActor, victor: PeerActor
) -> None:
    uri = f"{mallory.uri}/featured_collections"
    first = {
        "id": f"{uri}?page=1",
        "type": "CollectionPage",
        "partOf": uri,
        "items": [
            collection(mallory, item(mallory, victor.uri)),
            f"{peer.base_url}/collections/2",
            collection(victor, number=3),
        ],
    }
    peer.serve("/users/mallory/featured_collections", {
        "id": uri, "type": "Collection", "totalItems": 3, "first": f"{uri}?page=1",
    })  # fmt: skip
    peer.serve("/users/mallory/featured_collections?page=1", first)
    peer.serve("/collections/2", collection(mallory, number=2, name="More"))
    await known(server, mallory)
    assert await read_some_collections(server.ctx) == 0
    await followed(server, mallory)
    assert await read_some_collections(server.ctx) == 2
    assert await read_some_collections(server.ctx) == 0
    assert await server.ctx.db.values(NAMES) == ["Good people", "More"]
    assert await server.ctx.db.values(ITEMS) == ["victor accepted"]


async def test_more_than_may_be_asked_at_once_is_asked_later(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    people = [peer.actor(f"p{number}") for number in range(18)]
    given = collection(mallory, *[item(mallory, one.uri, n) for n, one in enumerate(people)])
    for one in people:
        consent = {
            "id": f"{one.uri}/consents/1",
            "type": "FeatureAuthorization",
            "interactingObject": given["id"],
            "interactionTarget": one.uri,
        }
        peer.serve(f"/users/{one.name}/consents/1", consent)
    uri = f"{mallory.uri}/featured_collections"
    listing = {"id": uri, "type": "Collection", "totalItems": 1, "items": [given]}
    peer.serve("/users/mallory/featured_collections", listing)
    await followed(server, mallory)
    await read_some_collections(server.ctx)
    some = len(await server.ctx.db.values(ITEMS))
    assert 0 < some < 18
    assert await read_some_collections(server.ctx) == 0
    for _ in range(3):
        await server.ctx.db.execute(HOURS_LATER)
        await read_some_collections(server.ctx)
    assert len(await server.ctx.db.values(ITEMS)) == 18


async def test_a_policy_of_a_peer_is_read(server: Server, peer: FakePeer) -> None:
    actor = peer.actor("paula")
    policy = {"canFeature": {"automaticApproval": [f"{actor.uri}/followers"], "manualApproval": []}}
    settings = {
        "showMedia": False,
        "showRepliesInMedia": False,
        "showFeatured": False,
        "attributionDomains": ["blog.example"],
        "interactionPolicy": policy,
        "followers": f"{actor.uri}/followers",
        "icon": {"type": "Image", "url": f"{peer.base_url}/a.png", "summary": "A cat"},
    }
    peer.serve("/users/paula", actor.document(**settings))
    row = await known(server, actor)
    assert (row.show_media, row.show_media_replies, row.show_featured) == (False, False, False)
    assert row.attribution_domains == ["blog.example"]
    assert row.avatar_description == "A cat"
    assert row.feature_policy == 64
