"""Reading single statuses, their threads, history and source."""

from typing import Any

from tests.mastodon.world import World


async def test_hidden_and_missing_look_the_same(world: World) -> None:
    you = await world.account("you")
    hidden = await world.status(you, visibility="private")
    for what in ("", "/context", "/history", "/favourited_by", "/reblogged_by"):
        answers = [
            await world.answer("GET", f"/api/v1/statuses/{one}{what}") for one in (hidden, 5)
        ]
        assert [one.status for one in answers] == [404, 404]
        assert answers[0].json == answers[1].json == {"error": "Record not found"}


async def test_private_status_for_those_it_is_for(world: World) -> None:
    me, stranger, you = [await world.user(name) for name in ("me", "stranger", "you")]
    hidden = await world.status(you, visibility="direct")
    await world.mention(hidden, me)
    path = f"/api/v1/statuses/{hidden}"
    assert (await world.get(path, await world.token(me)))["id"] == str(hidden)
    assert (await world.answer("GET", path, await world.token(stranger))).status == 404


async def test_several_at_once(world: World) -> None:
    you = await world.account("you")
    a, b = await world.status(you), await world.status(you)
    assert await world.ids(f"/api/v1/statuses?id[]={b}&id[]={a}&id[]=5&id[]={b}") == [b, a]
    assert await world.ids("/api/v1/statuses") == []


async def test_malformed_id_is_not_found(world: World) -> None:
    assert (await world.answer("GET", "/api/v1/statuses/abc")).status == 404


async def context_ids(world: World, status: int, token: str | None = None) -> Any:
    found = await world.get(f"/api/v1/statuses/{status}/context", token)
    return tuple([int(one["id"]) for one in found[key]] for key in ("ancestors", "descendants"))


async def test_context_is_in_reading_order(world: World, schema: Any) -> None:
    you = await world.account("you")
    top = await world.status(you)
    middle = await world.status(you, reply_to=top)
    a = await world.status(you, reply_to=middle)
    b = await world.status(you, reply_to=middle)
    under_a = await world.status(you, reply_to=a)
    bottom = await world.status(you, reply_to=under_a)
    assert await context_ids(world, a) == ([top, middle], [under_a, bottom])
    assert await context_ids(world, top) == ([], [middle, a, under_a, bottom, b])
    schema.check("Context", await world.get(f"/api/v1/statuses/{a}/context"))


async def test_context_leaves_out_hidden_and_unwanted(world: World) -> None:
    me, you, muted = await world.user("me"), await world.account("you"), await world.account("m")
    top = await world.status(you)
    await world.status(you, reply_to=top, visibility="private")
    of_muted = await world.status(muted, reply_to=top)
    await world.mute(me, muted)
    assert await context_ids(world, top) == ([], [of_muted])
    assert await context_ids(world, top, await world.token(me)) == ([], [])


async def test_context_for_strangers_is_bounded(world: World) -> None:
    me, you = await world.user("me"), await world.account("you")
    top = await world.status(you)
    replies = [await world.status(you, reply_to=top) for _ in range(70)]
    chain = [top]
    for _ in range(45):
        chain.append(await world.status(you, reply_to=chain[-1]))
    token = await world.token(me)
    assert len((await context_ids(world, top))[1]) == 60
    assert len((await context_ids(world, top, token))[1]) == len(replies) + 45
    assert await context_ids(world, chain[-1]) == (chain[-41:-1], [])
    assert await context_ids(world, chain[-1], token) == (chain[:-1], [])


async def test_context_survives_a_circle(world: World) -> None:
    you = await world.account("you")
    a = await world.status(you)
    b = await world.status(you, reply_to=a)
    await world.execute("UPDATE statuses SET in_reply_to_id = $2 WHERE id = $1", a, b)
    ancestors, descendants = await context_ids(world, a, await world.token(await world.user("me")))
    assert b in ancestors + descendants
    assert len(ancestors) + len(descendants) <= 3


async def test_history_begins_with_the_first_version(world: World, schema: Any) -> None:
    status_id = await world.rich_status(await world.account("you"))
    path = f"/api/v1/statuses/{status_id}/history"
    assert [one["content"] for one in await world.get(path)] == ["<p>Hello</p>"]
    await world.edit(status_id)
    history = await world.get(path)
    schema.check_each("StatusEdit", history)
    assert [one["content"] for one in history] == ["<p>Before</p>", "<p>Hello</p>"]
    assert history[0]["poll"] == {"options": [{"title": "Old"}, {"title": "Older"}]}
    assert len(history[1]["media_attachments"]) == 1


async def test_source_is_plain_text(world: World, schema: Any) -> None:
    me, you = await world.user("me"), await world.account("you")
    token = await world.token(me)
    mine, theirs = await world.status(me, local=True), await world.status(you, "<p>Hi &amp; ho</p>")
    source = await world.get(f"/api/v1/statuses/{mine}/source", token)
    schema.check("StatusSource", source)
    assert source["text"] == "Hello"
    assert (await world.get(f"/api/v1/statuses/{theirs}/source", token))["text"] == "Hi & ho"


async def test_who_favourited_and_boosted(world: World) -> None:
    me, you, fan, hidden = [await world.user(name) for name in ("me", "you", "fan", "hidden")]
    post = await world.status(you)
    for who in (fan, me):
        await world.favourite(who, post)
    await world.status(fan, reblog_of=post)
    await world.status(hidden, reblog_of=post, visibility="private")
    assert await world.ids(f"/api/v1/statuses/{post}/favourited_by") == [me, fan]
    assert await world.ids(f"/api/v1/statuses/{post}/reblogged_by") == [fan]
    await world.block(me, fan)
    token = await world.token(me)
    assert await world.ids(f"/api/v1/statuses/{post}/favourited_by", token) == [me]
