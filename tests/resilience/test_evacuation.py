"""The domain is lost, and everybody goes on under another one with their followers."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from activitypub.addressing import PUBLIC
from fedserver.clock import FixedClock
from fedserver.errors import Invalid, StartError
from fedserver.survival.evacuation import planning
from fedserver.survival.evacuation.rehearsing import rehearse
from fedserver.survival.evacuation.sending import Bucket
from storage.conditions import RESTORE_INCOMPLETE
from storage.evacuations import EVACUATION_UNDER_WAY, PROGRESS
from tests.conftest import unused_port
from tests.federation.fake_peer import ACTIVITY_JSON
from tests.instances import Instance, Person
from tests.resilience.evacuees import (
    Site,
    actor_uri,
    came,
    evacuate,
    let_follow,
    people,
)
from tests.resilience.model_peer import ModelPeer, Names
from tests.resilience.model_peers import MOVING, Mastodon, Takahe, model_peers, parking_page
from tests.waiting import until as until_soon

OLD, NEW = "old.test", "new.test"
# Several servers share the machine with whatever else runs.
until = partial(until_soon, within_s=40)


@pytest.fixture
async def site(database_dsn: str, tmp_path: Path) -> Site:
    return Site(database_dsn, tmp_path / "data", unused_port(), Names())


@pytest.fixture
async def peers(site: Site) -> AsyncIterator[list[ModelPeer]]:
    """Each kind that can be moved, and Takahe, with two people each."""
    ports = {kind: unused_port() for kind in (*MOVING, Takahe)}
    async with model_peers(site.names, ports, people=2) as found:
        yield found


@pytest.mark.parametrize("lost", ["no name", "502", "parking page", "410"])
async def test_all_followers_come_along(site: Site, peers: list[ModelPeer], lost: str) -> None:
    moving = [peer for peer in peers if not isinstance(peer, Takahe)]
    names = [f"person{number}" for number in range(20 if lost == "502" else 4)]
    async with site.running_at(OLD) as old:
        await let_follow(old, peers, await people(old, names))
    row = await evacuate(site, OLD, NEW)
    async with AsyncExitStack() as stack:
        await _lose(stack, site, lost)
        new = await stack.enter_async_context(site.running_at(NEW))
        targets = [actor_uri(new, name) for name in names]

        async def all_came() -> bool:
            return all(count == 2 * len(names) for count in came(moving, targets).values())

        try:
            await until(all_came)
        except TimeoutError:
            pytest.fail(f"{came(peers, targets)}, {[(p.name, p.dropped[:3]) for p in peers]}")
    assert row.new_base == f"http://{NEW}"


async def _lose(stack: AsyncExitStack, site: Site, lost: str) -> None:
    """Take the old domain away: it leads nowhere, or to somebody else's server."""
    if lost == "no name":
        site.names.ports[OLD] = None
        return
    site.names.ports[OLD] = port = unused_port()
    status = 200 if lost == "parking page" else int(lost)
    await stack.enter_async_context(parking_page(port, status))


@pytest.fixture
async def moved(site: Site) -> AsyncIterator[tuple[ModelPeer, Site]]:
    """One Mastodon, with two people."""
    async with model_peers(site.names, {Mastodon: unused_port()}, people=2) as (peer,):
        yield peer, site


async def test_posts_follows_and_threads_live_on(moved: tuple[ModelPeer, Site]) -> None:
    peer, site = moved
    async with site.running_at(OLD) as old:
        alice, bob = await people(old, ["alice", "bob"])
        await let_follow(old, [peer], [alice])
        reader = await alice.get("/api/v2/search", q=peer.uri("reader0"), resolve="true")
        await alice.post(f"/api/v1/accounts/{reader['accounts'][0]['id']}/follow")
        await bob.post(f"/api/v1/accounts/{alice.account_id}/follow")
        post = await alice.post("/api/v1/statuses", status="hello from the old domain")
        answer = await bob.post(
            "/api/v1/statuses", status="@alice hello", in_reply_to_id=post["id"]
        )

        async def arrived() -> bool:
            return len(peer.home) == 1 and len(peer.readers) == 1

        await until(arrived)
    old_post = peer.home[0]["id"]
    await evacuate(site, OLD, NEW)
    site.names.ports[OLD] = None
    async with site.running_at(NEW) as new:
        again = replace(alice, instance=new), replace(bob, instance=new)
        target = actor_uri(new, "alice")

        async def all_came() -> bool:
            follows = peer.following(target) == 2
            return follows and (target, "reader0") in peer.readers

        await until(all_came)
        await _check_for_people(*again, post, answer)
        await _check_for_peers(new, peer, old_post, target)
        await _check_the_old_inbox(again[0], peer, site)
        await _check_what_changes_old_posts(again[0], peer, old_post, post["id"])


