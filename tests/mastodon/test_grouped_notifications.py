"""Notifications in groups: what belongs together, pages across groups, and the flat list beside."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.mastodon.world import START, World

PATH = "/api/v2/notifications"
FLAT = "/api/v1/notifications"
_HOUR = int(START.timestamp()) // 3600


async def fans(world: World, me: int, post: int, count: int, **options: Any) -> list[int]:
    """Let several people favourite a post; give the ids of the notifications."""
    people = [await world.account(f"fan{world.next_id()}") for _ in range(count)]
    return [await world.notify(me, "favourite", one, post, **options) for one in people]


def groups(body: Any) -> list[tuple[str, int]]:
    """Give key and size of each group of an answer."""
    return [(one["group_key"], one["notifications_count"]) for one in body["notification_groups"]]


async def test_what_belongs_together_is_one_group(world: World, schema: Any) -> None:
    me, you = await world.user("me"), await world.account("you")
    token = await world.token(me)
    post, other = await world.status(me), await world.status(me)
    first = await fans(world, me, post, 10)
    follow = await world.notify(me, "follow", you)
    await fans(world, me, other, 1)
    mention = await world.notify(me, "mention", you, await world.status(you))
    shown = await world.get(PATH, token)
    schema.check("GroupedNotificationsResults", shown, absent=frozenset({"partial_accounts"}))
    assert groups(shown) == [
        (f"ungrouped-{mention}", 1),
        (f"favourite-{other}-{_HOUR}", 1),
        (f"follow-{_HOUR}", 1),
        (f"favourite-{post}-{_HOUR}", 10),
    ]
    favourites = shown["notification_groups"][3]
    schema.check("NotificationGroup", favourites)
    assert len(favourites["sample_account_ids"]) == 8
    assert favourites["most_recent_notification_id"] == first[-1]
    assert favourites["page_min_id"] == str(first[0])
    assert favourites["page_max_id"] == str(first[-1])
    assert favourites["status_id"] == str(post)
    assert {one["id"] for one in shown["statuses"]} >= {str(post), str(other)}
    assert shown["notification_groups"][2]["page_min_id"] == str(follow)
    assert {one["id"] for one in shown["accounts"]} >= set(favourites["sample_account_ids"])


async def test_both_lists_name_the_same_groups(world: World) -> None:
    me = await world.user("me")
    token = await world.token(me)
    await fans(world, me, await world.status(me), 3)
    await world.notify(me, "follow_request", await world.account("you"))
    flat = [one["group_key"] for one in await world.get(FLAT, token)]
    grouped = [key for key, _ in groups(await world.get(PATH, token))]
    assert list(dict.fromkeys(flat)) == grouped


async def test_a_group_spans_twelve_hours(world: World) -> None:
    me = await world.user("me")
    token = await world.token(me)
    post = await world.status(me)
    for hours in (0, 11, 12, 13):
        await fans(world, me, post, 1, after=timedelta(hours=hours))
    assert groups(await world.get(PATH, token)) == [
        (f"favourite-{post}-{_HOUR + 12}", 2),
        (f"favourite-{post}-{_HOUR}", 2),
    ]


async def test_only_what_the_client_groups_is_grouped(world: World) -> None:
    me = await world.user("me")
    token = await world.token(me)
    likes = await fans(world, me, await world.status(me), 2)
    for name in "ab":
        await world.notify(me, "follow", await world.account(name))
    shown = await world.get(f"{PATH}?grouped_types[]=follow&grouped_types[]=nonsense", token)
    assert groups(shown) == [
        (f"follow-{_HOUR}", 2),
        (f"ungrouped-{likes[1]}", 1),
        (f"ungrouped-{likes[0]}", 1),
    ]
    count = f"{PATH}/unread_count"
    assert await world.get(count, token) == {"count": 2}
    assert await world.get(f"{count}?grouped_types[]=follow", token) == {"count": 3}


async def test_types_and_accounts_are_filtered(world: World) -> None:
    me, you = await world.user("me"), await world.account("you")
    token = await world.token(me)
    post = await world.status(me)
    await fans(world, me, post, 2)
    await world.notify(me, "follow", you)
    mine = await world.notify(me, "favourite", you, post)
    favourites = (f"favourite-{post}-{_HOUR}", 3)
    assert groups(await world.get(f"{PATH}?types[]=favourite", token)) == [favourites]
    assert groups(await world.get(f"{PATH}?exclude_types[]=follow", token)) == [favourites]
    assert groups(await world.get(f"{PATH}?types[]=never_heard_of", token)) == []
    of_one = groups(await world.get(f"{PATH}?account_id={you}", token))
    assert of_one[0] == (f"ungrouped-{mine}", 1)
    assert [count for _, count in of_one] == [1, 1]


async def test_partial_avatars(world: World, schema: Any) -> None:
    me = await world.user("me")
    token = await world.token(me)
    await fans(world, me, await world.status(me), 3)
    shown = await world.get(f"{PATH}?expand_accounts=partial_avatars", token)
    schema.check("GroupedNotificationsResults", shown)
    newest, *others = shown["notification_groups"][0]["sample_account_ids"]
    assert [one["id"] for one in shown["accounts"]] == [newest]
    assert [one["id"] for one in shown["partial_accounts"]] == others
    schema.check_each("PartialAccountWithAvatar", shown["partial_accounts"])
    assert (await world.answer("GET", f"{PATH}?expand_accounts=none", token)).status == 422


async def test_pages_lead_through_all_groups(world: World) -> None:
    me = await world.user("me")
    token = await world.token(me)
    posts = [await world.status(me) for _ in range(5)]
    for _ in range(3):  # interleaved, so that groups lie across pages
        for post in posts:
            await fans(world, me, post, 1)
    seen: dict[str, int] = {}
    path: str | None = f"{PATH}?limit=2"
    while path:
        answer = await world.answer("GET", path, token)
        for key, count in groups(answer.json):
            seen.setdefault(key, count)
        path = follow_link(answer.link, "next")
    assert seen == {f"favourite-{post}-{_HOUR}": 3 for post in posts}


async def test_newer_groups_are_found_from_a_place_upward(world: World) -> None:
    me = await world.user("me")
    token = await world.token(me)
    posts = [await world.status(me) for _ in range(4)]
    ids = [(await fans(world, me, post, 1))[0] for post in posts]
    keys = [f"favourite-{post}-{_HOUR}" for post in posts]
    above = groups(await world.get(f"{PATH}?min_id={ids[0]}&limit=2", token))
    assert [key for key, _ in above] == [keys[2], keys[1]]
    newest = groups(await world.get(f"{PATH}?since_id={ids[0]}&limit=2", token))
    assert [key for key, _ in newest] == [keys[3], keys[2]]
    assert groups(await world.get(f"{PATH}?min_id={ids[3]}", token)) == []


def follow_link(link: str | None, rel: str) -> str | None:
    for part in (link or "").split(", "):
        if f'rel="{rel}"' in part:
            split = urlsplit(part.split(">")[0].strip("<"))
            assert "max_id" in parse_qs(split.query) or rel != "next"
            return f"{split.path}?{split.query}"
    return None


async def test_one_group_and_who_is_in_it(world: World, schema: Any) -> None:
    me, other = await world.user("me"), await world.user("other")
    token = await world.token(me)
    ids = await fans(world, me, await world.status(me), 10)
    alone = await world.notify(me, "follow_request", await world.account("you"))
    (_, (key, _)) = groups(await world.get(PATH, token))
    shown = await world.get(f"{PATH}/{key}", token)
    assert groups(shown) == [(key, 10)]
    assert "page_min_id" not in shown["notification_groups"][0]
    assert groups(await world.get(f"{PATH}/ungrouped-{alone}", token)) == [
        (f"ungrouped-{alone}", 1)
    ]
    for wrong in ("nonsense", f"ungrouped-{ids[0]}x", "ungrouped-"):
        assert (await world.answer("GET", f"{PATH}/{wrong}", token)).status == 404, wrong
    foreign = await world.token(other)
    assert (await world.answer("GET", f"{PATH}/{key}", foreign)).status == 404
    first = await world.answer("GET", f"{PATH}/{key}/accounts?limit=6", token)
    schema.check_each("Account", first.json)
    path = follow_link(first.link, "next")
    assert path is not None
    rest = await world.get(path, token)
    assert (len(first.json), len(rest)) == (6, 4)
    assert not {one["id"] for one in first.json} & {one["id"] for one in rest}
    assert len(await world.get(f"{PATH}/ungrouped-{alone}/accounts", token)) == 1


async def test_a_group_is_dismissed_whole_and_clearing_takes_all(world: World) -> None:
    me, other = await world.user("me"), await world.user("other")
    token = await world.token(me)
    await fans(world, me, await world.status(me), 3)
    theirs = await world.notify(other, "follow", me)
    alone = await world.notify(me, "follow_request", other)
    (_, (key, _)) = groups(await world.get(PATH, token))
    foreign = await world.token(other)
    assert (await world.answer("POST", f"{PATH}/{key}/dismiss", foreign)).json == {}
    assert len(await world.get(FLAT, token)) == 4
    assert (await world.answer("POST", f"{PATH}/{key}/dismiss", token)).json == {}
    assert await world.ids(FLAT, token) == [alone]
    await world.answer("POST", f"{PATH}/ungrouped-{alone}/dismiss", token)
    assert await world.get(FLAT, token) == []
    await world.notify(me, "follow", other)
    assert (await world.answer("POST", f"{PATH}/clear", token)).json == {}
    assert groups(await world.get(PATH, token)) == []
    assert await world.ids(FLAT, foreign) == [theirs]


async def test_the_badge_clears_in_both_forms(world: World) -> None:
    me = await world.user("me")
    token = await world.token(me)
    ids = await fans(world, me, await world.status(me), 3)
    await world.notify(me, "follow", await world.account("you"))
    assert await world.get(f"{FLAT}/unread_count", token) == {"count": 4}
    assert await world.get(f"{PATH}/unread_count", token) == {"count": 2}
    await world.read_up_to(me, ids[1])
    assert await world.get(f"{PATH}/unread_count", token) == {"count": 2}
    newest = (await world.get(PATH, token))["notification_groups"][0]["page_max_id"]
    await world.read_up_to(me, int(newest))
    for path in (FLAT, PATH):
        assert await world.get(f"{path}/unread_count", token) == {"count": 0}


async def test_of_the_suspended_nothing_is_counted(world: World) -> None:
    me = await world.user("me")
    token = await world.token(me)
    await fans(world, me, await world.status(me), 3)
    newest = (await world.get(FLAT, token))[0]["account"]["id"]
    await world.execute("UPDATE accounts SET suspended_at = now() WHERE id = $1", int(newest))
    ((_, count),) = groups(await world.get(PATH, token))
    assert count == 2


@pytest.mark.parametrize("limit", ["18670345329", "0", "-3"])
async def test_absurd_limits_are_clamped(world: World, limit: str) -> None:
    token = await world.token(await world.user("me"))
    for path in (f"{PATH}?limit={limit}", f"{PATH}/unread_count?limit={limit}"):
        assert (await world.answer("GET", path, token)).status == 200
