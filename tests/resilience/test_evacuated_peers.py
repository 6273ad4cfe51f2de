"""When the domain of a peer is lost: how its people are followed elsewhere, and by whose word."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from activitypub.json_bytes import dumps
from fedserver.errors import Invalid
from fedserver.recovery.keys import RecoveryKey
from fedserver.recovery.statements import NotVouchedFor, check_statement, sign_statement
from fedserver.services import successions
from fedserver.services.discover import learn_software
from fedserver.services.instance_recovery import adopt_recovery_key
from storage.accounts import ACCOUNT_BY_URI, AccountRow
from storage.evacuations import PROGRESS
from storage.query import Value
from storage.relations import FOLLOW_BETWEEN
from storage.successions import PEER_EVACUATION, PINNED_DID
from tests.conftest import unused_port
from tests.federation.fake_peer import FakePeer, Json, PeerActor, start_peer
from tests.instances import Instance, Person, start_instance
from tests.resilience.evacuees import Site, actor_uri, evacuate, people
from tests.resilience.model_peer import Names
from tests.waiting import until

KEY = RecoveryKey.new()
OUTCOME = Value("SELECT outcome FROM inbox_items WHERE activity_uri = $1", str)


@dataclass(frozen=True, slots=True)
class Scene:
    """Bob here; Alice at a host that dies, and two hosts that hold its backup."""

    here: Instance
    bob: Person
    old: FakePeer
    alice: PeerActor
    first: FakePeer
    second: FakePeer

    def goes_on_at(self, host: FakePeer, epoch: int | None, key: RecoveryKey = KEY) -> PeerActor:
        """Let Alice be at `host`, which shows a certificate if there is an epoch."""
        actor = host.actor("alice")
        host.serve("/users/alice", actor.document(alsoKnownAs=[self.alice.uri]))
        if epoch is not None:
            said = certificate(self.old.base_url, host.base_url, epoch, key)
            published = dumps({"instance": host.base_url, "certificates": [said]})
            host.serve(successions.PATH, published, content_type="application/json")
        return actor

    async def move(self, target: PeerActor, number: int) -> str:
        """Say as the old Alice, with her old key, that she goes on there; give what came of it."""
        move = self.alice.activity("Move", number, object=self.alice.uri, target=target.uri)
        inbox = f"{actor_uri(self.here, 'bob')}/inbox"
        assert (await self.first.post(inbox, move, actor=self.alice)).status == 202

        async def outcome() -> str | None:
            found: str | None = await self.here.ctx.db.value(OUTCOME, move["id"])
            return found

        return await until(outcome) or ""

    async def bob_follows(self, whom: PeerActor) -> bool:
        row = await self.here.ctx.db.one(ACCOUNT_BY_URI, whom.uri)
        if row is None:
            return False
        follow = await self.here.ctx.db.one(FOLLOW_BETWEEN, self.bob.account_id, row.id)
        return follow is not None

    async def alice_here(self) -> AccountRow:
        row = await self.here.ctx.db.one(ACCOUNT_BY_URI, self.alice.uri)
        assert row is not None
        return row


def certificate(old: str, new: str, epoch: int, key: RecoveryKey) -> Json:
    said: dict[str, Any] = {
        "type": successions.CERTIFICATE,
        "instance": old,
        "successor": new,
        "epoch": epoch,
        "did": key.public.did,
    }
    return sign_statement(said, by=key.signing, now=datetime.now(UTC))


@pytest.fixture
async def scene(database_dsn: str, tmp_path: Path) -> AsyncIterator[Scene]:
    ports = [unused_port() for _ in range(4)]
    async with AsyncExitStack() as stack:
        old, first, second = [await stack.enter_async_context(start_peer(p)) for p in ports[1:]]
        here = await stack.enter_async_context(
            start_instance(database_dsn, tmp_path / "here", ports[0], peers=tuple(ports[1:]))
        )
        bob, alice = await here.person("bob"), old.actor("alice")
        found = await bob.get("/api/v2/search", q=alice.uri, resolve="true")
        await bob.post(f"/api/v1/accounts/{found['accounts'][0]['id']}/follow")
        follow = await until(lambda: _first_follow(old))
        accept = alice.activity("Accept", 1, object=follow)
        await old.post(f"{actor_uri(here, 'bob')}/inbox", accept, actor=alice)
        await _learn_of(here, old, KEY)
        for path in list(old.documents):
            del old.documents[path]  # from now on it answers 404, whatever it is asked
        yield Scene(here, bob, old, alice, first, second)


async def _first_follow(peer: FakePeer) -> Json | None:
    return next((one.document for one in peer.received), None)


async def _learn_of(here: Instance, host: FakePeer, key: RecoveryKey, *said: Json) -> None:
    """Let the server read the NodeInfo of `host`, which names its recovery key."""
    rel = "http://nodeinfo.diaspora.software/ns/schema/2.0"
    links = {"links": [{"rel": rel, "href": f"{host.base_url}/nodeinfo/2.0"}]}
    document = {
        "version": "2.0",
        "software": {"name": "fedserver", "version": "1.0"},
        "metadata": {"recoveryKey": key.public.did, "recoveryStatements": list(said)},
    }
    host.serve("/.well-known/nodeinfo", links, content_type="application/json")
    host.serve("/nodeinfo/2.0", document, content_type="application/json")
    await learn_software(here.ctx, host.host)


async def test_a_move_by_the_key_of_a_dead_host_is_followed(scene: Scene) -> None:
    target = scene.goes_on_at(scene.first, None)
    assert await scene.move(target, 10) == "done"
    assert await scene.bob_follows(target)
    assert scene.old.times_asked("/users/alice") <= 1  # while it lived


async def test_the_inbox_of_a_dead_host_may_be_elsewhere(scene: Scene) -> None:
    """Its other addresses stay; a shared inbox of another host is not believed."""
    profile = scene.alice.document(inbox=f"{scene.first.base_url}/users/alice/inbox")
    profile["endpoints"] = {"sharedInbox": f"{scene.first.base_url}/inbox"}
    update = scene.alice.activity("Update", 11, object=profile)
    inbox = f"{actor_uri(scene.here, 'bob')}/inbox"
    assert (await scene.first.post(inbox, update, actor=scene.alice)).status == 202

    async def stored() -> bool:
        row = await scene.alice_here()
        return row.inbox_url == profile["inbox"] and row.shared_inbox_url is None

    await until(stored)


async def test_the_higher_epoch_wins_whoever_moved_first(scene: Scene) -> None:
    """Two hosts hold the same backup: both move everybody."""
    early, late = scene.goes_on_at(scene.first, 1), scene.goes_on_at(scene.second, 2)
    assert await scene.move(early, 20) == "done"
    assert await scene.bob_follows(early)
    assert await scene.move(late, 21) == "done"
    assert await scene.bob_follows(late)
    assert not await scene.bob_follows(early)
    assert await scene.move(early, 22) == "refused"
    known = await scene.here.ctx.db.one(PEER_EVACUATION, scene.old.host)
    assert known is not None
    assert (known.new_host, known.epoch) == (scene.second.host, 2)


async def test_the_lower_epoch_loses_that_comes_later(scene: Scene) -> None:
    late, early = scene.goes_on_at(scene.first, 7), scene.goes_on_at(scene.second, 3)
    assert await scene.move(late, 30) == "done"
    assert await scene.move(early, 31) == "refused"
    assert await scene.bob_follows(late)


async def test_a_thief_without_the_words_does_not_win(scene: Scene) -> None:
    """They have the old keys, and a certificate of their own making with a high epoch."""
    right = scene.goes_on_at(scene.first, 1)
    stolen = scene.goes_on_at(scene.second, 99, RecoveryKey.new())
    assert await scene.move(right, 40) == "done"
    assert await scene.move(stolen, 41) == "refused"
    assert await scene.bob_follows(right)
    assert not await scene.bob_follows(stolen)


async def test_what_a_thief_moved_is_fetched_back(scene: Scene) -> None:
    stolen = scene.goes_on_at(scene.second, None)
    right = scene.goes_on_at(scene.first, 5)
    assert await scene.move(stolen, 50) == "done"
    assert await scene.move(right, 51) == "done"
    assert await scene.bob_follows(right)
    assert not await scene.bob_follows(stolen)


async def test_successors_are_named_ahead_of_time(database_dsn: str, tmp_path: Path) -> None:
    site = Site(database_dsn, tmp_path / "data", unused_port(), Names())
    key = RecoveryKey.new()
    async with site.running_at("old.test") as here:
        await adopt_recovery_key(here.ctx, key)
        await successions.announce(here.ctx, key, add="First.example")
        await successions.announce(here.ctx, key, add="second.example")
        assert await successions.announce(here.ctx, key, remove="first.example") == [
            "second.example"
        ]
        with pytest.raises(Invalid):
            await successions.announce(here.ctx, key, add="no domain")
        published = (await here.request("GET", successions.PATH)).body["successors"]
        assert published["successors"] == ["second.example"]
        assert published["instance"] == "http://old.test"
        check_statement(published, trusted=(key.public.did,), now=datetime.now(UTC))
        changed = published | {"successors": ["thief.example"]}
        with pytest.raises(NotVouchedFor):
            check_statement(changed, trusted=(key.public.did,), now=datetime.now(UTC))


async def test_only_the_pinned_key_names_the_next(scene: Scene) -> None:
    ctx, host = scene.here.ctx, scene.old.host
    new = RecoveryKey.new()
    said = {"type": "RecoveryKeyRotation", "from": KEY.public.did, "to": new.public.did}
    forged = sign_statement(said, by=new.signing, now=datetime.now(UTC))
    await _learn_of(scene.here, scene.old, new, forged)
    assert await ctx.db.value(PINNED_DID, host) == KEY.public.did
    signed = sign_statement(said, by=KEY.signing, now=datetime.now(UTC))
    await _learn_of(scene.here, scene.old, new, signed)
    assert await ctx.db.value(PINNED_DID, host) == new.public.did


async def test_a_certificate_is_published_and_its_people_come(
    database_dsn: str, second_database_dsn: str, tmp_path: Path
) -> None:
    """Two instances: one loses its domain, and the other's people go along."""
    names = Names()
    lost = Site(database_dsn, tmp_path / "lost", unused_port(), names)
    other = Site(second_database_dsn, tmp_path / "other", unused_port(), names)
    names.ports |= {"other.test": other.port, "new.test": lost.port, "old.test": lost.port}
    key = RecoveryKey.new()
    async with other.running_at("other.test") as there:
        (carol,) = await people(there, ["carol"])
        async with lost.running_at("old.test") as old:
            (alice,) = await people(old, ["alice"])
            await adopt_recovery_key(old.ctx, key)
            await _follow(carol, f"{old.base_url}/users/alice")
            await _follow(alice, f"{there.base_url}/users/carol")
            await learn_software(there.ctx, "old.test")
            await learn_software(old.ctx, "other.test")
            await until(lambda: _counts(alice, followers_count=1, following_count=1))
        row = await evacuate(lost, "old.test", "new.test", key=key)
        async with lost.running_at("new.test") as new:
            again = Person(new, "alice", alice.account_id, alice.token)

            async def came() -> bool:
                (one,) = await new.ctx.db.fetch(PROGRESS, row.id)
                return (one.came, one.answered) == (1, 1)

            await until(came)
            await until(lambda: _counts(again, followers_count=1, following_count=1))
            known = await there.ctx.db.one(PEER_EVACUATION, "old.test")
            assert known is not None
            assert (known.new_host, known.epoch) == ("new.test", row.epoch)
            published = (await new.request("GET", "/nodeinfo/2.1")).body["metadata"]
            (said,) = published["recoveryStatements"]
            assert said["instance"] == new.base_url
            assert check_statement(said, trusted=(key.public.did,), now=datetime.now(UTC))
            assert published["evacuations"][0]["successor"] == new.base_url
            await again.post("/api/v1/statuses", status="here I am")
            await carol.post("/api/v1/statuses", status="welcome back")

            async def read() -> bool:
                homes = [await one.get("/api/v1/timelines/home") for one in (again, carol)]
                return all(len(home) == 2 for home in homes)

            await until(read)


async def _follow(who: Person, uri: str) -> None:
    found = await who.get("/api/v2/search", q=uri, resolve="true")
    await who.post(f"/api/v1/accounts/{found['accounts'][0]['id']}/follow")


async def _counts(who: Person, **expected: int) -> bool:
    account = await who.get("/api/v1/accounts/verify_credentials")
    return all(account[name] == count for name, count in expected.items())