async def _check_for_people(alice: Person, bob: Person, post: Any, answer: Any) -> None:
    """The same token, the same ids; pages are on the new domain."""
    now = await alice.get(f"/api/v1/statuses/{post['id']}")
    assert now["url"] == f"http://{NEW}/@alice/{post['id']}"
    assert now["account"]["url"] == f"http://{NEW}/@alice"
    found = await alice.get("/api/v2/search", q=now["uri"], resolve="true")
    assert [one["id"] for one in found["statuses"]] == [post["id"]]
    for handle in (f"@alice@{OLD}", f"http://{OLD}/users/alice", f"http://{NEW}/users/alice"):
        found = await bob.get("/api/v2/search", q=handle, resolve="true")
        assert [one["id"] for one in found["accounts"]] == [str(alice.account_id)], handle
    thread = await alice.get(f"/api/v1/statuses/{post['id']}/context")
    assert [one["id"] for one in thread["descendants"]] == [answer["id"]]
    assert f'href="http://{NEW}/@alice"' in thread["descendants"][0]["content"]
    following = await alice.get(f"/api/v1/accounts/{alice.account_id}/following")
    assert len(following) == 1
    assert len(await bob.get(f"/api/v1/accounts/{bob.account_id}/following")) == 1


async def _check_for_peers(new: Instance, peer: ModelPeer, old_post: str, target: str) -> None:
    """Each document is of one origin, whichever of the two names it is asked for under."""
    path = urlsplit(old_post).path
    accept = {"Accept": ACTIVITY_JSON}
    base = f"http://127.0.0.1:{new.ctx.config.server.port}"
    for host in (NEW, OLD):
        headers = {**accept, "Host": host}
        note = (await new.request("GET", base + path, headers=headers)).body
        hosts = {urlsplit(note[one]).netloc for one in ("id", "attributedTo", "replies")}
        assert hosts == {host}
        actor = (await new.request("GET", f"{base}/users/alice", headers=headers)).body
        assert urlsplit(actor["id"]).netloc == host
        assert actor["publicKey"]["id"] == f"{actor['id']}#main-key"
        assert (actor.get("movedTo") == target) is (host == OLD)
    outbox = await peer.fetch(f"{target}/outbox?page=true")
    assert {urlsplit(one["id"]).netloc for one in outbox["orderedItems"]} == {NEW}
    for number, answered in enumerate((old_post, old_post.replace(OLD, NEW))):
        note = {
            "id": f"{peer.base}/notes/{number}",
            "type": "Note",
            "attributedTo": peer.uri("reader0"),
            "content": "<p>I read it</p>",
            "inReplyTo": answered,
            "to": [PUBLIC],
            "cc": [f"http://{OLD}/users/alice"],
        }
        create = {"id": f"{note['id']}/create", "type": "Create", "object": note, "to": [PUBLIC]}
        assert await peer.send("reader0", create, f"{target}/inbox") == 202
    post_id = path.rpartition("/")[2]

    async def both_are_in_the_thread() -> bool:
        thread = (await new.request("GET", f"/api/v1/statuses/{post_id}/context")).body
        return len([one for one in thread["descendants"] if "I read it" in one["content"]]) == 2

    await until(both_are_in_the_thread)


async def _check_the_old_inbox(alice: Person, peer: ModelPeer, site: Site) -> None:
    """Who still reaches us by the old name may write to the old inbox, and is read."""
    site.names.ports[OLD] = site.port
    note = {
        "id": f"{peer.base}/notes/old-inbox",
        "type": "Note",
        "attributedTo": peer.uri("reader0"),
        "content": "<p>by the old name</p>",
        "to": [PUBLIC],
        "cc": [f"{peer.uri('reader0')}/followers"],
    }
    create = {"id": f"{note['id']}/create", "type": "Create", "object": note, "to": [PUBLIC]}
    assert await peer.send("reader0", create, f"http://{OLD}/users/alice/inbox") == 202
    site.names.ports[OLD] = None

    async def read() -> bool:
        home = await alice.get("/api/v1/timelines/home")
        return any("by the old name" in one["content"] for one in home)

    await until(read)


