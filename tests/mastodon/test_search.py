"""Search in what is known here, and by address and URL."""

from typing import Any

import pytest

from activitypub.webfinger import Handle
from fedserver import effects
from fedserver.context import Context
from fedserver.errors import Unreachable
from fedserver.services import resolve
from storage.accounts import ACCOUNT_BY_ID
from storage.statuses import STATUS_BY_ID
from tests.mastodon.world import World

PATH = "/api/v2/search"


async def found(world: World, query: str, kind: str, token: str | None = None) -> list[int]:
    answer = await world.get(f"{PATH}?q={query}", token)
    return [int(one["id"]) for one in answer[kind]]


async def test_search_is_complete(world: World, schema: Any) -> None:
    me = await world.user("hello")
    await world.tag(await world.status(me), "Hellos")
    answer = await world.get(f"{PATH}?q=hello", await world.token(me))
    schema.check("Search", answer)
    schema.check_each("Tag", answer["hashtags"])
    assert [len(answer[kind]) for kind in ("accounts", "statuses", "hashtags")] == [1, 1, 1]


async def test_people_by_the_start_of_their_names(world: World) -> None:
    name, shown = await world.account("anna"), await world.account("x", display_name="Annabel")
    await world.account("hannah")
    assert sorted(await found(world, "Ann", "accounts")) == sorted([name, shown])
    assert await found(world, "@anna@far", "accounts") == [name]
    assert await found(world, "@anna@else", "accounts") == []


async def test_followed_people_come_first(world: World) -> None:
    me = await world.user("me")
    popular, friend = await world.account("anna1"), await world.account("anna2")
    await world.execute("UPDATE accounts SET followers_count = 9 WHERE id = $1", popular)
    await world.follow(me, friend)
    token = await world.token(me)
    assert await found(world, "anna", "accounts", token) == [friend, popular]
    assert await world.ids("/api/v1/accounts/search?q=anna&following=true", token) == [friend]


async def test_of_who_does_not_agree_only_ones_own_circle_is_found(world: World) -> None:
    me, you = await world.user("me"), await world.account("you")
    await world.execute("UPDATE accounts SET indexable = false WHERE id = ANY($1)", [me, you])
    liked = await world.status(you, '<p class="cheese">The moon</p>')
    await world.status(you, "<p>Another moon</p>")
    mine = await world.status(me, "<p>Moon and stars</p>", local=True)
    await world.favourite(me, liked)
    token = await world.token(me)
    assert await found(world, "moon", "statuses", token) == [mine, liked]
    assert await found(world, "moon%20stars", "statuses", token) == [mine]
    assert await found(world, "cheese", "statuses", token) == []
    assert await found(world, "moon", "statuses") == []


async def test_hidden_statuses_are_not_found(world: World) -> None:
    me, you = await world.user("me"), await world.account("you")
    post = await world.status(you, "<p>Moon</p>")
    await world.bookmark(me, post)
    await world.execute("UPDATE statuses SET visibility = 'private' WHERE id = $1", post)
    assert await found(world, "moon", "statuses", await world.token(me)) == []


async def test_hashtags_by_prefix(world: World) -> None:
    post = await world.status(await world.account("you"))
    for name in ("Katze", "Katzen", "Hund"):
        await world.tag(post, name)
    answer = await world.get(f"{PATH}?q=%23katz&type=hashtags")
    assert [one["name"] for one in answer["hashtags"]] == ["katze", "katzen"]
    assert answer["accounts"] == []


async def test_strangers_may_not_make_us_fetch(world: World) -> None:
    for query in ("resolve=true", "offset=5"):
        assert (await world.answer("GET", f"{PATH}?q=a@b.test&{query}")).status == 401


async def test_address_is_resolved(
    world: World, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await world.account("anna")
    asked = []

    async def by_handle(_ctx: Context, handle: Handle, _budget: object) -> object:
        asked.append(str(handle))
        return await ctx.db.one(ACCOUNT_BY_ID, anna)

    monkeypatch.setattr(resolve, "account_by_handle", by_handle)
    token = await world.token(await world.user("me"))
    assert await found(world, "@ann@far.test&resolve=true", "accounts", token) == [anna]
    assert asked == ["ann@far.test"]


async def test_url_is_resolved(world: World, ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    post = await world.status(await world.account("you"))

    async def by_url(_ctx: Context, _url: str, _budget: object) -> object:
        return await ctx.db.one(STATUS_BY_ID, post)

    monkeypatch.setattr(effects, "find_by_url", by_url)
    token = await world.token(await world.user("me"))
    assert await found(world, "https://far.test/9&resolve=true", "statuses", token) == [post]


async def test_known_url_needs_no_fetch(world: World) -> None:
    you = await world.account("you")
    post = await world.status(you)
    assert await found(world, f"https://far.test/s/{post}", "statuses") == [post]
    assert await found(world, "https://far.test/users/you", "accounts") == [you]


async def test_unreachable_peer_finds_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def by_url(*_: object) -> object:
        raise Unreachable("far.test", "it is down")

    monkeypatch.setattr(effects, "find_by_url", by_url)
    token = await world.token(await world.user("me"))
    assert await found(world, "https://far.test/9&resolve=true", "statuses", token) == []


async def test_the_limited_are_found_by_their_followers_only(world: World) -> None:
    me, noisy = await world.user("me"), await world.account("noisy")
    token = await world.token(me)
    await world.execute("UPDATE accounts SET silenced_at = now() WHERE id = $1", noisy)
    assert (await world.get("/api/v2/search?q=nois", token))["accounts"] == []
    await world.follow(me, noisy)
    found = (await world.get("/api/v2/search?q=nois", token))["accounts"]
    assert [one["id"] for one in found] == [str(noisy)]
