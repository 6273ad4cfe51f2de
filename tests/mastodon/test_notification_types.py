"""Every type of notification is made by what it is about, once, and in both lists."""

from datetime import timedelta

from fedserver.effects import end_polls
from tests.mastodon.conftest import Schema
from tests.mastodon.write_fixtures import Here, Person
from tests.mastodon.write_fixtures import here_fixture as here_fixture

FLAT = "/api/v1/notifications"
GROUPED = "/api/v2/notifications"


async def told(here: Here, person: Person) -> list[str]:
    """Give the types that somebody is shown, in both lists alike, the newest first."""
    flat = [one["type"] for one in await here.do("GET", FLAT, person)]
    shown = (await here.do("GET", GROUPED, person))["notification_groups"]
    assert [one["type"] for one in shown] == list(dict.fromkeys(flat))
    return flat


async def test_of_people(here: Here) -> None:
    ada, bob = await here.person("ada"), await here.person("bob", locked=True)
    await here.do("POST", f"/api/v1/accounts/{ada.id}/follow", bob)
    await here.do("POST", f"/api/v1/accounts/{bob.id}/follow", ada)
    assert await told(here, ada) == ["follow"]
    assert await told(here, bob) == ["follow_request"]
    await here.do("POST", f"/api/v1/follow_requests/{ada.id}/authorize", bob)
    assert await told(here, bob) == ["follow"], "the request is answered"
    await here.do("POST", f"/api/v1/accounts/{ada.id}/unfollow", bob)
    assert await told(here, ada) == []


async def test_of_posts(here: Here, schema: Schema) -> None:
    ada, bob = await here.person("ada"), await here.person("bob")
    post = await here.post(ada, "Hello")
    path = f"/api/v1/statuses/{post['id']}"
    await here.do("POST", f"{path}/favourite", bob)
    await here.do("POST", f"{path}/reblog", bob)
    await here.post(bob, "Look @ada", quoted_status_id=post["id"])
    assert sorted(await told(here, ada)) == ["favourite", "mention", "quote", "reblog"]
    for one in await here.do("GET", FLAT, ada):
        # The schema of a status is not made for its quote.
        schema.check("Notification", one | {"status": one["status"] | {"quote": None}})
    await here.do("PUT", path, ada, json={"status": "Hello again"})
    assert await told(here, bob) == ["quoted_update", "update"]
    for way in ("unfavourite", "unreblog"):
        await here.do("POST", f"{path}/{way}", bob)
    assert sorted(await told(here, ada)) == ["mention", "quote"]


async def test_of_those_one_asked_about(here: Here) -> None:
    ada, bob = await here.person("ada"), await here.person("bob")
    await here.do("POST", f"/api/v1/accounts/{ada.id}/follow", bob, json={"notify": True})
    first = await here.post(ada, "Hello")
    await here.post(ada, "Not for you", visibility="direct")
    (only,) = await here.do("GET", FLAT, bob)
    assert (only["type"], only["status"]["id"]) == ("status", first["id"])
    await here.do("POST", f"/api/v1/accounts/{ada.id}/mute", bob)
    await here.post(ada, "Muted")
    assert await told(here, bob) == [], "a mute takes them back, and lets no new ones in"


async def test_of_polls(here: Here) -> None:
    ada, bob, eve = [await here.person(name) for name in ("ada", "bob", "eve")]
    poll = {"options": ["Yes", "No"], "expires_in": 300}
    post = await here.do("POST", "/api/v1/statuses", ada, json={"status": "Well?", "poll": poll})
    await here.do("POST", f"/api/v1/polls/{post['poll']['id']}/votes", bob, json={"choices": [0]})
    here.clock.move(timedelta(minutes=6))
    assert await end_polls(here.ctx) == 1
    assert await told(here, ada) == await told(here, bob) == ["poll"]
    assert await told(here, eve) == []
    assert await end_polls(here.ctx) == 0


async def test_unknown_types_break_nothing(here: Here) -> None:
    ada = await here.person("ada")
    await here.do("POST", f"/api/v1/accounts/{ada.id}/follow", await here.person("bob"))
    for path in (FLAT, GROUPED, f"{FLAT}/unread_count", f"{GROUPED}/unread_count"):
        for query in ("types[]=pleroma:x&types[]=follow", "exclude_types[]=x", "types=follow"):
            body = await here.do("GET", f"{path}?{query}", ada)
            found = body.get("count", body.get("notification_groups")) if path != FLAT else body
            assert found, (path, query)
