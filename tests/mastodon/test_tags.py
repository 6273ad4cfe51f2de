"""Hashtags and following them, over HTTP and a real database."""

from datetime import timedelta

import pytest

from storage.query import Command
from tests.mastodon.conftest import Schema
from tests.mastodon.write_fixtures import Here, Person
from tests.mastodon.write_fixtures import here_fixture as here_fixture

_FORGET_HOME = Command("UPDATE users SET home_built_at = NULL WHERE account_id = $1")
_EMPTY_HOME = Command("DELETE FROM home_entries WHERE account_id = $1")


async def home(here: Here, person: Person) -> list[str]:
    return [one["id"] for one in await here.do("GET", "/api/v1/timelines/home", person)]


async def test_a_tag_nobody_used_can_be_followed(here: Here, schema: Schema) -> None:
    alice = await here.person("alice")
    unused = await here.do("GET", "/api/v1/tags/Cats", alice)
    schema.check("Tag", unused)
    assert (unused["name"], unused["following"]) == ("cats", False)
    followed = await here.do("POST", "/api/v1/tags/Cats/follow", alice)
    schema.check("Tag", followed)
    assert followed["following"] is True
    assert await here.do("POST", "/api/v1/tags/cats/follow", alice) == followed
    assert await here.do("GET", "/api/v1/followed_tags", alice) == [followed]
    left = await here.do("POST", "/api/v1/tags/cats/unfollow", alice)
    assert left["following"] is False
    assert await here.do("GET", "/api/v1/followed_tags", alice) == []


@pytest.mark.parametrize("name", ["a b", "1234", "%23", "x" * 600])
async def test_what_is_no_hashtag_is_not_found(here: Here, name: str) -> None:
    alice = await here.person("alice")
    assert (await here.send("POST", f"/api/v1/tags/{name}/follow", alice)).status == 404
    assert await here.count("tags") == 0


async def test_public_posts_with_a_followed_tag_come_home(here: Here) -> None:
    alice, bob, eve = [await here.person(name) for name in ("alice", "bob", "eve")]
    await here.do("GET", "/api/v1/timelines/home", alice)
    await here.do("POST", "/api/v1/tags/cats/follow", alice)
    await here.do("POST", f"/api/v1/accounts/{eve.id}/mute", alice)
    public = await here.post(bob, "#Cats and #dogs")
    await here.post(bob, "#cats quietly", visibility="unlisted")
    await here.post(bob, "#dogs")
    await here.post(eve, "#cats")
    assert await home(here, alice) == [public["id"]]
    assert await home(here, bob) != []


async def test_a_rebuilt_home_has_them_too(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    await here.do("POST", "/api/v1/tags/cats/follow", alice)
    public = await here.post(bob, "#cats")
    await here.ctx.db.execute(_EMPTY_HOME, alice.id)
    await here.ctx.db.execute(_FORGET_HOME, alice.id)
    assert await home(here, alice) == [public["id"]]


async def test_a_tag_tells_a_week_of_use(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    await here.post(alice, "#cats once")
    await here.post(alice, "#cats twice")
    here.clock.move(timedelta(days=1))
    await here.post(bob, "#cats thrice")
    shown = await here.do("GET", "/api/v1/tags/cats", alice)
    assert [(day["uses"], day["accounts"]) for day in shown["history"]] == [
        ("1", "1"),
        ("2", "1"),
        *[("0", "0")] * 5,
    ]
