"""Reading and clearing notifications."""

from typing import Any

from tests.mastodon.world import World

PATH = "/api/v1/notifications"


async def test_notifications_are_complete(world: World, schema: Any) -> None:
    me, you = await world.user("me"), await world.account("you")
    post = await world.rich_status(me)
    await world.notify(me, "follow", you)
    await world.notify(me, "favourite", you, post)
    shown = await world.get(PATH, await world.token(me))
    schema.check_each("Notification", shown)
    assert [one["type"] for one in shown] == ["favourite", "follow"]
    assert shown[0]["status"]["id"] == str(post)
    assert shown[0]["account"]["acct"] == "you@far.test"
    assert shown[1]["status"] is None


async def test_filters(world: World) -> None:
    me, you, other = await world.user("me"), await world.account("you"), await world.account("o")
    token = await world.token(me)
    follow, ask = await world.notify(me, "follow", you), await world.notify(me, "follow", other)
    request = await world.notify(me, "follow_request", you)
    assert await world.ids(f"{PATH}?types[]=follow", token) == [ask, follow]
    assert await world.ids(f"{PATH}?exclude_types[]=follow", token) == [request]
    assert await world.ids(f"{PATH}?account_id={you}", token) == [request, follow]
    assert await world.ids(f"{PATH}?types[]=unknown", token) == []


async def test_of_hidden_statuses_and_gone_people_nothing_is_shown(world: World) -> None:
    me, you, gone = await world.user("me"), await world.account("you"), await world.account("gone")
    hidden = await world.status(you, visibility="private")
    await world.notify(me, "mention", you, hidden)
    await world.notify(me, "follow", gone)
    await world.execute("UPDATE accounts SET suspended_at = now() WHERE id = $1", gone)
    assert await world.ids(PATH, await world.token(me)) == []


async def test_one_and_only_ones_own(world: World, schema: Any) -> None:
    me, other = await world.user("me"), await world.user("other")
    one = await world.notify(me, "follow", other)
    token, foreign = await world.token(me), await world.token(other)
    schema.check("Notification", await world.get(f"{PATH}/{one}", token))
    assert (await world.answer("GET", f"{PATH}/{one}", foreign)).status == 404
    assert (await world.answer("POST", f"{PATH}/{one}/dismiss", foreign)).status == 404
    assert (await world.answer("POST", f"{PATH}/{one}/dismiss", token)).json == {}
    assert (await world.answer("GET", f"{PATH}/{one}", token)).status == 404


async def test_clear_leaves_those_of_others(world: World) -> None:
    me, other = await world.user("me"), await world.user("other")
    await world.notify(me, "follow", other)
    theirs = await world.notify(other, "follow", me)
    await world.answer("POST", f"{PATH}/clear", await world.token(me))
    assert await world.ids(PATH, await world.token(me)) == []
    assert await world.ids(PATH, await world.token(other)) == [theirs]


async def test_unread_count_is_bounded(world: World, schema: Any) -> None:
    me = await world.user("me")
    token = await world.token(me)
    for name in "abc":
        await world.notify(me, "follow", await world.account(name))
    assert await world.get(f"{PATH}/unread_count", token) == {"count": 3}
    assert await world.get(f"{PATH}/unread_count?limit=2", token) == {"count": 2}
    assert await world.get(f"{PATH}/unread_count?types[]=mention", token) == {"count": 0}


async def test_what_was_read_is_not_counted(world: World) -> None:
    me = await world.user("me")
    token = await world.token(me)
    ids = [await world.notify(me, "follow", await world.account(name)) for name in "abc"]
    await world.read_up_to(me, ids[1])
    assert await world.get(f"{PATH}/unread_count", token) == {"count": 1}
    await world.read_up_to(me, ids[2])
    assert await world.get(f"{PATH}/unread_count", token) == {"count": 0}


async def test_several_are_deleted_at_once(world: World) -> None:
    me, other = await world.user("me"), await world.user("other")
    token = await world.token(me)
    first, second, third = [
        await world.notify(me, "follow", await world.account(name)) for name in "abc"
    ]
    theirs = await world.notify(other, "follow", me)
    path = f"{PATH}/destroy_multiple?ids[]={first}&ids[]={third}&ids[]={theirs}&ids[]=77"
    assert (await world.answer("DELETE", path, token)).json == {}
    assert await world.ids(PATH, token) == [second]
    assert (await world.answer("DELETE", f"{PATH}/{second}", token)).json == {}
    assert await world.ids(PATH, token) == []
    assert await world.ids(PATH, await world.token(other)) == [theirs]


async def test_what_cannot_be_seen_any_more_is_not_counted(world: World) -> None:
    me, you = await world.user("me"), await world.account("you")
    token = await world.token(me)
    await world.follow(me, you)
    await world.notify(me, "status", you, await world.status(you, visibility="private"))
    assert await world.get(f"{PATH}/unread_count", token) == {"count": 1}
    await world.execute("DELETE FROM follows")
    assert await world.get(f"{PATH}/unread_count", token) == {"count": 0}
    assert await world.get(f"/api/v2{PATH[7:]}/unread_count", token) == {"count": 0}
