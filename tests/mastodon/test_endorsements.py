"""Whom people recommend on their profiles, over HTTP and a real database."""

import pytest

from tests.mastodon.conftest import Schema
from tests.mastodon.write_fixtures import Here
from tests.mastodon.write_fixtures import here_fixture as here_fixture


@pytest.mark.parametrize(("on", "off"), [("endorse", "unendorse"), ("pin", "unpin")])
async def test_whom_one_follows_can_be_endorsed(
    here: Here, schema: Schema, on: str, off: str
) -> None:
    alice, bob = await here.person("alice"), await here.account("bob")
    path = f"/api/v1/accounts/{bob}"
    status, error = await here.refusal("POST", f"{path}/{on}", alice)
    assert status == 422
    assert error.endswith("You must be already following the person you want to endorse")
    await here.follow(alice.id, bob)
    for _ in range(2):
        relation = await here.do("POST", f"{path}/{on}", alice)
        schema.check("Relationship", relation)
        assert relation["endorsed"] is True
    own = await here.do("GET", "/api/v1/endorsements", alice)
    schema.check_each("Account", own)
    anybody = await here.send("GET", f"/api/v1/accounts/{alice.id}/endorsements")
    assert [one["id"] for one in anybody.body] == [one["id"] for one in own] == [str(bob)]
    assert (await here.do("POST", f"{path}/{off}", alice))["endorsed"] is False
    assert await here.do("GET", "/api/v1/endorsements", alice) == []


async def test_the_newest_come_first_in_pages(here: Here) -> None:
    alice = await here.person("alice")
    people = []
    for number in range(5):
        people.append(await here.account(f"p{number}"))
        await here.follow(alice.id, people[-1])
        await here.do("POST", f"/api/v1/accounts/{people[-1]}/endorse", alice)
    reply = await here.send("GET", "/api/v1/endorsements", alice, params={"limit": "2"})
    assert [one["id"] for one in reply.body] == [str(people[4]), str(people[3])]
    following = reply.headers["Link"].split(">")[0].removeprefix("<http://here.test")
    assert [one["id"] for one in (await here.send("GET", following, alice)).body] == [
        str(people[2]),
        str(people[1]),
    ]
    whole = await here.do("GET", "/api/v1/endorsements", alice, params={"limit": "0"})
    assert len(whole) == 5


async def test_who_is_not_followed_any_more_is_not_endorsed(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.account("bob")
    await here.follow(alice.id, bob)
    await here.do("POST", f"/api/v1/accounts/{bob}/endorse", alice)
    await here.do("POST", f"/api/v1/accounts/{bob}/block", alice)
    assert await here.do("GET", "/api/v1/endorsements", alice) == []
    relation = await here.do("GET", "/api/v1/accounts/relationships", alice, params={"id": bob})
    assert relation[0]["endorsed"] is False
