"""Direct posts between servers become conversations on both sides."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from storage.query import Command, Value
from tests.conftest import unused_port
from tests.federation.conftest import Server
from tests.federation.fake_peer import FakePeer, Json, PeerActor
from tests.federation.processing import mentioning, take
from tests.instances import Person, start_instance
from tests.waiting import until

REQUESTS = "/api/v1/notifications/requests"
ACCEPT_ALL = Command(
    """
    INSERT INTO notification_policies (account_id, for_private_mentions)
    SELECT account_id, 'accept' FROM users
    """
)
VIEWS = Value(
    """
    SELECT count(k.status_id) FROM conversations c
    JOIN conversation_statuses k ON k.conversation_id = c.id GROUP BY c.id
    """,
    int,
)


@pytest.fixture
async def people(
    database_dsn: str, second_database_dsn: str, tmp_path: Path
) -> AsyncIterator[tuple[Person, Person]]:
    here, there = unused_port(), unused_port()
    async with (
        start_instance(database_dsn, tmp_path / "here", here, peers=(there,)) as one,
        start_instance(second_database_dsn, tmp_path / "there", there, peers=(here,)) as other,
    ):
        yield await one.person("alice"), await other.person("bob")


async def of(person: Person, count: int, *, unread: bool) -> list[Any]:
    """Wait until somebody has so many conversations, the first of them read or not."""

    async def find() -> list[Any] | None:
        found = await person.get("/api/v1/conversations")
        right = len(found) == count and found[0]["unread"] is unread
        return list(found) if right else None

    conversations = await until(find)
    assert conversations is not None
    return conversations


async def test_a_stranger_asks_and_is_answered(people: tuple[Person, Person]) -> None:
    alice, bob = people
    first = await alice.post("/api/v1/statuses", status=f"@{bob.acct} psst", visibility="direct")
    await of(alice, 1, unread=False)

    async def asked() -> Any:
        return await bob.get(REQUESTS)

    (request,) = await until(asked)
    assert request["last_status"]["uri"] == first["uri"]
    assert await bob.get("/api/v1/conversations") == []
    await bob.post(f"{REQUESTS}/{request['id']}/accept")
    (his,) = await of(bob, 1, unread=True)
    assert his["accounts"][0]["acct"] == alice.acct
    assert his["last_status"]["uri"] == first["uri"]
    answer = await bob.post(
        "/api/v1/statuses",
        status=f"@{alice.acct} yes?",
        visibility="direct",
        in_reply_to_id=his["last_status"]["id"],
    )
    await of(bob, 1, unread=False)

    async def answered() -> bool:
        (hers,) = await of(alice, 1, unread=True)
        return bool(hers["last_status"]["uri"] == answer["uri"])

    await until(answered)
    told = await alice.get("/api/v1/notifications")
    assert [one["type"] for one in told] == ["mention"], "an answer is no stranger's word"


def private(server: Server, actor: PeerActor, number: int, **changes: object) -> Json:
    """Give the Create of a direct Note to alice."""
    whom = server.alice.uri
    made = mentioning(actor, whom, number, to=[whom], cc=[], **changes)
    return made | {"to": [whom], "cc": []}


async def test_answers_that_come_first_end_in_one_conversation(
    server: Server, peer: FakePeer
) -> None:
    await server.ctx.db.execute(ACCEPT_ALL)
    mallory = peer.actor("mallory")
    root = f"{peer.base_url}/notes/1"
    for number in (2, 3):
        answer = private(server, mallory, number, inReplyTo=root)
        assert (await take(server, peer, mallory, answer)).outcome == "done"
    assert sorted(await server.ctx.db.values(VIEWS)) == [1, 1]
    assert (await take(server, peer, mallory, private(server, mallory, 1))).outcome == "done"
    assert await server.ctx.db.values(VIEWS) == [3]
    later = private(server, mallory, 4, inReplyTo=f"{peer.base_url}/notes/3")
    await take(server, peer, mallory, later)
    assert await server.ctx.db.values(VIEWS) == [4]


async def test_a_deletion_by_the_peer_shortens_it(server: Server, peer: FakePeer) -> None:
    await server.ctx.db.execute(ACCEPT_ALL)
    mallory = peer.actor("mallory")
    await take(server, peer, mallory, private(server, mallory, 1))
    delete = mallory.activity("Delete", 9, object=f"{peer.base_url}/notes/1")
    assert (await take(server, peer, mallory, delete)).outcome == "done"
    assert await server.ctx.db.values(VIEWS) == []
    assert await server.ctx.db.value(Value("SELECT count(*) FROM conversations", int)) == 0
