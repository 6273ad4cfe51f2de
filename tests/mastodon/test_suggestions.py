"""Suggestions, the directory, familiar followers, over HTTP and a real database."""

from tests.mastodon.conftest import Schema
from tests.mastodon.write_fixtures import Here, Person
from tests.mastodon.write_fixtures import here_fixture as here_fixture

DISCOVERABLE = "UPDATE accounts SET discoverable = true"


async def circle(here: Here) -> dict[str, Person]:
    """Alice follows bob and cem, who both follow dora; eve has many followers."""
    people = {name: await here.person(name) for name in ("alice", "bob", "cem", "dora", "eve")}
    ids = {name: one.id for name, one in people.items()}
    for follower, target in [
        ("alice", "bob"),
        ("alice", "cem"),
        ("bob", "dora"),
        ("cem", "dora"),
        ("bob", "eve"),
    ]:
        await here.follow(ids[follower], ids[target])
    await here.execute(DISCOVERABLE)
    await here.execute("UPDATE accounts SET followers_count = 9 WHERE id = $1", ids["eve"])
    await here.execute("UPDATE accounts SET followers_count = 2 WHERE id = $1", ids["dora"])
    return people


async def suggested(here: Here, person: Person) -> list[tuple[str, list[str]]]:
    found = await here.do("GET", "/api/v2/suggestions", person)
    return [(one["account"]["username"], one["sources"]) for one in found]


async def test_friends_of_friends_come_first(here: Here, schema: Schema) -> None:
    people = await circle(here)
    found = await here.do("GET", "/api/v2/suggestions", people["alice"])
    for one in found:
        schema.check("Suggestion", {"account": one["account"], "sources": one["sources"]})
    assert await suggested(here, people["alice"]) == [
        ("dora", ["friends_of_friends"]),
        ("eve", ["most_followed"]),
    ]
    older = await here.do("GET", "/api/v1/suggestions?limit=1", people["alice"])
    assert [one["username"] for one in older] == ["dora"]


async def test_who_was_dismissed_blocked_or_hides_is_not_suggested(here: Here) -> None:
    people = await circle(here)
    dora, eve = people["dora"].id, people["eve"].id
    path = f"/api/v1/suggestions/{dora}"
    assert await here.do("DELETE", path, people["alice"]) == {}
    assert await suggested(here, people["alice"]) == [("eve", ["most_followed"])]
    await here.do("POST", f"/api/v1/accounts/{eve}/mute", people["alice"])
    assert await suggested(here, people["alice"]) == []
    await here.execute("UPDATE accounts SET discoverable = false WHERE id = $1", dora)
    assert ("dora", ["friends_of_friends"]) not in await suggested(here, people["bob"])
    assert await here.do("DELETE", "/api/v1/suggestions/1", people["alice"]) == {}


async def test_lists_that_people_hide_suggest_nobody(here: Here) -> None:
    people = await circle(here)
    await here.execute("UPDATE accounts SET hide_collections = true WHERE username = 'bob'")
    assert await suggested(here, people["alice"]) == [
        ("eve", ["most_followed"]),
        ("dora", ["most_followed"]),
    ]


async def test_directory_shows_who_wants_to_be_found(here: Here, schema: Schema) -> None:
    people = await circle(here)
    await here.account("far")
    await here.execute("UPDATE accounts SET discoverable = true WHERE username = 'far'")
    await here.execute("UPDATE accounts SET discoverable = NULL WHERE username = 'cem'")
    shown = (await here.send("GET", "/api/v1/directory?order=new&local=true")).body
    schema.check_each("Account", shown)
    assert {one["username"] for one in shown} == {"alice", "bob", "dora", "eve"}
    everybody = (await here.send("GET", "/api/v1/directory?order=new")).body
    assert {one["acct"] for one in everybody} - {one["acct"] for one in shown} == {"far@far.test"}
    await here.post(people["bob"])
    active = (await here.send("GET", "/api/v1/directory?limit=1")).body
    assert [one["username"] for one in active] == ["bob"]
    page = await here.send("GET", "/api/v1/directory?limit=2&offset=2&local=true&order=new")
    assert len(page.body) == 2
    assert "offset=0" in page.headers["Link"]
    await here.do("POST", f"/api/v1/accounts/{people['eve'].id}/block", people["alice"])
    path = "/api/v1/directory?local=true"
    assert "eve" not in [one["username"] for one in await here.do("GET", path, people["alice"])]
    assert (await here.send("GET", "/api/v1/directory?order=best")).status == 422


async def test_familiar_followers(here: Here, schema: Schema) -> None:
    people = await circle(here)
    dora, eve = people["dora"].id, people["eve"].id
    path = f"/api/v1/accounts/familiar_followers?id[]={dora}&id[]={eve}&id[]=1"
    found = await here.do("GET", path, people["alice"])
    schema.check_each("FamiliarFollowers", found)
    named = {one["id"]: [who["username"] for who in one["accounts"]] for one in found}
    assert named == {str(dora): ["cem", "bob"], str(eve): ["bob"], "1": []}
    await here.execute("UPDATE accounts SET hide_collections = true WHERE username = 'dora'")
    again = await here.do("GET", path, people["alice"])
    assert [one["accounts"] for one in again if one["id"] == str(dora)] == [[]]
