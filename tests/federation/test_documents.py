"""What peers may read of us: public things all, private ones only whom they are addressed to."""

from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from fedserver.services import resolve
from fedserver.services.fetch import Budget
from storage.query import Command
from tests.conftest import unused_port
from tests.federation.conftest import Server, make_config, serve
from tests.federation.fake_peer import FakePeer, PeerActor
from tests.instances import Instance, Person, start_instance


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


@pytest.fixture
def mallory(peer: FakePeer) -> PeerActor:
    return peer.actor("mallory")


async def test_a_public_actor_is_read_without_asking_who_reads(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    unsigned = await peer.get(server.alice.uri)
    signed = await peer.get(server.alice.uri, actor=mallory)
    assert unsigned.status == signed.status == 200
    assert orjson.loads(signed.text)["id"] == server.alice.uri
    assert peer.asked == []


async def test_a_public_note_and_its_activity(
    alice: Person, peer: FakePeer, mallory: PeerActor
) -> None:
    posted = await alice.post("/api/v1/statuses", status="Hello")
    for path in ("", "/activity", "/replies"):
        assert (await peer.get(posted["uri"] + path)).status == 200, path
        assert (await peer.get(posted["uri"] + path, actor=mallory)).status == 200, path
    assert peer.asked == []


@pytest.mark.parametrize("visibility", ["private", "direct"])
async def test_a_private_note_is_for_those_it_is_addressed_to(
    alice: Person, instance: Instance, peer: FakePeer, mallory: PeerActor, visibility: str
) -> None:
    friend = peer.actor("friend")
    await resolve.account(instance.ctx, friend.uri, Budget(5))
    posted = await alice.post(
        "/api/v1/statuses", status=f"@friend@{peer.host} psst", visibility=visibility
    )
    for path in ("", "/activity", "/replies"):
        unsigned = await peer.get(posted["uri"] + path)
        stranger = await peer.get(posted["uri"] + path, actor=mallory)
        addressed = await peer.get(posted["uri"] + path, actor=friend)
        nothing = await peer.get(
            instance.base_url + "/users/alice/statuses/1" + path, actor=mallory
        )
        assert (unsigned.status, stranger.status, addressed.status) == (404, 404, 200), path
        assert stranger.text == nothing.text == unsigned.text


async def test_a_forged_signature_reads_nothing_private(
    alice: Person, instance: Instance, peer: FakePeer, mallory: PeerActor
) -> None:
    friend = peer.actor("friend")
    await resolve.account(instance.ctx, friend.uri, Budget(5))
    posted = await alice.post(
        "/api/v1/statuses", status=f"@friend@{peer.host} psst", visibility="direct"
    )
    forged = PeerActor(peer.base_url, "friend", mallory.key)
    assert (await peer.get(posted["uri"], actor=forged)).status == 401


async def test_only_signed_fetches(
    database_dsn: str, tmp_path: Path, peer: FakePeer, mallory: PeerActor
) -> None:
    config = make_config(database_dsn, tmp_path / "strict", peer, signed_fetches_only=True)
    async with serve(config) as server:
        for path in (
            "/users/alice",
            "/users/alice/outbox",
            "/users/alice/followers",
            "/users/alice/collections/featured",
        ):
            assert (await peer.get(server.base_url + path)).status == 401, path
            assert (await peer.get(server.base_url + path, actor=mallory)).status == 200, path
        for path in (
            "/actor",
            "/.well-known/nodeinfo",
            "/nodeinfo/2.0",
            "/nodeinfo/2.1",
            "/.well-known/host-meta",
            f"/.well-known/webfinger?resource=acct:alice@{server.ctx.config.instance.domain}",
        ):
            assert (await peer.get(server.base_url + path)).status == 200, path
        assert (await peer.get(server.base_url + "/users/alice/statuses/1")).status == 401


async def test_wellknown(server: Server, peer: FakePeer) -> None:
    domain = server.ctx.config.instance.domain
    for resource in (
        f"acct:alice@{domain}",
        f"alice@{domain}",
        f"@alice@{domain}",
        server.alice.uri,
        f"{server.base_url}/@alice",
        f"acct:ALICE@{domain}",
    ):
        answer = await peer.get(f"{server.base_url}/.well-known/webfinger?resource={resource}")
        print(resource, answer)
        assert answer.status == 200, resource
    instance = await peer.get(
        f"{server.base_url}/.well-known/webfinger?resource={server.base_url}/actor"
    )
    print(instance)
    subject = orjson.loads(instance.text)["subject"]
    again = await peer.get(f"{server.base_url}/.well-known/webfinger?resource={subject}")
    assert again.status == 200
    for bad, status in (
        ("", 400),
        ("?resource=", 400),
        ("?resource=acct:nobody@" + domain, 404),
        ("?resource=acct:alice@elsewhere.example", 404),
        ("?resource=x", 404),
        ("?resource=https://elsewhere.example/@alice", 404),
    ):
        assert (await peer.get(f"{server.base_url}/.well-known/webfinger{bad}")).status == status, (
            bad
        )


DELETED = Command("UPDATE accounts SET deleted_at = now() WHERE uri = $1")
HIDE = Command("UPDATE accounts SET hide_collections = true, followers_count = 3 WHERE uri = $1")


async def test_deleted_and_hidden(server: Server, peer: FakePeer) -> None:
    await server.ctx.db.execute(HIDE, server.alice.uri)
    hidden = orjson.loads((await peer.get(server.alice.uri + "/followers?page=true")).text)
    assert hidden["totalItems"] == 3
    assert "first" not in hidden
    assert "orderedItems" not in hidden
    await server.ctx.db.execute(DELETED, server.alice.uri)
    answer = await peer.get(server.alice.uri)
    assert answer.status == 410
    assert orjson.loads(answer.text)["type"] == "Tombstone"
    assert (await peer.get(server.alice.uri + "/outbox")).status in (404, 410)
