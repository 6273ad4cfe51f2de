"""Who may fetch what: private things are given to those who may read them and sign for it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from activitypub.keys import PrivateKey, generate_ed25519_key, multikey_encode
from activitypub.signatures import Dialect, sign_cavage, sign_rfc9421
from fedserver.services import resolve
from fedserver.services.fetch import Budget
from storage.accounts import AccountRow
from storage.query import Command, Value
from tests.conftest import unused_port
from tests.federation.conftest import make_config, serve
from tests.federation.fake_peer import ACTIVITY_JSON, FakePeer, PeerActor
from tests.instances import Instance, Person, start_instance

FOLLOW = Command(
    """
    INSERT INTO follows (id, account_id, target_id, uri, created_at, accepted_at)
    SELECT $1, $2, a.id, 'https://peer.example/follows/' || $1::bigint, now(), $4
    FROM accounts a WHERE a.uri = $3
    """
)
UNFOLLOW = Command("DELETE FROM follows WHERE account_id = $1")
BLOCK = Command(
    """
    INSERT INTO blocks (id, account_id, target_id, uri, created_at)
    SELECT $1, a.id, $2, 'https://here.example/blocks/' || $1::bigint, now()
    FROM accounts a WHERE a.uri = $3
    """
)
SUSPEND = Command("UPDATE accounts SET suspended_at = now() WHERE id = $1")
FOLLOWS = Value("SELECT uri FROM outbox_activities WHERE type = 'Follow'", str)


@pytest.fixture
async def instance(database_dsn: str, tmp_path: Path, peer: FakePeer) -> AsyncIterator[Instance]:
    port = int(peer.host.rpartition(":")[2])
    async with start_instance(
        database_dsn, tmp_path / "here", unused_port(), peers=(port,)
    ) as started:
        yield started


@pytest.fixture
async def alice(instance: Instance) -> Person:
    return await instance.person("alice")


@pytest.fixture
def reader(peer: FakePeer) -> PeerActor:
    return peer.actor("reader")


@pytest.fixture
async def reader_row(instance: Instance, reader: PeerActor) -> AccountRow:
    return await resolve.account(instance.ctx, reader.uri, Budget(5))


async def follow(
    instance: Instance, follower: AccountRow, target: str, accepted: datetime | None
) -> None:
    ctx = instance.ctx
    await ctx.db.execute(FOLLOW, ctx.ids.new(), follower.id, target, accepted)


def actor_of(posted: dict[str, str]) -> str:
    return posted["uri"].partition("/statuses/")[0]


async def test_private_note_is_for_followers_as_long_as_they_are(
    alice: Person, instance: Instance, peer: FakePeer, reader: PeerActor, reader_row: AccountRow
) -> None:
    posted = await alice.post("/api/v1/statuses", status="For friends", visibility="private")
    uri, author = posted["uri"], actor_of(posted)

    async def statuses() -> set[int]:
        return {
            (await peer.get(uri + path, actor=reader)).status
            for path in ("", "/activity", "/replies")
        }

    assert await statuses() == {404}
    await follow(instance, reader_row, author, None)
    assert await statuses() == {404}, "a follow that was not accepted opens nothing"
    await instance.ctx.db.execute(UNFOLLOW, reader_row.id)
    await follow(instance, reader_row, author, datetime.now(UTC))
    assert await statuses() == {200}
    await instance.ctx.db.execute(BLOCK, instance.ctx.ids.new(), reader_row.id, author)
    assert await statuses() == {404}


async def test_suspended_follower_reads_nothing(
    alice: Person, instance: Instance, peer: FakePeer, reader: PeerActor, reader_row: AccountRow
) -> None:
    posted = await alice.post("/api/v1/statuses", status="For friends", visibility="private")
    await follow(instance, reader_row, actor_of(posted), datetime.now(UTC))
    assert (await peer.get(posted["uri"], actor=reader)).status == 200
    await instance.ctx.db.execute(SUSPEND, reader_row.id)
    assert (await peer.get(posted["uri"], actor=reader)).status == 401


async def _status(url: str, peer: FakePeer, headers: dict[str, str]) -> tuple[int, str | None]:
    sent = {"Accept": ACTIVITY_JSON, **headers}
    async with peer.session.get(url, headers=sent) as answer:
        return answer.status, answer.headers.get("Cache-Control")


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
async def test_private_note_is_given_to_every_kind_of_signature(
    alice: Person,
    instance: Instance,
    peer: FakePeer,
    reader: PeerActor,
    dialect: Dialect,
    kind: str,
) -> None:
    key: PrivateKey = reader.key
    key_id = reader.key_id
    if kind == "ed25519":
        key, key_id = generate_ed25519_key(), f"{reader.uri}#ed25519-key"
        multikey = {
            "id": key_id,
            "type": "Multikey",
            "controller": reader.uri,
            "publicKeyMultibase": multikey_encode(key.public_key()),
        }
        peer.serve("/users/reader", reader.document(assertionMethod=[multikey]))
    posted = await alice.post(
        "/api/v1/statuses", status=f"@reader@{peer.host} psst", visibility="direct"
    )
    sign = sign_cavage if dialect is Dialect.CAVAGE else sign_rfc9421
    now = datetime.now(UTC)
    signed = sign("GET", posted["uri"], key_id=key_id, private_key=key, now=now)
    assert await _status(posted["uri"], peer, signed) == (200, "private, no-store")
    for_another = sign("GET", posted["uri"] + "1", key_id=key_id, private_key=key, now=now)
    assert (await _status(posted["uri"], peer, for_another))[0] == 401


async def test_where_only_signed_fetches_are_served_caches_keep_nothing(
    database_dsn: str, tmp_path: Path, peer: FakePeer, reader: PeerActor
) -> None:
    config = make_config(database_dsn, tmp_path / "strict", peer, signed_fetches_only=True)
    async with serve(config) as server:
        url = server.alice.uri
        now = datetime.now(UTC)
        signed = sign_cavage("GET", url, key_id=reader.key_id, private_key=reader.key, now=now)
        assert await _status(url, peer, signed) == (200, "private, no-store")
        stranger = PeerActor(peer.base_url, "reader", peer.actor("other").key)
        assert (await peer.get(url, actor=stranger)).status == 401


async def test_where_all_are_served_caches_may_keep_what_is_public(
    alice: Person, peer: FakePeer
) -> None:
    posted = await alice.post("/api/v1/statuses", status="Hello")
    assert await _status(posted["uri"], peer, {}) == (200, "max-age=180, public")


async def test_activity_without_a_status_is_for_whom_it_was_addressed_to(
    alice: Person, instance: Instance, peer: FakePeer, reader: PeerActor, reader_row: AccountRow
) -> None:
    await alice.post(f"/api/v1/accounts/{reader_row.id}/follow")
    (uri,) = await instance.ctx.db.values(FOLLOWS)
    stranger = peer.actor("stranger")
    assert (await peer.get(uri)).status == 404
    assert (await peer.get(uri, actor=stranger)).status == 404
    assert (await peer.get(uri, actor=reader)).status == 200
