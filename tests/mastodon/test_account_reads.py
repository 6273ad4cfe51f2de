"""Reading accounts, their posts and their relations."""

from typing import Any

import pytest

from tests.mastodon.world import World


async def test_account_and_several(world: World, schema: Any) -> None:
    you, other = await world.account("you"), await world.account("other")
    account = await world.get(f"/api/v1/accounts/{you}")
    schema.check("Account", account)
    assert account["id"] == str(you)
    assert await world.ids(f"/api/v1/accounts?id[]={other}&id[]=5&id[]={you}") == [other, you]


async def test_deleted_account_is_not_found(world: World) -> None:
    you = await world.account("you")
    await world.execute("UPDATE accounts SET deleted_at = now() WHERE id = $1", you)
    for what in ("", "/statuses", "/followers", "/following"):
        assert (await world.answer("GET", f"/api/v1/accounts/{you}{what}")).status == 404


@pytest.mark.parametrize("acct", ["you@far.test", "@You@FAR.test"])
async def test_lookup_of_a_peers_account(world: World, acct: str) -> None:
    you = await world.account("you")
    assert (await world.get(f"/api/v1/accounts/lookup?acct={acct}"))["id"] == str(you)


@pytest.mark.parametrize("acct", ["me", "@me", "ME@here.test"])
async def test_lookup_of_our_account(world: World, acct: str) -> None:
    await world.account("me")
    me = await world.user("me")
    assert (await world.get(f"/api/v1/accounts/lookup?acct={acct}"))["id"] == str(me)


async def test_lookup_of_nobody(world: World) -> None:
    assert (await world.answer("GET", "/api/v1/accounts/lookup?acct=nobody")).status == 404
    assert (await world.answer("GET", "/api/v1/accounts/lookup")).status == 404


async def test_verify_credentials(world: World, schema: Any) -> None:
    me = await world.user("me")
    path = "/api/v1/accounts/verify_credentials"
    for scopes in ("read", "read:accounts", "profile"):
        schema.check("CredentialAccount", await world.get(path, await world.token(me, scopes)))
    assert (await world.answer("GET", path, await world.token(me, "write"))).status == 403


async def test_relationships_take_one_or_many(world: World, schema: Any) -> None:
    me, you, other = [await world.user(name) for name in ("me", "you", "other")]
    token = await world.token(me)
    path = "/api/v1/accounts/relationships"
    assert await world.ids(f"{path}?id={you}", token) == [you]
    assert await world.ids(f"{path}?id[]={other}&id[]={you}", token) == [other, you]
    schema.check_each("Relationship", await world.get(f"{path}?id={you}", token))


async def test_posts_of_an_account_by_filter(world: World) -> None:
    you, other = await world.account("you"), await world.account("other")
    post = await world.status(you)
    to_self = await world.status(you, reply_to=post, reply_to_account=you)
    reply = await world.status(you, reply_to_account=other)
    boost = await world.status(you, reblog_of=await world.status(other))
    picture = await world.status(you)
    await world.media(you, picture)
    await world.tag(picture, "Cats")
    await world.status(you, visibility="private")
    path = f"/api/v1/accounts/{you}/statuses"
    assert await world.ids(path) == [picture, boost, reply, to_self, post]
    assert await world.ids(f"{path}?exclude_replies=true") == [picture, boost, to_self, post]
    assert await world.ids(f"{path}?exclude_reblogs=1") == [picture, reply, to_self, post]
    assert await world.ids(f"{path}?only_media=true") == [picture]
    assert await world.ids(f"{path}?tagged=cats") == [picture]


async def test_pinned_posts_last_pinned_first(world: World) -> None:
    me = await world.user("me")
    a, b = await world.status(me), await world.status(me)
    await world.status(me)
    for post in (b, a):
        await world.pin(me, post)
        await world.execute("UPDATE statuses SET pinned_at = now() WHERE id = $1", post)
    answer = await world.answer("GET", f"/api/v1/accounts/{me}/statuses?pinned=true")
    assert [int(one["id"]) for one in answer.json] == [a, b]
    assert answer.link is None


async def test_posts_are_hidden_from_the_blocked(world: World) -> None:
    me, you = await world.user("me"), await world.user("you")
    await world.status(you)
    await world.block(you, me)
    assert await world.ids(f"/api/v1/accounts/{you}/statuses", await world.token(me)) == []


async def test_followers_and_following(world: World) -> None:
    me, a, b = [await world.user(name) for name in ("me", "a", "b")]
    for follower in (a, b):
        await world.follow(follower, me)
    await world.follow(await world.account("waiting"), me, accepted=False)
    await world.follow(me, b)
    assert await world.ids(f"/api/v1/accounts/{me}/followers") == [b, a]
    assert await world.ids(f"/api/v1/accounts/{me}/following") == [b]
    answer = await world.answer("GET", f"/api/v1/accounts/{me}/followers?limit=1")
    assert answer.link is not None
    next_page = answer.link.partition(">")[0].removeprefix("<http://here.test")
    assert await world.ids(next_page) == [a]


async def test_hidden_collections_are_shown_to_their_owner_only(world: World) -> None:
    me, a = await world.user("me"), await world.user("a")
    await world.follow(a, me)
    await world.execute("UPDATE accounts SET hide_collections = true WHERE id = $1", me)
    path = f"/api/v1/accounts/{me}/followers"
    assert await world.ids(path) == []
    assert await world.ids(path, await world.token(a)) == []
    assert await world.ids(path, await world.token(me)) == [a]


async def test_preferences(world: World, schema: Any) -> None:
    me = await world.user("me")
    schema.check("Preferences", await world.get("/api/v1/preferences", await world.token(me)))


async def test_custom_emojis(world: World, schema: Any) -> None:
    for shortcode, domain, disabled in (("b", None, False), ("a", "far.test", False)):
        await world.execute(
            """INSERT INTO custom_emojis (id, shortcode, domain, image_blob, disabled, updated_at)
            VALUES ($1, $2, $3, 'cd.png', $4, now())""",
            world.next_id(),
            shortcode,
            domain,
            disabled,
        )
    emojis = await world.get("/api/v1/custom_emojis")
    schema.check_each("CustomEmoji", emojis)
    assert [one["shortcode"] for one in emojis] == ["b"]
    assert emojis[0]["url"] == "http://here.test/media/cd.png"
