"""What goes around: a post of ours that all fetch, and one of others that all boost."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from storage.query import Value
from tests.conftest import unused_port
from tests.federation.conftest import Server
from tests.federation.fake_peer import ACTIVITY_JSON, FakePeer, PeerActor
from tests.federation.processing import process
from tests.instances import Instance, Person, start_instance

BOOSTS = Value("SELECT reblogs_count FROM statuses WHERE uri = $1", int)
FOLLOWED = Value(
    """
    INSERT INTO follows (id, account_id, target_id, uri, accepted_at, created_at)
    SELECT a.id, $1, a.id, a.uri, now(), now() FROM accounts a WHERE a.domain IS NOT NULL
    RETURNING id
    """,
    int,
)


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


@dataclass(frozen=True, slots=True)
class Got:
    """An answer to a GET."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def get(instance: Instance, uri: str, **headers: str) -> Got:
    async with instance.session.get(uri, headers={"Accept": ACTIVITY_JSON} | headers) as response:
        return Got(response.status, response.headers, await response.read())


@pytest.mark.parametrize("path", ["", "/replies", "/replies?page=true", "/activity"])
async def test_who_has_a_document_already_is_told_so(
    alice: Person, instance: Instance, path: str
) -> None:
    posted = await alice.post("/api/v1/statuses", status="Everybody wants this")
    first = await get(instance, posted["uri"] + path)
    assert first.status == 200
    assert first.headers["Cache-Control"] == "max-age=180, public"
    for tag in (first.headers["ETag"], f'"x", {first.headers["ETag"]}', "*"):
        again = await get(instance, posted["uri"] + path, **{"If-None-Match": tag})
        assert (again.status, again.body) == (304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]
    other = await get(instance, posted["uri"] + path, **{"If-None-Match": 'W/"other"'})
    assert other.status == 200


async def test_an_actor_has_a_tag_that_changes_with_the_profile(
    alice: Person, instance: Instance
) -> None:
    uri = f"{instance.base_url}/users/alice"
    before = (await get(instance, uri)).headers["ETag"]
    assert (await get(instance, uri, **{"If-None-Match": before})).status == 304
    answer = await instance.request(
        "PATCH",
        "/api/v1/accounts/update_credentials",
        token=alice.token,
        body={"display_name": "Alice A."},
    )
    assert answer.status == 200
    after = await get(instance, uri, **{"If-None-Match": before})
    assert after.status == 200
    assert after.headers["ETag"] != before


async def test_a_private_document_has_no_tag_and_is_not_kept(
    alice: Person, instance: Instance, peer: FakePeer
) -> None:
    posted = await alice.post("/api/v1/statuses", status="@mallory", visibility="direct")
    answer = await get(instance, posted["uri"], **{"If-None-Match": "*"})
    assert answer.status == 404
    assert "ETag" not in answer.headers


async def test_an_edit_and_a_deletion_show_at_once(alice: Person, instance: Instance) -> None:
    posted = await alice.post("/api/v1/statuses", status="First")
    assert "First" in orjson.loads((await get(instance, posted["uri"])).body)["content"]
    await alice.put(f"/api/v1/statuses/{posted['id']}", status="Second")
    assert "Second" in orjson.loads((await get(instance, posted["uri"])).body)["content"]
    await alice.delete(f"/api/v1/statuses/{posted['id']}")
    assert (await get(instance, posted["uri"])).status == 410


async def test_a_post_that_many_boost_and_like_is_fetched_once(
    server: Server, peer: FakePeer
) -> None:
    author = peer.actor("author")
    peer.serve("/notes/1", author.note(1))
    note = f"{peer.base_url}/notes/1"
    fans = await strangers(server, peer, 12)
    for number, fan in enumerate(fans):
        for kind, at in (("Announce", 100), ("Like", 200)):
            told = fan.activity(kind, at + number, object=note)
            assert (await peer.post(server.shared_inbox, told, actor=fan)).status == 202
    await process(server)
    assert await server.ctx.db.value(BOOSTS, note) == len(fans)
    assert peer.times_asked("/notes/1") == 1


async def test_a_post_that_is_gone_is_asked_for_once_however_many_boost_it(
    server: Server, peer: FakePeer
) -> None:
    note = f"{peer.base_url}/notes/404"
    fans = await strangers(server, peer, 12)
    for number, fan in enumerate(fans):
        told = fan.activity("Announce", 100 + number, object=note)
        assert (await peer.post(server.shared_inbox, told, actor=fan)).status == 202
    await process(server)
    assert peer.times_asked("/notes/404") == 1


async def strangers(server: Server, peer: FakePeer, count: int) -> list[PeerActor]:
    """Give actors that Alice follows; they share a key, as making one takes long."""
    one = peer.actor("fan")
    fans = []
    for number in range(count):
        fan = PeerActor(peer.base_url, f"fan{number}", one.key)
        peer.serve(f"/users/{fan.name}", fan.document())
        fans.append(fan)
    liked = "http://x.test/y"
    first = [fan.activity("Like", number, object=liked) for number, fan in enumerate(fans)]
    answers = await asyncio.gather(
        *(
            peer.post(server.shared_inbox, like, actor=fan)
            for fan, like in zip(fans, first, strict=True)
        )
    )
    assert {answer.status for answer in answers} == {202}
    await process(server)
    assert len(await server.ctx.db.values(FOLLOWED, server.alice.id)) == count
    return fans


async def test_the_deletion_of_somebody_never_known_costs_no_fetch(
    server: Server, peer: FakePeer
) -> None:
    for number in range(5):
        gone = PeerActor(peer.base_url, f"gone{number}", peer.actor("fan").key)
        peer.asked.clear()
        delete = gone.activity("Delete", number, object=gone.uri)
        assert (await peer.post(server.shared_inbox, delete, actor=gone)).status == 202
        assert peer.asked == []
    assert await server.items() == []
