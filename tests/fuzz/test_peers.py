"""Whatever a peer sends or serves: an outcome, no exception, and nothing of anybody else's."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from activitypub.errors import ProtocolError
from fedserver.errors import FedserverError
from fedserver.services import fetch
from fedserver.services.fetch import Budget
from fedserver.services.text_in import clean_html
from storage.query import Command, Value
from tests.conftest import unused_port
from tests.federation.conftest import Server, make_config, serve
from tests.federation.fake_peer import FakePeer, Json, PeerActor, start_peer
from tests.federation.processing import mentioning, process, take
from tests.fuzz.documents import as_bytes, run, spoilt, templates

OURS = Value(
    """
    SELECT uri || content FROM statuses WHERE local
    UNION ALL SELECT uri || display_name || note || inbox_url FROM accounts WHERE domain IS NULL
    UNION ALL SELECT uri || public_key FROM actor_keys WHERE private_key IS NOT NULL
    ORDER BY 1
    """,
    str,
)
# What peers own: each row has to have come from its own origin.
FOREIGN = Value(
    """
    SELECT uri FROM statuses WHERE NOT local
    UNION ALL SELECT uri FROM accounts WHERE domain IS NOT NULL
    UNION ALL SELECT inbox_url FROM accounts WHERE inbox_url LIKE $1 || '%' AND domain IS NOT NULL
    UNION ALL SELECT uri FROM actor_keys WHERE private_key IS NULL
    """,
    str,
)
CONTENTS = Value(
    "SELECT content FROM statuses WHERE NOT local UNION SELECT note FROM accounts", str
)
UNSETTLED = Value(
    """
    SELECT activity_uri || ': ' || coalesce(reason, '') FROM inbox_items
    WHERE outcome IS NULL OR outcome = 'failed'
    """,
    str,
)
# Follows that nobody here asked for, and boosts of what only some may see.
STOLEN = Value(
    """
    SELECT f.uri FROM follows f JOIN accounts a ON a.id = f.account_id
        WHERE a.domain IS NULL AND f.id <> 1
    UNION ALL SELECT b.uri FROM statuses b JOIN statuses s ON s.id = b.reblog_of_id
        WHERE s.visibility IN ('private', 'direct') AND b.account_id <> s.account_id
    """,
    str,
)


FOLLOW = Command(
    """
    INSERT INTO follows (id, account_id, target_id, uri, created_at, accepted_at)
    SELECT 1, $1, a.id, $2, now(), now() FROM accounts a WHERE a.uri = $3
    """
)


@pytest.fixture
async def elsewhere() -> AsyncIterator[FakePeer]:
    """A third server, that answers nothing."""
    async with start_peer(unused_port()) as started:
        yield started


@pytest.fixture
async def server(
    database_dsn: str, tmp_path: Path, peer: FakePeer, elsewhere: FakePeer
) -> AsyncIterator[Server]:
    config = make_config(database_dsn, tmp_path / "here", peer, elsewhere)
    async with serve(config) as started:
        yield started


@pytest.fixture
async def mallory(server: Server, peer: FakePeer) -> PeerActor:
    """Known and followed here, so that what she says is not refused for want of interest."""
    actor = peer.actor("mallory")
    await take(server, peer, actor, mentioning(actor, server.alice.uri, 90))
    uri = f"{server.base_url}/activities/1"
    await server.ctx.db.execute(FOLLOW, server.alice.id, uri, actor.uri)
    return actor


async def check_rows(server: Server, peer: FakePeer, ours: list[str]) -> None:
    db = server.ctx.db
    assert await db.values(OURS) == ours
    assert await db.values(STOLEN) == []
    assert await db.values(UNSETTLED) == []
    foreign = await db.values(FOREIGN, server.base_url)
    assert [uri for uri in foreign if not uri.startswith(peer.base_url)] == []
    for content in await db.values(CONTENTS):
        assert clean_html(content) == content


async def run_in_loop(
    strategy: st.SearchStrategy[Any],
    check: Callable[[Any], Coroutine[Any, Any, None]],
    examples: int,
) -> None:
    """Run a property that is a coroutine: made-up values come from a thread."""
    loop = asyncio.get_running_loop()

    def check_there(value: Any) -> None:
        asyncio.run_coroutine_threadsafe(check(value), loop).result()

    await asyncio.to_thread(run, strategy, check_there, examples)


def bases(server: Server, peer: FakePeer, elsewhere: FakePeer) -> tuple[str, ...]:
    return (server.base_url, peer.base_url, elsewhere.base_url)


@pytest.mark.fuzz
async def test_what_a_peer_sends(
    server: Server, peer: FakePeer, elsewhere: FakePeer, mallory: PeerActor
) -> None:
    ours = await server.ctx.db.values(OURS)
    numbers = iter(range(1_000, 10_000_000))

    async def check(document: Json) -> None:
        if isinstance(document.get("id"), str):
            document = document | {"id": f"{peer.base_url}/activities/{next(numbers)}"}
        answer = await peer.post(server.shared_inbox, as_bytes(document), actor=mallory)
        assert answer.status in (202, 400, 401, 403, 413, 415), answer
        await process(server)
        await check_rows(server, peer, ours)

    sources = templates(mallory, server.alice.uri)
    await run_in_loop(spoilt(sources, bases(server, peer, elsewhere)), check, 60)


@pytest.mark.fuzz
async def test_what_a_peer_serves(
    server: Server, peer: FakePeer, elsewhere: FakePeer, mallory: PeerActor
) -> None:
    ours = await server.ctx.db.values(OURS)
    numbers = iter(range(1_000, 10_000_000))
    inner = [one["object"] for one in templates(mallory, server.alice.uri)]
    sources = [one for one in inner if isinstance(one, dict)]

    async def check(document: Json) -> None:
        path = f"/served/{next(numbers)}"
        if document.get("id") == f"{peer.base_url}/notes/1":
            document = document | {"id": peer.base_url + path}
        peer.serve(path, as_bytes(document))
        try:
            fetched = await fetch.document(server.ctx, peer.base_url + path, Budget(5))
            assert fetched["id"].startswith(peer.base_url)
        except (FedserverError, ProtocolError):
            pass
        create = mallory.create(next(numbers), object=peer.base_url + path)
        await peer.post(server.shared_inbox, create, actor=mallory)
        await process(server)
        await check_rows(server, peer, ours)

    await run_in_loop(spoilt(sources, bases(server, peer, elsewhere)), check, 40)
