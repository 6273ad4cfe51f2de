"""A page costs a fixed number of queries: the same for 1 and for 40, and two when it is warm."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from fedserver.bytes_cache import BytesCache
from fedserver.context import Context
from fedserver.routing import CONTEXT
from storage.database import Connection
from tests.mastodon.world import START, World


class Counter:
    """Counts statements, and remembers them for whoever reads a failure."""

    def __init__(self) -> None:
        self.statements: list[str] = []


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Counter:
    counter = Counter()
    for name in ("fetch", "one", "value", "values", "execute"):
        monkeypatch.setattr(Connection, name, _counted(counter, getattr(Connection, name)))
    return counter


def _counted(counter: Counter, run: Any) -> Any:
    async def counted(self: Connection, query: Any, *args: object) -> Any:
        counter.statements.append(query.sql)
        return await run(self, query, *args)

    return counted


_FILTER = """
    INSERT INTO filters (id, account_id, title, contexts, created_at)
    VALUES ($1, $2, 'T', '{home}', now())"""
_KEYWORD = "INSERT INTO filter_keywords (id, filter_id, keyword) VALUES ($1, $2, $3)"
_FILTER_STATUS = "INSERT INTO filter_statuses (id, filter_id, status_id) VALUES ($1, $2, $3)"
_DOMAIN = """
    INSERT INTO user_domain_blocks (id, account_id, domain, created_at)
    VALUES ($1, $2, $3, now())"""
_SCHEDULED = """
    INSERT INTO scheduled_statuses (id, account_id, scheduled_at, due_at, params, created_at)
    VALUES ($1, $2, now(), now(), '{"media_ids": null}', now())"""


@dataclass(frozen=True)
class Scene:
    """Two people: one whose lists have one entry, one whose lists have forty."""

    paths: dict[str, tuple[str, str]]
    tokens: tuple[str, str]


async def make_scene(world: World) -> Scene:
    people, tokens = [], []
    targets: dict[str, list[str]] = {}
    for count in (1, 40):
        me = await world.user(f"me{count}")
        target = await _fill(world, me, count)
        people.append(me)
        tokens.append(await world.token(me))
        for name, path in target.items():
            targets.setdefault(name, []).append(path)
    paths = {name: (both[0], both[1]) for name, both in targets.items()}
    return Scene(paths, (tokens[0], tokens[1]))


async def _fill(world: World, me: int, count: int) -> dict[str, str]:
    author, booster = await world.user(f"author{count}"), await world.account(f"b{count}")
    popular, mine = await world.status(author), await world.status(me, "Ask me")
    ids = []
    for number in range(count):
        status_id = await world.rich_status(author)
        await world.quote(status_id, await world.quoting_status(author))
        await world.guard(status_id)
        boost = await world.status(booster, "", reblog_of=status_id)
        fan = await world.account(f"fan{count}x{number}")
        await world.at_home(me, boost)
        await world.tag(status_id, f"tag{count}")
        await world.favourite(me, status_id)
        await world.react(me, status_id, "🔥")
        await world.bookmark(me, status_id)
        await world.notify(me, "status", fan, status_id)
        await world.notify(me, "follow", fan)
        await world.notify(me, "favourite", fan, await world.status(me, "<p>Loved</p>"))
        await world.filtered(me, await world.account(f"shy{count}x{number}"))
        await world.converse(me, fan)
        await world.follow(fan, me)
        await world.follow(me, fan)
        await world.favourite(fan, popular)
        await world.waiting_answer(fan, mine, me)
        await world.status(fan, reblog_of=popular)
        await world.status(author, reply_to=popular)
        ids.append((status_id, fan))
    filter_id = await _refuse(world, me, [one for one, _ in ids])
    list_id = await world.listed(me, [fan for _, fan in ids])
    group = f"follow-{int(START.timestamp()) // 3600}"
    many_statuses = "&".join(f"id[]={one}" for one, _ in ids)
    many_accounts = "&".join(f"id[]={one}" for _, one in ids)
    return {
        "home": "/api/v1/timelines/home?limit=40",
        "list": f"/api/v1/timelines/list/{list_id}?limit=40",
        "list accounts": f"/api/v1/lists/{list_id}/accounts?limit=40",
        "tag": f"/api/v1/timelines/tag/tag{count}?limit=40",
        "account statuses": f"/api/v1/accounts/{author}/statuses?only_media=1&limit=40",
        "followers": f"/api/v1/accounts/{me}/followers",
        "following": f"/api/v1/accounts/{me}/following",
        "relationships": f"/api/v1/accounts/relationships?{many_accounts}",
        "accounts": f"/api/v1/accounts?{many_accounts}",
        "statuses": f"/api/v1/statuses?{many_statuses}",
        "bookmarks": "/api/v1/bookmarks?limit=40",
        "favourites": "/api/v1/favourites?limit=40",
        "notifications": "/api/v1/notifications?types[]=status&limit=40",
        "grouped notifications": "/api/v2/notifications?types[]=favourite&limit=40",
        "accounts of a group": f"/api/v2/notifications/{group}/accounts?limit=40",
        "requests": "/api/v1/notifications/requests?limit=40",
        "conversations": "/api/v1/conversations?limit=40",
        "interaction requests": "/api/v1/interaction_requests?limit=40",
        "context": f"/api/v1/statuses/{popular}/context",
        "favourited_by": f"/api/v1/statuses/{popular}/favourited_by",
        "reblogged_by": f"/api/v1/statuses/{popular}/reblogged_by",
        "filters": "/api/v2/filters",
        "filters v1": "/api/v1/filters",
        "filter keywords": f"/api/v2/filters/{filter_id}/keywords",
        "filter statuses": f"/api/v2/filters/{filter_id}/statuses",
        "domain blocks": "/api/v1/domain_blocks",
        "blocks": "/api/v1/blocks",
        "mutes": "/api/v1/mutes",
        "scheduled": "/api/v1/scheduled_statuses?limit=40",
        "account search": f"/api/v2/search?type=accounts&q=fan{count}x&limit=40",
        "status search": "/api/v2/search?type=statuses&q=Hello%20in:library&limit=40",
    }


async def _refuse(world: World, me: int, status_ids: list[int]) -> int:
    """Filter the statuses and as many words; block, mute and schedule as much."""
    filter_id = world.next_id()
    await world.execute(_FILTER, filter_id, me)
    for number, status_id in enumerate(status_ids):
        if number:
            await world.execute(_FILTER, world.next_id(), me)
        await world.execute(_KEYWORD, world.next_id(), filter_id, f"word{number}")
        await world.execute(_FILTER_STATUS, world.next_id(), filter_id, status_id)
        await world.execute(_DOMAIN, world.next_id(), me, f"d{number}.test")
        await world.execute(_SCHEDULED, world.next_id(), me)
        await world.block(me, await world.account(f"blocked{me}x{number}"))
        await world.mute(me, await world.account(f"muted{me}x{number}"))
    return filter_id


async def count(world: World, counter: Counter, path: str, token: str) -> tuple[int, int, int]:
    """Give the entries of the answer, and the statements that it took cold and warm."""
    taken = []
    answer: Any = None
    app = world.client.app
    assert app is not None
    # A context whose cache is empty.
    fresh = replace(world.ctx, entity_cache=BytesCache(4 * 1024 * 1024))
    app._state[CONTEXT] = fresh
    for _ in range(2):
        counter.statements.clear()
        answer = await world.get(path, token)
        taken.append(len([one for one in counter.statements if "oauth_tokens" not in one]))
    lists = [answer] if isinstance(answer, list) else list(answer.values())
    return max(len(one) for one in lists), taken[0], taken[1]


async def test_a_page_of_40_takes_as_many_queries_as_a_page_of_1(
    world: World, ctx: Context, counter: Counter
) -> None:
    scene = await make_scene(world)
    for name, (small, large) in scene.paths.items():
        entries, cold, warm = await count(world, counter, small, scene.tokens[0])
        more_entries, cold_40, warm_40 = await count(world, counter, large, scene.tokens[1])
        assert (entries, more_entries >= 20) == (1, True), name
        assert (cold, warm) == (cold_40, warm_40), name


async def test_public_timeline(world: World, counter: Counter) -> None:
    token = await world.token(await world.user("me"))
    author = await world.account("author")
    for expected in (1, 40):
        while len(await world.ids("/api/v1/timelines/public?limit=40")) < expected:
            await world.rich_status(author)
        found, cold, warm = await count(world, counter, "/api/v1/timelines/public?limit=40", token)
        filters = 1 if expected == 1 else 0  # the viewer's, read once and then known
        assert (found, cold, warm) == (expected, 4 + filters, 2)


async def test_warm_home_page_is_one_query(world: World, counter: Counter) -> None:
    me, author = await world.user("me"), await world.account("author")
    await world.at_home(me, *[await world.status(author) for _ in range(40)])
    path = "/api/v1/timelines/home?limit=40"
    # Of the cold ones one reads the viewer's filters.
    assert await count(world, counter, path, await world.token(me)) == (40, 4, 1)
