"""Two real instances: somebody moves from one to the other, and those who followed go along; and
follows that one of the two lost come right."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from fedserver.effects import moving
from fedserver.services import followers
from storage.query import Command, Value
from tests.conftest import unused_port
from tests.instances import Instance, Person, start_instance
from tests.waiting import until

LOSE_FOLLOWS = Command("DELETE FROM follows")
LOSE_FOLLOWERS = Command("DELETE FROM follows WHERE target_id = $1")
FOLLOWS = Value("SELECT count(*) FROM follows", int)


@pytest.fixture
async def instances(
    database_dsn: str, second_database_dsn: str, tmp_path: Path
) -> AsyncIterator[tuple[Instance, Instance]]:
    here, there = unused_port(), unused_port()
    async with (
        start_instance(database_dsn, tmp_path / "here", here, peers=(there,)) as one,
        start_instance(second_database_dsn, tmp_path / "there", there, peers=(here,)) as other,
    ):
        yield one, other


async def account_of(asking: Person, acct: str) -> str:
    found = await asking.get("/api/v2/search", q=f"@{acct}", type="accounts", resolve="true")
    identifier: str = found["accounts"][0]["id"]
    return identifier


async def followed(asking: Person, account: str) -> None:
    async def is_followed() -> bool:
        relation = await asking.get("/api/v1/accounts/relationships", id=account)
        return bool(relation[0]["following"])

    assert await until(is_followed)


async def test_the_whole_way(instances: tuple[Instance, Instance]) -> None:
    one, other = instances
    alice, carol = await one.person("alice"), await one.person("carol")
    bob, again = await other.person("bob"), await other.person("again")
    for fan in (carol, bob):
        account = await account_of(fan, alice.acct)
        await fan.post(f"/api/v1/accounts/{account}/follow", notify=True)
        await followed(fan, account)

    await moving.add_alias(other.ctx, "again", f"@{alice.acct}")
    await moving.move_out(one.ctx, "alice", f"@{again.acct}")

    for fan in (carol, bob):
        new = await account_of(fan, again.acct)
        await followed(fan, new)
        relation = (await fan.get("/api/v1/accounts/relationships", id=new))[0]
        assert relation["notifying"], "the settings go along"
        old = await account_of(fan, alice.acct)
        assert not (await fan.get("/api/v1/accounts/relationships", id=old))[0]["following"]
        shown = await fan.get(f"/api/v1/accounts/{old}")
        assert shown["moved"]["acct"].split("@")[0] == "again"
    me = await again.get("/api/v1/accounts/verify_credentials")
    assert me["followers_count"] == 2

    for path, body in (
        ("/api/v1/statuses", {"status": "Still here"}),
        (f"/api/v1/accounts/{carol.account_id}/follow", {}),
    ):
        answer = await one.request("POST", path, token=alice.token, body=body)
        assert answer.status == 403, answer
    await moving.stay(one.ctx, "alice")
    await alice.post("/api/v1/statuses", status="Here again")


@pytest.fixture
async def friends(
    instances: tuple[Instance, Instance], monkeypatch: pytest.MonkeyPatch
) -> tuple[Person, Person]:
    """Bob on the one follows Alice on the other, and nobody waits long before comparing."""
    monkeypatch.setattr(followers, "COMPARE_AFTER", timedelta(0))
    monkeypatch.setattr(followers, "_LOOK_EVERY_S", 0.0)
    one, other = instances
    alice, bob = await one.person("alice"), await other.person("bob")
    account = await account_of(bob, alice.acct)
    await bob.post(f"/api/v1/accounts/{account}/follow")
    await followed(bob, account)
    return alice, bob


async def test_a_follow_that_its_own_side_lost_is_undone(friends: tuple[Person, Person]) -> None:
    alice, bob = friends
    await bob.instance.ctx.db.execute(LOSE_FOLLOWS)
    await alice.post("/api/v1/statuses", status="For followers", visibility="private")

    async def nobody_follows() -> bool:
        return await alice.instance.ctx.db.value(FOLLOWS) == 0

    assert await until(nobody_follows)


async def test_a_follow_that_the_other_side_lost_ends(friends: tuple[Person, Person]) -> None:
    alice, bob = friends
    await alice.instance.ctx.db.execute(LOSE_FOLLOWERS, alice.account_id)
    # Bob is named, so that the post reaches his server although he is no follower there.
    await alice.post("/api/v1/statuses", status=f"@{bob.acct} Hello", visibility="private")

    async def follows_nobody() -> bool:
        return await bob.instance.ctx.db.value(FOLLOWS) == 0

    assert await until(follows_nobody)
