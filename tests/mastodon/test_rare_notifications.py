"""Notifications that few clients know: lost relationships, and what moderators are told; what is
shown instead to clients that do not know them."""

from dataclasses import replace
from typing import Any

from fedserver.services import domains, staff
from fedserver.services.severing import lost_follows
from fedserver.timed_cache import TimedCache
from tests.mastodon.conftest import Schema
from tests.mastodon.write_fixtures import Here, Person
from tests.mastodon.write_fixtures import here_fixture as here_fixture

FLAT = "/api/v1/notifications"
GROUPED = "/api/v2/notifications"


async def block_domain(here: Here, domain: str) -> None:
    keys: TimedCache[Any, Any] = TimedCache(here.clock, keep_s=1, max_entries=1)
    await domains.put_rule(replace(here.ctx, signer_keys=keys), domain, "block")


async def of(here: Here, person: Person, **params: Any) -> list[Any]:
    return list(await here.do("GET", FLAT, person, params=params))


async def test_a_blocked_domain_tells_what_was_lost(here: Here, schema: Schema) -> None:
    ada, bob = await here.person("ada"), await here.person("bob")
    followed, both = await here.account("followed"), await here.account("both", "sub.far.test")
    other = await here.account("other", "near.test")
    for follower, target in (
        (ada.id, followed),
        (ada.id, both),
        (both, ada.id),
        (ada.id, other),
        (bob.id, other),
    ):
        await here.follow(follower, target)
    await here.follow(bob.id, followed, accepted=False)
    await block_domain(here, "far.test")
    (told,) = await of(here, ada)
    schema.check("Notification", told)
    schema.check("RelationshipSeveranceEvent", told["event"])
    assert told["type"] == "severed_relationships"
    assert told["account"]["username"] == "ada"
    assert (told["event"]["type"], told["event"]["target_name"]) == ("domain_block", "far.test")
    assert (told["event"]["following_count"], told["event"]["followers_count"]) == (2, 1)
    assert told["event"]["purged"] is False
    assert await of(here, bob) == [], "a request is not a relationship"
    (group,) = (await here.do("GET", GROUPED, ada))["notification_groups"]
    assert group["event"] == told["event"]
    lost = await lost_follows(here.ctx, ada.id, int(told["event"]["id"]))
    assert [(one.acct, one.outward) for one in lost] == [
        ("both@sub.far.test", True),
        ("followed@far.test", True),
        ("both@sub.far.test", False),
    ]
    assert await lost_follows(here.ctx, bob.id, int(told["event"]["id"])) == []
    assert await here.count("follows") == 2


async def test_every_event_is_told(here: Here) -> None:
    ada = await here.person("ada")
    for domain in ("far.test", "near.test"):
        await here.follow(ada.id, await here.account("somebody", domain))
        await block_domain(here, domain)
    names = [one["event"]["target_name"] for one in await of(here, ada)]
    assert names == ["near.test", "far.test"]


async def test_one_person_alone_loses_and_is_told(here: Here) -> None:
    ada, bob = await here.person("ada"), await here.person("bob")
    far = await here.account("far")
    for person in (ada, bob):
        await here.follow(person.id, far)
    await here.follow(far, ada.id)
    for _ in range(2):
        await here.do("POST", "/api/v1/domain_blocks", ada, json={"domain": "far.test"})
    (told,) = await of(here, ada)
    assert (told["event"]["type"], told["event"]["target_name"]) == (
        "user_domain_block",
        "far.test",
    )
    assert (told["event"]["following_count"], told["event"]["followers_count"]) == (1, 1)
    assert len(await lost_follows(here.ctx, ada.id, int(told["event"]["id"]))) == 2
    assert await of(here, bob) == []
    assert await here.count("follows") == 1


async def test_moderators_are_told_of_reports_and_of_who_is_new(here: Here, schema: Schema) -> None:
    mod, ada, bob = [await here.person(name) for name in ("mod", "ada", "bob")]
    await here.execute("UPDATE users SET role = 'moderator' WHERE account_id = $1", mod.id)
    async with here.ctx.db.transaction() as tx:
        for person in (ada, bob):
            await staff.tell_of_sign_up(here.ctx, tx, person.id)
    report = {"account_id": bob.id, "comment": "Rude"}
    await here.do("POST", "/api/v1/reports", ada, json=report)
    told = await of(here, mod)
    schema.check_each("Notification", told)
    assert [one["type"] for one in told] == ["admin.report", "admin.sign_up", "admin.sign_up"]
    assert told[0]["report"]["target_account"]["username"] == "bob"
    assert told[0]["report"]["comment"] == "Rude"
    assert told[0]["account"]["username"] == "ada"
    shown = (await here.do("GET", GROUPED, mod))["notification_groups"]
    assert [one["notifications_count"] for one in shown] == [1, 2]
    assert await of(here, ada) == await of(here, bob) == []
    await here.execute("UPDATE users SET role = 'user' WHERE account_id = $1", mod.id)
    assert await of(here, mod) == [], "it is for who still is one"


async def test_who_does_not_know_a_type_gets_a_fallback(here: Here, schema: Schema) -> None:
    mod, ada, bob = [await here.person(name) for name in ("mod", "ada", "bob")]
    await here.execute("UPDATE users SET role = 'admin' WHERE account_id = $1", mod.id)
    async with here.ctx.db.transaction() as tx:
        for person in (ada, bob):
            await staff.tell_of_sign_up(here.ctx, tx, person.id)
    await here.do("POST", "/api/v1/reports", ada, json={"account_id": bob.id})
    await here.follow(mod.id, await here.account("far", "lost.test"))
    await block_domain(here, "lost.test")
    await here.post(ada, "Hello @mod")
    assert all(one["fallback"] is None for one in await of(here, mod))
    told = await of(here, mod, **{"supported_types[]": "mention"})
    titles = {one["type"]: one["fallback"] for one in told}
    assert titles["mention"] is None
    schema.check("NotificationFallback", titles["admin.report"])
    assert titles["severed_relationships"]["title"] == "Lost connections with lost.test"
    assert "@ada</a> reported <a" in titles["admin.report"]["title"]
    knows = {"supported_types[]": ["admin.report", "severed_relationships"]}
    assert [one["type"] for one in await of(here, mod, **knows) if one["fallback"] is not None] == [
        "admin.sign_up",
        "admin.sign_up",
    ]
    groups = (await here.do("GET", GROUPED, mod, params=knows))["notification_groups"]
    (signed_up,) = [one for one in groups if one["type"] == "admin.sign_up"]
    assert signed_up["fallback"]["title"].endswith("and 1 more signed up")
    one = await here.do("GET", f"{FLAT}/{told[1]['id']}", mod, params={"supported_types": "x"})
    assert one["fallback"]["title"] == titles[one["type"]]["title"]
    key = signed_up["group_key"]
    shown = await here.do("GET", f"{GROUPED}/{key}", mod, params={"supported_types[]": "x"})
    assert shown["notification_groups"][0]["fallback"] is not None
