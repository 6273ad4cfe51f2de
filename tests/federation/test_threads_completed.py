"""Threads are completed from what peers list (FEP-f228), in bounds, whatever the peers answer."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from fedserver import effects
from fedserver.effects import threads
from fedserver.secrets import new_token, token_hash
from fedserver.services.fetch import Budget
from fedserver.workers.thread_worker import complete_due
from storage.oauth import INSERT_APPLICATION, INSERT_TOKEN
from storage.query import Command, Query, Value
from storage.statuses import StatusRow
from tests.conftest import unused_port
from tests.federation.conftest import Server, make_config, serve
from tests.federation.fake_peer import CONTEXT, FakePeer, Json, PeerActor, start_peer
from tests.federation.processing import mentioning, take

URIS = Value("SELECT uri FROM statuses ORDER BY uri", str)
IN_THREAD = Value("SELECT uri FROM statuses WHERE thread_id = $1 ORDER BY uri", str)
DUE_AT = Value("SELECT due_at FROM thread_backfills", datetime)


@pytest.fixture
def mallory(peer: FakePeer) -> PeerActor:
    return peer.actor("mallory")


def path(uri: str) -> str:
    parts = urlsplit(uri)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def publish(peer: FakePeer, actor: PeerActor, number: int, **more: Any) -> str:
    """Serve a Note and give its id."""
    note = actor.note(number, **more)
    peer.serve(path(note["id"]), note)
    uri: str = note["id"]
    return uri


def page(peer: FakePeer, name: str, *items: str | Json, **more: Any) -> str:
    """Serve a collection with these items."""
    uri = f"{peer.base_url}/{name}"
    collection = {"@context": CONTEXT, "id": uri, "type": "Collection", "items": list(items)}
    peer.serve(path(uri), collection | more)
    return uri


async def bring(server: Server, uri: str) -> StatusRow:
    return await effects.bring_status(server.ctx, uri, Budget(20))


async def complete(server: Server, root: StatusRow) -> list[str]:
    """Complete the thread and give what it consists of then."""
    await effects.complete_thread(server.ctx, root.id)
    return await server.ctx.db.values(IN_THREAD, root.thread_id)


async def test_replies_and_their_replies_are_brought(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    root = publish(peer, mallory, 1, replies=f"{peer.base_url}/r1")
    one = publish(peer, mallory, 2, inReplyTo=root, replies=f"{peer.base_url}/r2")
    two = publish(peer, mallory, 3, inReplyTo=one)
    page(peer, "r1", one)
    page(peer, "r2", two)
    assert await complete(server, await bring(server, root)) == [root, one, two]


async def test_a_context_of_several_pages_is_read_to_its_end(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    context = f"{peer.base_url}/context"
    root = publish(peer, mallory, 1, context=context)
    others = [publish(peer, mallory, n, inReplyTo=root, context=context) for n in (2, 3, 4)]
    page(peer, "context", first=f"{context}?page=1", items=None)
    page(peer, "context?page=1", root, others[0], type="CollectionPage", next=f"{context}?page=2")
    page(peer, "context?page=2", *others[1:], type="CollectionPage")
    assert await complete(server, await bring(server, root)) == [root, *others]


async def test_each_item_counts_only_as_its_own_origin_has_it(
    database_dsn: str, tmp_path: Any, peer: FakePeer, mallory: PeerActor
) -> None:
    async with (
        start_peer(unused_port()) as other,
        serve(make_config(database_dsn, tmp_path / "x", peer, other)) as server,
    ):
        victor = other.actor("victor")
        root = publish(peer, mallory, 1, replies=f"{peer.base_url}/r1")
        true = publish(other, victor, 2, inReplyTo=root, content="<p>True</p>")
        forged = victor.note(2, inReplyTo=root, content="<p>Forged</p>")
        made_up = victor.note(3, inReplyTo=root)
        page(peer, "r1", forged, made_up)
        assert sorted(await complete(server, await bring(server, root))) == sorted([root, true])
        content = Value("SELECT content FROM statuses WHERE uri = $1", str)
        assert await server.ctx.db.value(content, true) == "<p>True</p>"


async def test_an_embedded_item_of_the_collections_origin_needs_no_fetch(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    root = publish(peer, mallory, 1, replies=f"{peer.base_url}/r1")
    answer = mallory.note(2, inReplyTo=root)
    page(peer, "r1", answer)
    assert await complete(server, await bring(server, root)) == [root, answer["id"]]
    assert peer.times_asked("/notes/2") == 0


async def test_what_does_not_belong_to_the_thread_is_not_brought(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    root = publish(peer, mallory, 1, replies=f"{peer.base_url}/r1")
    stray = publish(peer, mallory, 2)
    elsewhere = publish(peer, mallory, 3, inReplyTo=stray)
    page(peer, "r1", stray, elsewhere, f"{server.base_url}/users/alice/statuses/1")
    await complete(server, await bring(server, root))
    assert await server.ctx.db.values(URIS) == [root]


async def test_pages_that_lead_to_themselves_end(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    root = publish(peer, mallory, 1, replies=f"{peer.base_url}/r1")
    answer = publish(peer, mallory, 2, inReplyTo=root, replies=f"{peer.base_url}/r1")
    uri = f"{peer.base_url}/r1"
    page(peer, "r1", answer, first=f"{uri}?p=1")
    page(peer, "r1?p=1", type="CollectionPage", next=f"{uri}?p=2")
    page(peer, "r1?p=2", type="CollectionPage", next=f"{uri}?p=1", first=uri)
    assert await complete(server, await bring(server, root)) == [root, answer]
    assert peer.times_asked("/r1?p=1") == peer.times_asked("/r1?p=2") == 1


async def test_an_endless_collection_is_read_to_the_limit(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    root = publish(peer, mallory, 1, replies=f"{peer.base_url}/r?p=0")
    for n in range(40):
        page(peer, f"r?p={n}", type="CollectionPage", next=f"{peer.base_url}/r?p={n + 1}")
    await complete(server, await bring(server, root))
    asked = [one for one in peer.asked if one.path.startswith("/r?p=")]
    assert len(asked) == threads.MAX_PAGES


async def test_one_host_is_not_asked_without_end(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    root = publish(peer, mallory, 1, replies=f"{peer.base_url}/r1")
    many = [publish(peer, mallory, n, inReplyTo=root) for n in range(2, 100)]
    page(peer, "r1", *many)
    row = await bring(server, root)
    before = len(peer.asked)
    found = await complete(server, row)
    assert len(peer.asked) - before <= threads.MAX_FETCHES_PER_HOST
    assert len(found) == threads.MAX_FETCHES_PER_HOST  # the root, and one less for the collection


async def test_replies_of_another_origin_are_not_read(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    root = publish(peer, mallory, 1, replies="https://elsewhere.example/replies")
    row = await bring(server, root)
    assert await complete(server, row) == [root]


@pytest.mark.parametrize("answer", [b"{", b"[]", b'{"id": 5, "type": "Collection"}'])
async def test_garbage_ends_only_itself(
    server: Server, peer: FakePeer, mallory: PeerActor, answer: bytes
) -> None:
    context = f"{peer.base_url}/context"
    root = publish(peer, mallory, 1, context=context, replies=f"{peer.base_url}/r1")
    one = publish(peer, mallory, 2, inReplyTo=root)
    peer.serve("/context", answer)
    page(peer, "r1", f"{peer.base_url}/missing", one)
    assert await complete(server, await bring(server, root)) == [root, one]


async def test_a_thread_is_asked_for_once_in_a_while(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    root = publish(peer, mallory, 1, replies=f"{peer.base_url}/r1")
    page(peer, "r1")
    ctx = server.ctx
    row = await bring(server, root)
    later = await ctx.db.value(DUE_AT)
    assert later is not None
    assert later - ctx.clock.now() > timedelta(seconds=50), "spread out, not at once"
    assert await complete_due(ctx) == 0
    await effects.ask_for_thread(ctx, row.thread_id, row.id, soon=True)
    assert await complete_due(ctx) == 1
    assert await ctx.db.value(DUE_AT) is None
    await ctx.db.execute(FORGET_RECENT, row.thread_id)
    await effects.ask_for_thread(ctx, row.thread_id, row.id, soon=True)
    assert await complete_due(ctx) == 0
    assert peer.times_asked("/r1") == 1


FORGET_RECENT = Command("UPDATE thread_backfills SET due_at = NULL WHERE thread_id = $1")


async def test_an_orphans_own_answers_come_along_when_its_parent_arrives(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    ctx = server.ctx
    root = f"{peer.base_url}/notes/1"
    orphan = mentioning(mallory, server.alice.uri, 2, inReplyTo=root)
    assert (await take(server, peer, mallory, orphan)).outcome == "done"
    child = mentioning(mallory, server.alice.uri, 3, inReplyTo=orphan["object"]["id"])
    assert (await take(server, peer, mallory, child)).outcome == "done"
    first = mentioning(mallory, server.alice.uri, 1)
    assert (await take(server, peer, mallory, first)).outcome == "done"
    thread = Query("SELECT thread_id, count(*)::int AS count FROM statuses GROUP BY 1", Counted)
    (only,) = await ctx.db.fetch(thread)
    assert only.count == 3


class Counted:
    """A thread and how many statuses it has."""

    def __init__(self, thread_id: int, count: int) -> None:
        self.thread_id, self.count = thread_id, count


async def test_opening_a_thread_asks_for_the_rest(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    root = publish(peer, mallory, 1)
    row = await bring(server, root)
    assert await server.ctx.db.value(DUE_AT) is None
    url = f"{server.base_url}/api/v1/statuses/{row.id}/context"
    async with peer.session.get(url) as answer:
        assert answer.status == 200
    assert await server.ctx.db.value(DUE_AT) is None, "a stranger asks for nothing"
    token = await signed_in(server)
    async with peer.session.get(url, headers={"Authorization": f"Bearer {token}"}) as answer:
        assert answer.status == 200
    due = await server.ctx.db.value(DUE_AT)
    assert due is not None
    assert due <= server.ctx.clock.now()


async def signed_in(server: Server) -> str:
    ctx, token, application = server.ctx, new_token(), server.ctx.ids.new()
    now, scopes = ctx.clock.now(), "read write"
    uris = ["urn:ietf:wg:oauth:2.0:oob"]
    await ctx.db.execute(
        INSERT_APPLICATION, application, "c", token_hash(new_token()), "T", None, uris, scopes, now
    )
    await ctx.db.execute(
        INSERT_TOKEN, ctx.ids.new(), token_hash(token), application, server.alice.id, scopes, now
    )
    return token
