"""A follow for some languages: what comes home, at once and in a home that is made anew."""

import pytest

from fedserver.services.home import rebuild
from storage.query import Command
from tests.mastodon.write_fixtures import Here, Person
from tests.mastodon.write_fixtures import here_fixture as here_fixture

EMPTY_HOME = Command("DELETE FROM home_entries WHERE account_id = $1")


async def home(here: Here, person: Person) -> list[str]:
    """Give what somebody has at home, as ids of posts, boosts as those of what is boosted."""
    shown = await here.do("GET", "/api/v1/timelines/home", person)
    return sorted((one["reblog"] or one)["id"] for one in shown)


async def follow(here: Here, who: Person, whom: Person, languages: list[str]) -> None:
    path = f"/api/v1/accounts/{whom.id}/follow"
    await here.do("POST", path, who, json={"languages": languages})


@pytest.mark.parametrize("follow_first", [True, False])
async def test_posts_in_other_languages_do_not_come_home(here: Here, follow_first: bool) -> None:
    alice, bob, carol = [await here.person(name) for name in ("alice", "bob", "carol")]
    if follow_first:
        await follow(here, alice, bob, ["de", "fr"])
    german = await here.post(bob, "Hallo", language="de")
    english = await here.post(bob, "Hello", language="en")
    boosted = await here.post(carol, "Hello, too", language="en")
    await here.do("POST", f"/api/v1/statuses/{boosted['id']}/reblog", bob)
    if not follow_first:
        await follow(here, alice, bob, ["de", "fr"])
    wanted = sorted([german["id"], boosted["id"]])
    assert await home(here, alice) == wanted
    await here.ctx.db.execute(EMPTY_HOME, int(alice.id))
    await rebuild(here.ctx, int(alice.id))
    assert await home(here, alice) == wanted
    assert english["id"] in await home(here, bob), "one's own posts are there in any language"


async def test_without_languages_all_come(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    await follow(here, alice, bob, ["de"])
    await follow(here, alice, bob, [])
    english = await here.post(bob, "Hello", language="en")
    assert await home(here, alice) == [english["id"]]