async def _check_what_changes_old_posts(
    alice: Person, peer: ModelPeer, old_post: str, post_id: str
) -> None:
    """Only the actor that a peer knows as the author may change its copy."""
    peer.received.clear()
    await alice.put(f"/api/v1/statuses/{post_id}", status="hello, edited")
    await alice.delete(f"/api/v1/statuses/{post_id}")
    later = await alice.post("/api/v1/statuses", status="hello from the new domain")

    async def all_arrived() -> bool:
        return [one.document["type"] for one in peer.received] == ["Update", "Delete", "Create"]

    await until(all_arrived)
    update, delete, create = (one.document for one in peer.received)
    for said in (update, delete):
        assert said["actor"] == f"http://{OLD}/users/alice"
        assert urlsplit(said["id"]).netloc == OLD
    assert update["object"]["id"] == old_post
    assert update["object"]["attributedTo"] == f"http://{OLD}/users/alice"
    assert create["actor"] == f"http://{NEW}/users/alice"
    assert (
        create["object"]["id"] == later["uri"] == f"http://{NEW}/users/alice/statuses/{later['id']}"
    )


@pytest.mark.parametrize(
    ("dialect", "moved"),
    [
        ("mastodon", {"Mastodon", "Akkoma", "Mitra", "Snac"}),
        ("hollo", {"Fedify", "Misskey"}),
        ("misskey", {"Misskey"}),
        ("snac", {"Mastodon", "GoToSocial", "Akkoma", "Mitra", "Snac"}),
    ],
)
async def test_a_dialect_moves_only_those_who_understand_it(
    site: Site, peers: list[ModelPeer], dialect: str, moved: set[str]
) -> None:
    """What the models refuse they refuse: no dialect moves everybody."""
    async with site.running_at(OLD) as old:
        accounts = await people(old, ["alice"])
        await let_follow(old, peers, accounts, taken_for=dialect)
    row = await evacuate(site, OLD, NEW)
    site.names.ports[OLD] = None
    async with site.running_at(NEW) as new:
        target = actor_uri(new, "alice")
        expected = {one.lower() for one in moved}

        async def all_is_said() -> bool:
            progress = await new.ctx.db.fetch(PROGRESS, row.id)
            at_once = {"mastodon": 3, "hollo": 4, "misskey": 2, "snac": 3}[dialect]
            return all(one.sent >= at_once for one in progress)

        async def they_came() -> bool:
            who = {peer.name.removesuffix(".test") for peer in peers if peer.following(target) > 0}
            return who == expected

        await until(all_is_said)
        await until(they_came)


async def test_who_chooses_followers_keeps_those_they_had(moved: tuple[ModelPeer, Site]) -> None:
    peer, site = moved
    async with site.running_at(OLD) as old:
        (alice,) = await people(old, ["alice"])
        await let_follow(old, [peer], [alice])
        await alice.do("PATCH", "/api/v1/accounts/update_credentials", locked=True)
    await evacuate(site, OLD, NEW)
    site.names.ports[OLD] = None
    peer.people = (*peer.people, "stranger")
    async with site.running_at(NEW) as new:
        target = actor_uri(new, "alice")

        async def all_came() -> bool:
            return peer.following(target) == 2

        await until(all_came)
        assert await new.ctx.db.value(RESTORE_INCOMPLETE)  # no lists are compared meanwhile
        await peer.follow("stranger", target)
        again = replace(alice, instance=new)

        async def asked() -> bool:
            return len(await again.get("/api/v1/follow_requests")) == 1

        await until(asked)
        assert peer.follows["stranger"][target] == "asked"


