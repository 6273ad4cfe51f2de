"""Timelines: what is in them, for whom, and how they are paged."""

from typing import Any

import pytest

from tests.mastodon.world import World


async def test_home_pages_by_link(world: World) -> None:
    me, you = await world.user("me"), await world.account("you")
    token = await world.token(me)
    posts = [await world.status(you) for _ in range(5)]
    await world.at_home(me, *posts)
    answer = await world.answer("GET", "/api/v1/timelines/home?limit=2", token)
    assert [int(one["id"]) for one in answer.json] == [posts[4], posts[3]]
    base = "http://here.test/api/v1/timelines/home?limit=2"
    assert answer.link == (
        f'<{base}&max_id={posts[3]}>; rel="next", <{base}&min_id={posts[4]}>; rel="prev"'
    )


async def test_last_page_has_no_next(world: World) -> None:
    me = await world.user("me")
    await world.at_home(me, await world.status(me))
    answer = await world.answer("GET", "/api/v1/timelines/home", await world.token(me))
    assert answer.link is not None
    assert 'rel="next"' not in answer.link


async def test_min_id_gives_the_page_just_above(world: World) -> None:
    me = await world.user("me")
    token = await world.token(me)
    posts = [await world.status(me) for _ in range(5)]
    await world.at_home(me, *posts)
    path = f"/api/v1/timelines/home?limit=2&min_id={posts[0]}"
    assert await world.ids(path, token) == [posts[2], posts[1]]
    path = f"/api/v1/timelines/home?limit=2&since_id={posts[0]}"
    assert await world.ids(path, token) == [posts[4], posts[3]]


async def test_home_needs_a_person(world: World) -> None:
    assert (await world.answer("GET", "/api/v1/timelines/home")).status == 401
    app_token = await world.token(None)
    assert (await world.answer("GET", "/api/v1/timelines/home", app_token)).status == 422
    other = await world.token(await world.user("me"), "write")
    assert (await world.answer("GET", "/api/v1/timelines/home", other)).status == 403


async def test_home_leaves_out_the_unwanted(world: World) -> None:
    me, muted, blocked = [await world.user(name) for name in ("me", "muted", "blocked")]
    friend = await world.account("friend")
    await world.mute(me, muted)
    await world.block(me, blocked)
    bad = await world.status(muted)
    boost_of_bad = await world.status(friend, reblog_of=await world.status(blocked))
    good = await world.status(friend)
    await world.at_home(me, bad, boost_of_bad, good)
    assert await world.ids("/api/v1/timelines/home", await world.token(me)) == [good]


async def test_filtered_rows_do_not_shorten_a_page(world: World) -> None:
    me, muted, friend = await world.user("me"), await world.account("m"), await world.account("f")
    await world.mute(me, muted)
    wanted = await world.status(friend)
    await world.at_home(me, wanted, *[await world.status(muted) for _ in range(5)])
    assert await world.ids("/api/v1/timelines/home?limit=1", await world.token(me)) == [wanted]


async def test_home_shows_private_posts_of_the_followed_only(world: World) -> None:
    me, friend, stranger = [await world.user(name) for name in ("me", "friend", "stranger")]
    await world.follow(me, friend)
    await world.follow(me, stranger, accepted=False)
    seen = await world.status(friend, visibility="private")
    hidden = await world.status(stranger, visibility="private")
    await world.at_home(me, seen, hidden)
    assert await world.ids("/api/v1/timelines/home", await world.token(me)) == [seen]


async def built_home(world: World, me: int) -> list[int]:
    """Give the home timeline after the rebuild that reading causes."""
    token = await world.token(me)
    first = await world.ids("/api/v1/timelines/home", token)
    assert await world.ids("/api/v1/timelines/home", token) == first
    return first


async def note_last_status(world: World) -> None:
    await world.execute(
        """UPDATE accounts a SET last_status_id = (
            SELECT max(id) FROM statuses s WHERE s.account_id = a.id)"""
    )


async def test_home_is_rebuilt_on_return(world: World) -> None:
    me = await world.user("me", home_built=False)
    friend, stranger = await world.account("friend"), await world.account("stranger")
    await world.follow(me, friend)
    mine, theirs = await world.status(me), await world.status(friend)
    await world.status(stranger)
    await note_last_status(world)
    assert await built_home(world, me) == [theirs, mine]


async def test_rebuilt_home_has_replies_only_among_the_followed(world: World) -> None:
    me = await world.user("me", home_built=False)
    friend, other, stranger = [await world.account(name) for name in ("f", "o", "s")]
    await world.follow(me, friend)
    await world.follow(me, other)
    to_stranger, to_other, to_me, to_self = [
        await world.status(friend, reply_to_account=who) for who in (stranger, other, me, friend)
    ]
    await note_last_status(world)
    assert await built_home(world, me) == [to_self, to_me, to_other]
    assert to_stranger