async def test_the_seized_domain_is_not_heard(moved: tuple[ModelPeer, Site]) -> None:
    """Whoever has the old domain now neither speaks for our people, nor is asked anything."""
    peer, site = moved
    async with site.running_at(OLD) as old:
        (alice,) = await people(old, ["alice"])
    await evacuate(site, OLD, NEW)
    port = unused_port()
    async with model_peers(Names(), {Mastodon: port}, people=1) as (thief,):
        thief.name = OLD
        thief.people = ("alice", "mallory")
        thief.names.ports |= site.names.ports | {OLD: port}
        site.names.ports[OLD] = port
        async with site.running_at(NEW) as new:
            thief.names.ports[NEW] = site.port
            target = actor_uri(new, "alice")
            thief.actors[target] = await peer.fetch_actor(target)
            for name in ("alice", "mallory"):
                update = {"id": f"http://{OLD}/x/{name}", "type": "Update"}
                update["object"] = thief.person(name)
                assert await thief.send(name, update, f"{target}/inbox") in (401, 403)
            again = replace(alice, instance=new)
            found = await again.get(
                "/api/v2/search", q=f"http://{OLD}/users/mallory", resolve="true"
            )
            assert found["accounts"] == []


async def test_the_configuration_must_follow(site: Site) -> None:
    async with site.running_at(OLD) as old:
        await people(old, ["alice"])
    await evacuate(site, OLD, NEW)
    with pytest.raises(StartError, match='domain = "new.test"'):
        async with site.running_at(OLD):
            pytest.fail("it started under the old domain")


async def test_a_plan_changes_nothing(site: Site, peers: list[ModelPeer]) -> None:
    async with site.running_at(OLD) as old:
        await let_follow(old, peers, await people(old, ["alice"]))
        plan = await planning.plan(old.ctx, f"http://{OLD}", NEW)
        assert plan.accounts == 2  # alice and the instance itself
        assert {one.host: one.family for one in plan.peers}["fedify.test"] == "fedify"
        said = {(one.host, one.step): one.messages for one in plan.messages}
        assert said["mastodon.test", "move"] == 1
        assert said["gotosocial.test", "move"] == 2  # one for each inbox
        assert ("misskey.test", "move") not in said
        assert await old.ctx.db.one(EVACUATION_UNDER_WAY) is None
        assert (
            await old.request("GET", "/users/alice", headers={"Accept": ACTIVITY_JSON})
        ).status == 200
        with pytest.raises(Invalid):
            await planning.plan(old.ctx, f"http://{OLD}", "not a domain")


async def test_a_rehearsal_says_everything_to_nobody(site: Site, peers: list[ModelPeer]) -> None:
    async with site.running_at(OLD) as old:
        await let_follow(old, peers, await people(old, ["alice", "bob"]))
        heard = sum(len(peer.received) for peer in peers)
        rehearsal = await rehearse(old.ctx, f"http://{OLD}", NEW)
        assert (rehearsal.accounts, rehearsal.reasons) == (3, Counter())
        assert sorted(rehearsal.taken) == sorted(peer.name for peer in peers)
        assert rehearsal.taken["mastodon.test"] == 2 * 5
        assert sum(len(peer.received) for peer in peers) == heard
        answer = await old.request("GET", "/users/alice", headers={"Accept": ACTIVITY_JSON})
        assert answer.body["id"] == f"http://{OLD}/users/alice"
        assert answer.body.get("alsoKnownAs", []) == []


async def test_a_busy_peer_is_waited_for(moved: tuple[ModelPeer, Site]) -> None:
    """429 with Retry-After: nothing more until then, and nothing is lost."""
    peer, site = moved
    async with site.running_at(OLD) as old:
        await let_follow(old, [peer], await people(old, ["alice"]))
    await evacuate(site, OLD, NEW)
    site.names.ports[OLD] = None
    peer.busy_for, answered = 2, len(peer.received)
    async with site.running_at(NEW) as new:
        target = actor_uri(new, "alice")
        begun_s = new.ctx.clock.monotonic()

        async def all_came() -> bool:
            return peer.following(target) == 2

        await until(all_came)
        assert new.ctx.clock.monotonic() - begun_s >= 2
        assert peer.refused_while_busy == 1
        assert len(peer.received) > answered


def test_a_bucket_gives_some_at_once_and_then_its_rate() -> None:
    clock = FixedClock(datetime(2026, 5, 1, tzinfo=UTC))
    bucket = Bucket(clock, rate=5.0)
    assert [bucket.take() for _ in range(150)] == [0.0] * 150
    assert bucket.take() == pytest.approx(0.2)
    assert bucket.take() == pytest.approx(0.4)
    clock.move(timedelta(seconds=2))
    assert bucket.take() == 0.0