async def test_rebuilt_home_respects_hidden_boosts_and_blocks(world: World) -> None:
    me = await world.user("me", home_built=False)
    quiet, loud, blocked, author = [await world.account(name) for name in "qlba"]
    for friend in (quiet, loud):
        await world.follow(me, friend)
    await world.execute("UPDATE follows SET show_reblogs = false WHERE target_id = $1", quiet)
    await world.block(me, blocked)
    await world.status(quiet, reblog_of=await world.status(author))
    await world.status(loud, reblog_of=await world.status(blocked))
    boost = await world.status(loud, reblog_of=await world.status(author))
    await note_last_status(world)
    assert await built_home(world, me) == [boost]


async def test_rebuilt_home_shows_a_post_once(world: World) -> None:
    me = await world.user("me", home_built=False)
    friend, other = await world.account("f"), await world.account("o")
    await world.follow(me, friend)
    await world.follow(me, other)
    post = await world.status(friend)
    await world.status(other, reblog_of=post)
    await note_last_status(world)
    assert await built_home(world, me) == [post]


async def test_public_has_neither_replies_nor_boosts_nor_hidden(world: World) -> None:
    you, other = await world.account("you"), await world.account("other")
    post = await world.status(you)
    thread = await world.status(you, reply_to=post, reply_to_account=you)
    await world.status(you, reply_to=post, reply_to_account=other)
    await world.status(you, reblog_of=post)
    for visibility in ("unlisted", "private", "direct"):
        await world.status(you, visibility=visibility)
    assert await world.ids("/api/v1/timelines/public") == [thread, post]


async def test_public_local_remote_and_media(world: World) -> None:
    me, you = await world.user("me"), await world.account("you")
    here, there = await world.status(me, local=True), await world.status(you)
    await world.media(you, there)
    path = "/api/v1/timelines/public"
    assert await world.ids(f"{path}?local=true") == [here]
    assert await world.ids(f"{path}?remote=1") == [there]
    assert await world.ids(f"{path}?only_media=on") == [there]
    assert await world.ids(f"{path}?local=true&remote=true") == [there, here]


async def test_public_leaves_out_silenced_and_unwanted(world: World) -> None:
    me, muted, silenced = await world.user("me"), await world.account("m"), await world.account("s")
    await world.status(muted)
    await world.status(silenced)
    await world.mute(me, muted)
    await world.execute("UPDATE accounts SET silenced_at = now() WHERE id = $1", silenced)
    assert await world.ids("/api/v1/timelines/public", await world.token(me)) == []


async def tagged(world: World, account: int, *names: str, **options: Any) -> int:
    status_id = await world.status(account, **options)
    for name in names:
        await world.tag(status_id, name)
    return status_id


async def test_tag_with_any_all_and_none(world: World) -> None:
    you = await world.account("you")
    a = await tagged(world, you, "A")
    ab = await tagged(world, you, "a", "b")
    b = await tagged(world, you, "b")
    abc = await tagged(world, you, "a", "b", "c")
    path = "/api/v1/timelines/tag"
    assert await world.ids(f"{path}/A") == [abc, ab, a]
    assert await world.ids(f"{path}/a?any[]=b") == [abc, b, ab, a]
    assert await world.ids(f"{path}/a?all[]=b") == [abc, ab]
    assert await world.ids(f"{path}/a?all[]=b&none[]=c") == [ab]
    assert await world.ids(f"{path}/a?limit=2&any[]=b") == [abc, b]
    assert await world.ids(f"{path}/unknown") == []


async def test_tag_shows_public_posts_only(world: World) -> None:
    me, you = await world.user("me"), await world.account("you")
    here = await tagged(world, me, "a", local=True)
    await tagged(world, you, "a", visibility="unlisted")
    await tagged(world, you, "a", visibility="private")
    there = await tagged(world, you, "a")
    assert await world.ids("/api/v1/timelines/tag/a") == [there, here]
    assert await world.ids("/api/v1/timelines/tag/a?local=true") == [here]
    assert await world.ids("/api/v1/timelines/tag/a?remote=true") == [there]


async def test_bookmarks_and_favourites_page_by_hidden_ids(world: World) -> None:
    me, you = await world.user("me"), await world.account("you")
    token = await world.token(me)
    posts = [await world.status(you) for _ in range(3)]
    for post in (posts[1], posts[2], posts[0]):
        await world.bookmark(me, post)
        await world.favourite(me, post)
    for path in ("/api/v1/bookmarks", "/api/v1/favourites"):
        answer = await world.answer("GET", f"{path}?limit=2", token)
        assert [int(one["id"]) for one in answer.json] == [posts[0], posts[2]]
        assert answer.link is not None
        next_page = answer.link.partition(">")[0].removeprefix("<http://here.test")
        assert await world.ids(next_page, token) == [posts[1]]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=18670345329", 200),
        ("limit=-5", 200),
        ("limit=0", 200),
        ("max_id=abc", 422),
        ("max_id=-1", 422),
        ("max_id=99999999999999999999999", 422),
        ("max_id=", 200),
    ],
)
async def test_odd_numbers_are_clamped_or_refused(world: World, query: str, status: int) -> None:
    answer = await world.answer("GET", f"/api/v1/timelines/public?{query}")
    assert answer.status == status
